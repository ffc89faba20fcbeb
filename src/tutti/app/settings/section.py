"""What sections of the configuration are made of: bounded values, and how a section refuses."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Regime


def _not_text_nor_bool(value: object) -> object:
    # True is 1 to Python, and text that looks like a number to pydantic; neither is meant as one
    if isinstance(value, bool | str):
        raise PydanticCustomError("not_a_number", "not a number")
    return value


def _not_a_bool(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("not_a_number", "not a number")
    return value


def _instrument(text: str) -> str:
    InstrumentId.parse(text)
    return text


def _regime(text: str) -> str:
    if text not in Regime.__members__:
        raise ValueError(f"no regime is called {text!r}; there are {', '.join(Regime.__members__)}")
    return text


def refuse_twice(names: tuple[str, ...] | list[str], *, key: str) -> None:
    """Refuse a list, at ``key``, that holds a name twice; for validators of a section."""
    for index, name in enumerate(names):
        if name in names[:index]:
            raise about(f"{key}.{index}", f"is {name} for the second time; remove one")


def about(key: str, message: str) -> PydanticCustomError:
    """Return what a validator of a section raises about the key of that section at ``key``."""
    # the reader of the file turns the key into a line number
    return PydanticCustomError("about_key", "{message}", {"key": key, "message": message})


Number = Annotated[float, BeforeValidator(_not_text_nor_bool)]
Whole = Annotated[int, BeforeValidator(_not_text_nor_bool)]
Exact = Annotated[Decimal, BeforeValidator(_not_a_bool)]
Instrument = Annotated[str, AfterValidator(_instrument)]
RegimeName = Annotated[str, AfterValidator(_regime)]
Parameter = bool | int | float | str


class Section(BaseModel):
    """Part of the configuration; unknown keys are refused and nothing changes after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: object) -> object:
        # a section whose lines are all commented out reads as nothing
        return {} if data is None else data
