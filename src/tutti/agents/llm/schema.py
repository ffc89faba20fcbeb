"""What a language model has to answer with, and the one reading of what it did answer.

An answer is one JSON object and nothing else; a fence of back-ticks around it is forgiven, and so are
a model's thoughts before it, as models that think send them where their server does not take them
out. Whatever else is in it is ignored, and a key that is there twice is refused: which of the two
would count is not for the model to choose.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from tutti.model.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_HORIZON_H = 24.0 * 90
"""In hours."""

LONGEST_RATIONALE = 600
"""In characters; what is longer is cut off."""

_FENCED = re.compile(r"\A```[a-z]*\s*\n(.*)\n```\Z", re.DOTALL)


_THOUGHT = re.compile(r"\A(?![{`]).*</think(?:ing)?>\s*(?=[{`])", re.DOTALL)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's answer, as a model gives it.

    Parameters
    ----------
    horizon_hours : float
        Over which the move is expected.
    sources : list of str
        Ids of what it was given and rests on, as they stand in the prompt.
    """

    bias: Annotated[float, msgspec.Meta(ge=-1, le=1)]
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    rationale: Annotated[str, msgspec.Meta(min_length=1)]
    horizon_hours: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_HORIZON_H)]
    sources: list[str]


_PROPERTIES: dict[str, Any] = {
    "bias": {"type": "number", "minimum": -1, "maximum": 1},
    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    "rationale": {"type": "string"},
    "horizon_hours": {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_HORIZON_H},
}


def object_schema(properties: dict[str, Any]) -> str:
    """Return the JSON Schema of an object that has exactly these properties."""
    return json.dumps(
        {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        },
        separators=(",", ":"),
    )


def answer_schema(ids: Sequence[str]) -> str:
    """Return the JSON Schema of `Said` where these are the ids of what was given."""
    sources = {"type": "array", "items": {"type": "string", "enum": list(ids)}}
    return object_schema({**_PROPERTIES, "sources": sources})


def read_object(text: str) -> dict[str, Any]:
    """Return the one JSON object that a text consists of.

    Raises
    ------
    DataError
        If it is anything else; the message names the fault, not what was read.
    """
    try:
        found = json.loads(unwrapped(text), object_pairs_hook=_once_each, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise DataError(f"the answer is not one JSON object: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"the answer is not one JSON object, but a {type(found).__name__}")
    return found


def unwrapped(text: str) -> str:
    """Return an answer without the thoughts before it and the fence around it."""
    stripped = _THOUGHT.sub("", text.strip())
    fenced = _FENCED.match(stripped)
    return stripped if fenced is None else fenced.group(1)


def read_answer(text: str) -> Said:
    """Return what a model answered.

    Raises
    ------
    DataError
        If it does not fit the schema; the message says where and how.
    """
    try:
        return msgspec.convert(read_object(text), Said)
    except msgspec.ValidationError as error:
        raise DataError(f"the answer does not fit: {error}") from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")
