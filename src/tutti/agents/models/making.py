"""How a model is made of whatever was found: a class, a function ``predict``, or an object.

A class is given its configuration in the way that its constructor asks for it: the whole as one
mapping, single params by name, or nothing.
"""

from __future__ import annotations

import copy
import inspect
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SAYS = ("needs", "timeframe", "lookback", "shared", "awaited", "predict_all")
"""What a model may say about itself; beside a function, the module says it."""

_PREDICT = "predict"
_WHOLE = re.compile(r"config(uration)?|cfg|conf|param(eter)?s|settings|opt(ion)?s|kwargs")
_MAPPING = re.compile(r"\b(dict|Dict|Mapping|MutableMapping)\b")
_AMBIENT = frozenset({"timeframe", "instrument"})
"""Given to every model, wanted or not."""


def made_of(found: Any, config: Mapping[str, Any]) -> Any:
    """Return a model of its own, which shares nothing with another one that is made.

    Parameters
    ----------
    found : class, function or object
        A class or another factory; a function called ``predict``; or an object with that method,
        which is copied.
    config : mapping
        The model's.

    Raises
    ------
    TypeError
        If a constructor can't be given what is configured, or asks for more.
    """
    is_function = inspect.isroutine(found) and getattr(found, "__name__", "") == _PREDICT
    is_object = not isinstance(found, type) and callable(getattr(found, _PREDICT, None))
    if (is_function or is_object) and (given := sorted(set(config) - _AMBIENT)):
        what = "a function" if is_function else "an object that is made already"
        raise TypeError(f"{what} takes no params, was given {', '.join(given)}")
    if is_function:
        module = inspect.getmodule(found)
        said = {name: getattr(module, name) for name in SAYS if hasattr(module, name)}
        return SimpleNamespace(predict=found, **said)
    if is_object:
        return copy.deepcopy(found)
    return _called(found, dict(config))


def _called(make: Any, config: dict[str, Any]) -> Any:
    try:
        asked = list(inspect.signature(make).parameters.values())
    except (TypeError, ValueError):  # some compiled classes don't say
        return make(config)
    if asked and _takes_whole(asked, config):
        return make(config)
    takes_any = any(each.kind is each.VAR_KEYWORD for each in asked)
    names = {each.name for each in asked if _is_named(each)}
    given = {
        name: value
        for name, value in config.items()
        if name in names or takes_any or name not in _AMBIENT
    }
    return make(**given)


def _takes_whole(asked: list[inspect.Parameter], config: Mapping[str, Any]) -> bool:
    first = asked[0]
    if first.kind in (first.POSITIONAL_ONLY, first.VAR_POSITIONAL):
        return not any(each.kind is each.VAR_KEYWORD for each in asked)
    if first.kind is not first.POSITIONAL_OR_KEYWORD:
        return False
    if _WHOLE.fullmatch(first.name) or _MAPPING.search(str(first.annotation)):
        return True
    required = [each for each in asked if each.default is each.empty and _is_named(each)]
    return required == [first] and first.name not in config


def _is_named(each: inspect.Parameter) -> bool:
    return each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
