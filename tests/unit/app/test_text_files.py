"""Files of texts and figures may grow while an account trades."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tutti.app.text_files import GrowingReadings, GrowingTexts, still_open
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from pathlib import Path

_START = 1_704_067_200_000_000_000
BTC = InstrumentId("BTC-USDT", "SIM")


def _write(path: Path, *titles: str) -> None:
    rows = [
        {
            "id": title, "symbol": "BTC", "kind": "news", "source": "wire", "title": title,
            "text": "", "url": "", "ts": _START + k, "known_at": _START + k,
        }
        for k, title in enumerate(titles)
    ]  # fmt: skip
    pl.DataFrame(rows).write_parquet(path)


def _titles(texts: GrowingTexts) -> list[str]:
    return [each.title for each in texts.texts(BTC, 0, _START + 10)]


async def test_texts_that_came_since_are_found(tmp_path: Path) -> None:
    _write(tmp_path / "a.parquet", "one")
    texts = GrowingTexts([str(tmp_path / "*.parquet")])
    before = texts.source
    await texts.refresh()
    assert texts.source is before
    _write(tmp_path / "b.parquet", "two", "three")
    await texts.refresh()
    assert set(_titles(texts)) == {"one", "two", "three"}


async def test_file_that_broke_leaves_the_last_good_texts_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.parquet"
    _write(path, "one")
    texts = GrowingTexts([str(path)])
    path.write_bytes(b"not a table")
    os.utime(path, (1, 1))
    await texts.refresh()
    await texts.refresh()
    assert _titles(texts) == ["one"]
    (told,) = caplog.messages
    assert told.startswith("texts are as they were last: ")


async def test_figures_grow_like_texts(tmp_path: Path) -> None:
    def write(*values: float) -> None:
        rows = [
            {
                "symbol": "", "kind": "macro", "source": "fed", "name": "rate", "value": value,
                "ts": _START + k, "known_at": _START + k,
            }
            for k, value in enumerate(values)
        ]  # fmt: skip
        pl.DataFrame(rows).write_parquet(tmp_path / "rates.parquet")

    write(5.0)
    readings = GrowingReadings([str(tmp_path / "rates.parquet")])
    write(5.0, 4.5)
    os.utime(tmp_path / "rates.parquet", (1, 1))
    await readings.refresh()
    assert [each.value for each in readings.readings(BTC, _START + 10)] == [4.5]


def test_files_that_are_open_are_not_opened_again(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    _write(tmp_path / "a.parquet", "one")
    texts = GrowingTexts([path])
    assert still_open(GrowingTexts, (path,), [texts]) is texts
    assert still_open(GrowingTexts, (path,), []) is not texts
    assert still_open(GrowingReadings, (), [texts]) is None


def test_pattern_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="matches"):
        GrowingTexts([str(tmp_path / "*.parquet")])
