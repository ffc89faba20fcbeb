"""Files of labelled text as columns: Parquet, Feather, CSV in its dialects, JSON, and lines.

What a file is, is told from what is in it, since names lie. Lines are those of the Financial
PhraseBank (``sentence@label``) or of fastText (``__label__positive sentence``).
"""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from tutti.model.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Columns: TypeAlias = dict[str, list[str | None]]
"""Values as text by the name of their column; None where there is none."""

TEXT, LABEL = "text", "label"
"""Names of the columns of a file that has no header."""

_PARQUET, _ARROW = b"PAR1", b"ARROW1"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_ENCODINGS = ("utf-8", "cp1252", "latin-1")
_DELIMITERS = ",\t;|"
_LONGEST = 1 << 24
_AT = re.compile(r"(.*)@\s*(\.?[A-Za-z]+)\s*")
_FAST = re.compile(r"__label__(\S+)\s+(.*)")


def columns_of(path: Path, is_label: Callable[[str], bool]) -> Columns:
    """Return a file's columns.

    Parameters
    ----------
    is_label : callable
        Whether a value is a word that texts are labelled with: in a file without a header it tells
        which column is which.

    Raises
    ------
    DataError
        If it can't be read.
    """
    content = path.read_bytes()
    try:
        if content.startswith((_PARQUET, _ARROW)) or path.suffix.lower() in (".parquet", ".pq"):
            read = pl.read_ipc if content.startswith(_ARROW) else pl.read_parquet
            return _of_frame(read(io.BytesIO(content)))
        text = _decoded(content)
        if not text.strip() or "\0" in text:
            raise ValueError("it is empty" if not text.strip() else "it is no text")  # noqa: TRY301
        if text.lstrip()[0] in "[{":
            return _of_records(_records(text))
        lines = [line for line in text.splitlines() if line.strip()]
        for pattern, places in ((_AT, (1, 2)), (_FAST, (2, 1))):
            found = [pattern.fullmatch(line) for line in lines]
            if all(each is not None and is_label(each[places[1]]) for each in found):
                both = [(each[places[0]], each[places[1]]) for each in found if each is not None]
                return {TEXT: [one for one, _ in both], LABEL: [other for _, other in both]}
        return _of_rows(_rows(text), is_label)
    except (pl.exceptions.PolarsError, csv.Error, ValueError, OSError) as error:
        told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise DataError(f"{path}: can't be read as a table of texts ({told})") from error


def _of_frame(frame: pl.DataFrame) -> Columns:
    plain = [each.name for each in frame.iter_columns() if not each.dtype.is_nested()]
    return {name: frame[name].cast(pl.String).to_list() for name in plain}


def _decoded(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding)
    for encoding in _ENCODINGS[:-1]:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode(_ENCODINGS[-1])


def _records(text: str) -> list[dict[str, Any]]:
    try:
        whole: Any = json.loads(text)
    except json.JSONDecodeError:
        whole = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(whole, dict):
        lists = {name: each for name, each in whole.items() if isinstance(each, list)}
        if len(lists) == len(whole) > 1:  # columns
            rows = zip_longest(*lists.values())
            whole = [dict(zip(lists, row, strict=True)) for row in rows]
        elif lists:  # one list of records with something about it
            whole = max(lists.values(), key=len)
        elif whole and all(isinstance(each, dict) for each in whole.values()):
            whole = list(whole.values())
        else:
            whole = [whole]
    if not isinstance(whole, list) or not all(isinstance(each, dict) for each in whole):
        raise ValueError("JSON of texts is a list of objects, or an object a line")
    return [_flat(each) for each in whole]


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    # one level of records within a record, such as FiQA's "info"
    flat: dict[str, Any] = {}
    for name, value in record.items():
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict):
            for key, each in inner.items():
                flat.setdefault(key, each)
        else:
            flat[name] = value
    return flat


def _of_records(records: Sequence[dict[str, Any]]) -> Columns:
    names = dict.fromkeys(name for each in records for name in each)
    return {name: [_text_of(each.get(name)) for each in records] for name in names}


def _text_of(value: object) -> str | None:
    if value is None or isinstance(value, list | dict):
        return None
    return str(value)


def _rows(text: str) -> list[list[str]]:
    # the delimiter that cuts the most rows into as many fields as the first one
    csv.field_size_limit(_LONGEST)
    best: tuple[int, list[list[str]]] = (-1, [])
    for delimiter in _DELIMITERS:
        read = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [row for row in read if any(field.strip() for field in row)]
        width = len(rows[0])
        like = sum(len(row) == width for row in rows) if width > 1 else 0
        if like > best[0]:
            best = (like, rows)
    return best[1]


def _of_rows(rows: list[list[str]], is_label: Callable[[str], bool]) -> Columns:
    labels = [place for place, field in enumerate(rows[0]) if is_label(field)]
    if labels and len(rows[0]) > 1:
        # no header: a word that texts are labelled with stands in the first row already
        lengths = [sum(map(len, fields)) for fields in zip_longest(*rows, fillvalue="")]
        place = max((k for k in range(len(rows[0])) if k not in labels), key=lambda k: lengths[k])
        names = [
            TEXT if k == place else LABEL if k == labels[0] else f"column {k + 1}"
            for k in range(len(rows[0]))
        ]
    else:
        names, rows = [name.strip() for name in rows[0]], rows[1:]
    return {
        name: [row[k].strip() or None if k < len(row) else None for row in rows]
        for k, name in enumerate(names)
    }
