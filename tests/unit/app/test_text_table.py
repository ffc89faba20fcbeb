"""Files of labelled text, as they lie about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tutti.app.label_words import is_word
from tutti.app.text_table import columns_of
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["Sales, profit and “cash” rose in Säkylä", "Loss widened", "It has 3 plants"]
LABELS = ["positive", "negative", "neutral"]
ROWS = [{"text": text, "label": label} for text, label in zip(TEXTS, LABELS, strict=True)]
PLAIN = [
    ("text", "label"),
    *((f'"{text}"', label) for text, label in zip(TEXTS, LABELS, strict=True)),
]


def lines(separator: str, rows: list[tuple[str, str]] = PLAIN) -> str:
    return "".join(f"{one}{separator}{other}\n" for one, other in rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", lines(",").encode()),
        ("t.csv", lines(";").encode("utf-8-sig")),
        ("t.tsv", lines("\t").encode("cp1252")),
        ("t.txt", lines("|").encode("utf-16")),
        ("t.csv", lines(",", PLAIN[1:]).encode()),
        ("t.csv", lines(",", [(two, one) for one, two in PLAIN[1:]]).encode("cp1252")),
        ("t.txt", "\n".join(f"{r['text']}@{r['label']}" for r in ROWS).encode("cp1252")),
        ("t.txt", "\n".join(f"__label__{r['label']} {r['text']}" for r in ROWS).encode()),
        ("t.jsonl", "\n".join(map(json.dumps, ROWS)).encode()),
        ("t.json", json.dumps(ROWS).encode()),
        ("t.json", json.dumps({"version": 1, "data": ROWS}).encode()),
        ("t.json", json.dumps({"text": TEXTS, "label": LABELS}).encode()),
        ("t.json", json.dumps({f"{k}": row for k, row in enumerate(ROWS)}).encode()),
    ],
)
def test_file_is_read_whatever_it_is_called(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = columns_of(path, is_word)
    assert found["text"] == TEXTS
    assert [str(each).removeprefix("__label__") for each in found["label"]] == LABELS


def test_tables_of_columns_are_read_with_words_and_numbers_alike(tmp_path: Path) -> None:
    frame = pl.DataFrame({"text": TEXTS, "label": [1, None, 0], "tags": [["a"], [], []]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ipc(tmp_path / "t.feather")
    for name in ("t.parquet", "t.feather"):
        assert columns_of(tmp_path / name, is_word) == {"text": TEXTS, "label": ["1", None, "0"]}


def test_records_within_records_are_columns_too(tmp_path: Path) -> None:
    path = tmp_path / "fiqa.json"
    inner = [{"sentiment_score": "0.4", "target": "ABC"}]
    path.write_text(json.dumps({"7": {"sentence": "Up", "info": inner, "tags": []}}))
    found = columns_of(path, is_word)
    assert (found["sentence"], found["sentiment_score"]) == (["Up"], ["0.4"])
    assert found["tags"] == [None]


def test_rows_that_are_short_or_blank_have_nothing_there(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\nUp,positive\n\n  ,\nDown\n")
    assert columns_of(path, is_word) == {"text": ["Up", "Down"], "label": ["positive", None]}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.csv", b"", "it is empty"),
        ("t.csv", b"\x00\x01", "it is no text"),
        ("t.parquet", b"no parquet", "can't be read"),
        ("t.json", b"[1, 2]", "a list of objects"),
        ("t.json", b"[{", "can't be read"),
        ("t.txt", b"\xff\xfeA", "can't be read"),
    ],
)
def test_file_that_is_no_table_is_refused(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=told):
        columns_of(path, is_word)


def test_last_encoding_takes_any_byte(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"text,label\n\x81 up,positive\n")
    assert columns_of(path, is_word)["text"] == ["\x81 up"]
