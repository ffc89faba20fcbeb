"""Scenarios by name, or from a YAML file that is refused whole at the first doubt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from tutti.app.document import Document, Key, dotted, read_document
from tutti.app.expectation import remedy
from tutti.app.settings import Number, Section
from tutti.app.validation import text_of
from tutti.kernel.clock import parse_instant
from tutti.model.errors import ConfigError
from tutti.sandbox.scenarios import effects
from tutti.sandbox.scenarios.catalogue import SCENARIOS
from tutti.sandbox.scenarios.scenario import Scenario
from tutti.sandbox.scenarios.span import SPAN, Span

_SUFFIXES = (".yaml", ".yml")


def _instant(text: str) -> str:
    try:
        parse_instant(text)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no date and no time; write for example 2024-01-31T12:00"
        ) from None
    return text


def _about(key: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("about_key", "{message}", {"key": key, "message": message})


Length = Annotated[str, Field(pattern=SPAN)]
Patterns = tuple[str, ...]


class _Effect(Section):
    after: Length = "0"


class _Shock(_Effect):
    size: Number = Field(gt=-1, le=10, examples=[-0.2])
    over: Length = Field("0", examples=["4h"])
    hold: Length = Field("0", examples=["4h"])
    recover: Number = Field(0.0, ge=0, le=1, examples=[0.5])
    recovery: Length = Field("0", examples=["1d"])
    on: Patterns = ("*",)


class _Volatility(_Effect):
    factor: Number = Field(ge=0, le=100, examples=[3])
    lasts: Length = Field(examples=["3d"])
    on: Patterns = ("*",)


class _Spread(_Effect):
    factor: Number = Field(gt=0, le=1000, examples=[5])
    lasts: Length = Field(examples=["3d"])
    on: Patterns = ("*",)


class _Volume(_Effect):
    factor: Number = Field(gt=0, le=1000, examples=[0.2])
    lasts: Length = Field(examples=["3d"])
    on: Patterns = ("*",)


class _Outage(_Effect):
    lasts: Length = Field(examples=["6h"])
    venue: str = Field("", examples=["BINANCE_USDM"])
    prices: Literal["missing", "shown"] = "missing"


class _Depeg(_Effect):
    low: Number = Field(gt=0, lt=1, examples=[0.88])
    currency: str = Field("", examples=["USDT"])
    over: Length = Field("0", examples=["1d"])
    hold: Length = Field("0", examples=["1d"])
    recover: Number = Field(0.0, ge=0, le=1, examples=[1])
    recovery: Length = Field("0", examples=["2d"])


class _Funding(_Effect):
    rate: Number = Field(gt=-1, lt=1, examples=[0.003])
    lasts: Length = Field(examples=["7d"])
    every: Length = Field("8h", examples=["8h"])
    on: Patterns = ("*",)


class _OneEffect(Section):
    shock: _Shock | None = None
    volatility: _Volatility | None = None
    spread: _Spread | None = None
    volume: _Volume | None = None
    outage: _Outage | None = None
    depeg: _Depeg | None = None
    funding: _Funding | None = None

    @model_validator(mode="before")
    @classmethod
    def _exactly_one(cls, data: object) -> object:
        known = list(cls.model_fields)
        named = [name for name in data if name in known] if isinstance(data, dict) else []
        if isinstance(data, dict) and set(data) <= set(known) and len(named) != 1:
            raise _about(
                named[1] if named else "shock",
                f"must be one of {', '.join(known)}, was {len(named)} of them; "
                "begin a new entry, with a dash, for each",
            )
        return data

    def effect(self) -> effects.Effect:
        """Return the effect that is given."""
        name, given = next((name, each) for name, each in self if each is not None)
        values: dict[str, Any] = dict(given)
        for key, value in values.items():
            if key in _SPANS:
                values[key] = Span(value)
        kinds = {called: kind for kind, called in effects.NAMES.items()}
        made: effects.Effect = kinds[name](**values)
        return made


_SPANS = ("after", "over", "hold", "recovery", "lasts", "every")


class _ScenarioFile(Section):
    name: str = ""
    about: str = ""
    at: Number = Field(0.5, ge=0, lt=1)
    start: Annotated[str, AfterValidator(_instant)] | None = Field(
        None, examples=["2024-01-31T12:00"]
    )
    effects: tuple[_OneEffect, ...]

    @model_validator(mode="before")
    @classmethod
    def _name_is_a_word(cls, data: object) -> object:
        name = data.get("name", "") if isinstance(data, dict) else ""
        if isinstance(name, str) and not all(
            each.islower() or each.isdigit() or each == "_" for each in name
        ):
            raise _about(
                "name",
                f"must be small letters, digits and underscores, was {name!r}; "
                "write for example two_day_outage",
            )
        return data

    @model_validator(mode="after")
    def _something_happens(self) -> Self:
        if not self.effects:
            raise _about(
                "effects", "is empty; write for example - volatility: {factor: 3, lasts: 3d}"
            )
        return self


def scenario_of(name: str) -> Scenario:
    """Return the scenario of that name, or the one in the file of that name.

    Raises
    ------
    ConfigError
        If there is neither, or the file can't be used; one line with file, line, key, and remedy.
    """
    if name in SCENARIOS:
        return SCENARIOS[name]
    path = Path(name)
    if path.suffix not in _SUFFIXES:
        raise ConfigError(
            f"no scenario is called {name!r}; there are {', '.join(SCENARIOS)}, or name a YAML file"
        )
    text = text_of(path, "write one, or name a scenario")
    return parse_scenario(text, str(path))


def parse_scenario(text: str, name: str) -> Scenario:
    """Return the scenario written in ``text``; ``name`` is what messages call the text.

    Raises
    ------
    ConfigError
        See `scenario_of`.
    """
    document = read_document(text, name)
    try:
        found = _ScenarioFile.model_validate(document.values)
    except ValidationError as error:
        raise _in_a_line(document, error) from error
    return Scenario(
        name=found.name or Path(name).stem,
        about=found.about,
        effects=tuple(each.effect() for each in found.effects),
        at=float(found.at),
        start=None if found.start is None else parse_instant(found.start),
    )


def _in_a_line(document: Document, error: ValidationError) -> ConfigError:
    by_key: dict[Key, str] = {}
    for problem in error.errors():
        key, message = remedy(_ScenarioFile, dict(problem))
        by_key.setdefault(key, message)
    # what is missing may just be misspelt: that comes first
    last = len(document.lines) + 1
    key, message = min(by_key.items(), key=lambda item: document.lines.get(item[0], last))
    more = len(by_key) - 1
    also = f" ({more} more problem{'s' if more > 1 else ''} in this file)" if more else ""
    return ConfigError(f"{document.where(key)}: {dotted(key)} {message}{also}")
