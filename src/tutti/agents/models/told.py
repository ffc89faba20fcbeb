"""The three parts of an answer, in whatever form a model put them.

An answer is about the last bar: a dict, a named tuple, a dataclass or a row with ``timestamp``,
``signal`` and ``confidence``. Or it is about several bars, the last among them: a DataFrame, a dict
of columns, or a list of answers about one bar each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

KEYS = ("timestamp", "signal", "confidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Misshapen:
    """An answer that is none; ``told`` says why."""

    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An answer about several bars; each column has one value a row, as the model gave it."""

    stamps: tuple[object, ...]
    signals: tuple[object, ...]
    confidences: tuple[object, ...]


def parts_of(answer: object) -> Mapping[str, object] | Table | Misshapen:
    """Return timestamp, signal and confidence by name, a table of them, or why there are none."""
    parts = _parts(answer)
    if parts is None:
        said = "nothing" if answer is None else type(answer).__name__
        return Misshapen(told=f"answered with {said}, not with a dict of {', '.join(KEYS)}")
    if missing := [key for key in KEYS if key not in parts]:
        return Misshapen(told=f"answered without {', '.join(missing)}")
    return _table(parts) if _is_column(parts["timestamp"]) else parts


def _parts(answer: object) -> Mapping[str, object] | None:
    found: Any = answer
    if isinstance(answer, Mapping):
        return answer
    if hasattr(found, "columns") and hasattr(found, "__getitem__"):
        columns = {key: found[key] for key in KEYS if key in found.columns}
        if KEYS[0] not in columns and _is_of_times(getattr(found, "index", None)):
            columns[KEYS[0]] = found.index
        return columns
    if all(hasattr(found, key) for key in KEYS):
        return {key: getattr(found, key) for key in KEYS}
    if isinstance(answer, list | tuple) and answer:
        rows = [_parts(each) for each in answer]
        if all(row is not None for row in rows):
            return {
                key: [row[key] for row in rows if row is not None]
                for key in KEYS
                if all(row is not None and key in row for row in rows)
            }
    return None


def _is_of_times(index: Any) -> bool:
    if index is None:
        return False
    kind = str(getattr(index, "inferred_type", ""))
    return kind.startswith("datetime") or getattr(index, "name", None) == KEYS[0]


def _is_column(value: object) -> TypeGuard[Iterable[object]]:
    if isinstance(value, str | bytes | Mapping) or getattr(value, "shape", None) == ():
        return False
    return hasattr(value, "__len__") and hasattr(value, "__iter__")


def _table(parts: Mapping[str, object]) -> Table | Misshapen:
    stamps = tuple(cast("Iterable[object]", parts[KEYS[0]]))
    columns = []
    for key in KEYS[1:]:
        one = parts[key]
        # one value that holds for all rows may be given once
        values = tuple(one) if _is_column(one) else (one,) * len(stamps)
        if len(values) != len(stamps):
            return Misshapen(
                told=f"answered with {len(values)} of {key} for {len(stamps)} timestamps"
            )
        columns.append(values)
    return Table(stamps=stamps, signals=columns[0], confidences=columns[1])
