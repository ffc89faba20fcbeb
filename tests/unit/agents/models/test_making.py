"""Models are made of classes, functions and objects, each asked for in its own way."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.agents.models.conftest import source_of

from tutti.agents.models.making import made_of
from tutti.agents.models.port import declared
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

GIVEN = {"fast": 3, "timeframe": "1h", "instrument": "BTC-USDT@SIM"}


class Predicts:
    fast: Any = None

    def predict(self, features: Any) -> Any:
        return features


class Bare(Predicts):
    """Asks for nothing."""


class Whole(Predicts):
    def __init__(self, config: Any) -> None:
        self.fast = config["fast"]


class Optional(Predicts):
    def __init__(self, params: Any = None) -> None:
        self.fast = params["fast"]


class Annotated(Predicts):
    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self.fast = given["fast"] if given else None


class AnyName(Predicts):
    def __init__(self, whatever: Any, /) -> None:
        self.fast = whatever["fast"]


class OneName(Predicts):
    def __init__(self, whatever: Any, least: float = 0.5) -> None:
        self.fast = whatever["fast"]


class ByName(Predicts):
    def __init__(self, fast: int = 12, slow: int = 48) -> None:
        self.fast = fast


class ByKeyword(Predicts):
    def __init__(self, *, timeframe: str, fast: int) -> None:
        self.fast = fast if timeframe == "1h" else None


class Anything(Predicts):
    def __init__(self, *args: Any, **given: Any) -> None:
        self.fast = given["fast"]


class Listed(Predicts):
    def __init__(self, *args: Any) -> None:
        self.fast = args[0]["fast"]


@dataclass
class Fields(Predicts):
    fast: int = 12


def factory(config: dict[str, Any]) -> Any:
    return Whole(config)


@pytest.mark.parametrize(
    "found",
    [
        Whole, Optional, Annotated, AnyName, OneName, ByName, ByKeyword, Anything, Listed, Fields,
        factory,
    ],
)  # fmt: skip
def test_constructor_is_given_its_configuration_as_it_asks_for_it(found: Any) -> None:
    assert made_of(found, GIVEN).fast == 3


def test_constructor_that_asks_for_nothing_is_given_nothing() -> None:
    assert isinstance(made_of(Bare, {"timeframe": "1h", "instrument": "X"}), Bare)


def test_class_that_does_not_tell_what_it_asks_for_is_given_the_whole() -> None:
    assert made_of(dict, {"fast": 3}) == {"fast": 3}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Bare, "unexpected keyword argument 'fast'|takes no arguments"),
        (type("Two", (Predicts,), {"__init__": lambda self, window, least: None}), "missing|unexp"),
        (Bare(), "an object that is made already takes no params, was given fast"),
        (Bare().predict, "a function takes no params, was given fast"),
    ],
)
def test_params_that_nothing_asks_for_are_refused(found: Any, told: str) -> None:
    with pytest.raises(TypeError, match=told):
        made_of(found, GIVEN)
    with pytest.raises(ConfigError, match=f"could not be made: TypeError: .*({told})"):
        source_of(found).made(GIVEN)


def test_object_is_copied_so_that_no_two_share_what_they_remember() -> None:
    found: Any = Bare()
    found.seen = []
    one, other = made_of(found, {}), made_of(found, {})
    one.seen.append(1)
    assert (other.seen, found.seen) == ([], [])


lookback = 7
needs = ("rsi_14",)


def predict(features: Any) -> Any:
    return features


def test_function_says_about_itself_what_its_module_says() -> None:
    made = made_of(predict, {"timeframe": "1h"})
    assert made.predict(5) == 5
    said = declared(source_of(predict), made)
    assert (said.lookback, said.needs, said.shared) == (7, ("rsi_14",), False)


def test_what_predicts_need_not_be_a_class() -> None:
    made = made_of(SimpleNamespace(predict=predict), {})
    assert made.predict(1) == 1
