"""What a setting may be, in words, and what to write instead of what it may not be."""

from __future__ import annotations

import difflib
import math
import re
from decimal import Decimal
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.app.document import Key

_SECRET = re.compile(r"token|secret|password|api_?key|private_?key", re.IGNORECASE)
_LONGEST_SHOWN = 60
_NOUNS: dict[type, tuple[str, str]] = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "a whole number"),
    float: ("a number", "a number"),
    Decimal: ("a number", "a number"),
    str: ("text", "text"),
    tuple: ("a list", "a list"),
    dict: ("a mapping of keys", "keys below it"),
}


def remedy(model: type[BaseModel], problem: Mapping[str, Any]) -> tuple[Key, str]:
    """Return the key that a validation problem is about, and what is wrong with it and what to do.

    Parameters
    ----------
    model : type of BaseModel
        Model of the whole document.
    problem : mapping
        One entry of ``ValidationError.errors()``.
    """
    loc: Key = tuple(problem["loc"])
    key, annotation, field = _locate(model, loc)
    kind, value, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "about_key":
        return (*key, *_parts(context["key"])), context["message"]
    if kind == "extra_forbidden":
        return loc, _unknown(str(loc[-1]), _plain(annotation)[0])
    if kind == "missing":
        example = _example(field)
        return loc, "is missing; " + (f"write for example {example}" if example else "add it")
    if kind == "value_error":
        return key, f"is wrong: {context['error']}"
    if kind == "literal_error":
        return key, _not_one_of(value, _choices(annotation))
    return key, _out_of_bounds(value, annotation, field)


def _parts(key: str) -> Key:
    return tuple(int(part) if part.isdigit() else part for part in key.split("."))


def _locate(model: type[BaseModel], loc: Key) -> tuple[Key, Any, FieldInfo | None]:
    """Follow a location as far as the models know it; what pydantic adds to it ends the way."""
    annotation: Any = model
    field: FieldInfo | None = None
    for depth, part in enumerate(loc):
        inner, _ = _plain(annotation)
        origin, arguments = get_origin(inner), get_args(inner)
        if _is_model(inner) and part in inner.model_fields:
            field = inner.model_fields[part]
            annotation = Annotated[field.annotation, field]
        elif origin is dict and part != "[key]":
            annotation, field = arguments[1], None
        elif origin is tuple and isinstance(part, int):
            annotation, field = arguments[0], None
        else:
            return loc[:depth], annotation, field
    return loc, annotation, field


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _plain(annotation: Any) -> tuple[Any, list[Any]]:
    """Take the constraints and the None off an annotation."""
    metadata: list[Any] = []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            for item in more:
                metadata.extend(item.metadata if isinstance(item, FieldInfo) else [item])
        elif get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation):
            annotation = next(a for a in get_args(annotation) if a is not NoneType)
        else:
            return annotation, metadata


def _unknown(name: str, model: Any) -> str:
    if _SECRET.search(name):
        return (
            "is a secret, and secrets don't belong in a file: remove it and set the environment "
            "variable (TUTTI_API_TOKEN for the API's token)"
        )
    known = list(model.model_fields)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else f"known keys are {', '.join(known)}"
    return f"is not a known key; {hint}"


def _choices(annotation: Any) -> list[str]:
    inner, _ = _plain(annotation)
    return [str(choice) for choice in get_args(inner)] if get_origin(inner) is Literal else []


def _not_one_of(value: object, choices: list[str]) -> str:
    close = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.5)
    return (
        f"must be one of {', '.join(choices)}, was {_shown(value)}; "
        f"write for example {close[0] if close else choices[0]}"
    )


def _out_of_bounds(value: object, annotation: Any, field: FieldInfo | None) -> str:
    inner, metadata = _plain(annotation)
    noun, short = _noun(inner)
    bounds = _bounds(metadata)
    numbers = {int: (int,), float: (int, float), Decimal: (int, float)}.get(inner, ())
    if "pattern" in bounds:
        wanted = "a length such as 30s, 5m, 1h or 1d"
    elif isinstance(value, float) and not math.isfinite(value):
        wanted = "a finite number"
    elif isinstance(value, numbers) and not isinstance(value, bool):
        wanted = _in_words(bounds) or noun
    else:
        wanted = ", ".join(filter(None, (noun, _in_words(bounds))))
    if bounds.get("ge", bounds.get("gt")) == 0 and bounds.get("le") == 1:
        short = "a fraction"
    example = _example(field)
    advice = f"write {short} such as {example}" if example else f"write {short}"
    if "pattern" in bounds:
        advice = f"write for example {example}"
    if field is not None and NoneType in get_args(field.annotation):
        advice += ", or null for none"
    return f"must be {wanted}, was {_shown(value)}; {advice}"


def _noun(inner: Any) -> tuple[str, str]:
    kind = get_origin(inner) or inner
    if kind in (Union, UnionType):
        return "a number, text, or true or false", "one value"
    if _is_model(kind):
        kind = dict
    return _NOUNS.get(kind, ("something else", "another value"))


def _bounds(metadata: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in metadata:
        for name in ("ge", "gt", "le", "lt", "min_length", "pattern"):
            if (bound := getattr(item, name, None)) is not None:
                found[name] = bound
    return found


def _in_words(bounds: Mapping[str, Any]) -> str:
    if bounds.keys() & {"ge", "gt"} and "le" in bounds:
        low = _number(bounds.get("ge", bounds.get("gt")))
        without = "" if "ge" in bounds else f", {low} excluded"
        return f"between {low} and {_number(bounds['le'])}{without}"
    words = {"gt": "above {}", "ge": "{} or more", "lt": "below {}", "le": "at most {}"}
    said = [words[name].format(_number(bounds[name])) for name in words if name in bounds]
    return " and ".join(said) or ("not empty" if "min_length" in bounds else "")


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _example(field: FieldInfo | None) -> str:
    if field is None:
        return ""
    for candidate in (*(field.examples or ()), field.default):
        if isinstance(candidate, str | int | float | Decimal):
            return _value(candidate)
        if isinstance(candidate, list | tuple) and candidate and isinstance(candidate[0], str):
            return f"[{candidate[0]}]"
    return ""


def _value(value: str | float | Decimal) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _number(value) if isinstance(value, float) else str(value)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list | dict):
        kind = "list" if isinstance(value, list) else "mapping"
        return f"a {kind}" if value else f"an empty {kind}"
    if isinstance(value, bool):
        return _value(value)
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
