"""Labelled text from files, scorers by name, and their worth on text that people labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from tutti.app.scorers import local_scorer
from tutti.app.sentiment import evaluate, read_labelled
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pathlib import Path


def _written(path: Path, **columns: list[object]) -> Path:
    frame = pl.DataFrame(columns, strict=False)
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_labelled_texts_are_read_from_either_kind_of_file(tmp_path: Path, name: str) -> None:
    path = _written(
        tmp_path / name,
        text=["up", "down", None, "flat"],
        label=["Positive", "bearish ", "positive", "0"],
        symbol=["A", None, "B", "C"],
    )
    found = read_labelled(path)
    assert found.texts == ("up", "down", "flat")
    assert found.labels == ("positive", "negative", "neutral")
    assert found.targets == ("A", "", "C")
    assert read_labelled(path, start=1, step=2).texts == ("down", "flat")


def test_labelled_texts_may_have_other_names_and_no_targets(tmp_path: Path) -> None:
    path = _written(tmp_path / "t.csv", sentence=["a", "b"], sentiment=[1, -1])
    found = read_labelled(path)
    assert found.labels == ("positive", "negative")
    assert found.targets == ("", "")


def test_labelled_texts_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_labelled(tmp_path / "t.csv")
    with pytest.raises(ConfigError, match="no column holds the label"):
        read_labelled(_written(tmp_path / "a.csv", text=["a"], says=["b"]))
    with pytest.raises(DataError, match="'good'"):
        read_labelled(_written(tmp_path / "b.csv", text=["a"], label=["good"]))
    with pytest.raises(DataError, match="no row has both"):
        read_labelled(_written(tmp_path / "c.parquet", text=[None], label=["positive"]))
    (tmp_path / "d.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="can't be read"):
        read_labelled(tmp_path / "d.parquet")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "least"), [("phrasebank", 0.70), ("fiqa_posts", 0.50), ("semeval_headlines", 0.55)]
)
async def test_lexicon_on_rows_it_was_not_set_on_is_above_vader_and_the_majority(
    market_data: Path, name: str, least: float
) -> None:
    held_out = read_labelled(market_data / "text" / f"sentiment_{name}.parquet", start=1, step=2)
    done = await evaluate(local_scorer("lexicon"), held_out, iter(range(9)).__next__)
    assert done.vader is not None
    assert done.quality.macro_f1 > least
    assert done.quality.macro_f1 > done.vader.macro_f1 > done.quality.majority_macro_f1
    assert done.quality.brier < done.vader.brier
    assert done.quality.calibration_error < 0.1


async def test_evaluation_of_vader_is_its_own_baseline(tmp_path: Path) -> None:
    given = read_labelled(_written(tmp_path / "t.csv", text=["great", "bad"], label=[1, -1]))
    done = await evaluate(local_scorer("vader"), given, iter([1.0, 1.5]).__next__)
    assert done.vader is done.quality
    assert done.quality.accuracy == 1.0
    assert done.us_per_text == 250_000.0


@pytest.mark.parametrize(
    "columns",
    [
        {"Sentence": ["a", "b"], "Sentiment": ["Positive", "NEGATIVE"]},
        {"tweet": ["a", "b"], "class": [1, -1]},
        {"content": ["a", "b"], "target": ["pos", "neg"]},
        {"News Headline": ["a", "b"], "sentiment_label": ["bullish", "bearish"]},
        {"title": [None, None], "text": ["a", "b"], "label": [None, None], "score": [0.4, -0.2]},
    ],
)
def test_columns_are_found_by_the_names_that_people_give_them(
    tmp_path: Path, columns: dict[str, list[object]]
) -> None:
    found = read_labelled(_written(tmp_path / "t.parquet", **columns))
    assert (found.texts, found.labels) == (("a", "b"), ("positive", "negative"))
    assert found.targets == ("", "")


def test_numbers_mean_what_the_whole_column_says_though_only_some_rows_are_read(
    tmp_path: Path,
) -> None:
    path = _written(tmp_path / "t.csv", text=["a", "b", "c", " "], label=[0, 2, 1, 2])
    found = read_labelled(path, start=0, step=2)
    assert found.labels == ("negative", "neutral")
    assert found.meanings == {"0": "negative", "1": "neutral", "2": "positive"}
    assert found.n_left_out == 0
    assert read_labelled(path).n_left_out == 1


def test_file_of_many_columns_is_refused_in_one_short_line(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {f"{'x' * 90}{k}": ["1"] for k in range(99)}
    path = _written(tmp_path / "t.csv", **columns)
    with pytest.raises(ConfigError, match=r"no column holds the text; call one of x+\.\.\.") as e:
        read_labelled(path)
    assert len(str(e.value)) < 1000
