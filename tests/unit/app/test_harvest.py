"""One source, collected from into one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.harvest.catalogue import Wanted
from tutti.adapters.stores.point_in_time import open_texts
from tutti.app.collected import what_is_stored
from tutti.app.harvest import Ask, Harvest
from tutti.kernel.clock import DAY, HOUR, SimulatedClock, parse_instant
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId
from tutti.testing.sources import FakeSources, Fault, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_NOW = parse_instant("2024-03-05T12:30")


@pytest.fixture
async def sources() -> AsyncIterator[FakeSources]:
    async with serve(_NOW) as fake:
        yield fake


def _harvest(sources: FakeSources, folder: Path, name: str, *symbols: str) -> Harvest:
    ask = Ask(wanted=Wanted(source=name, url=sources.address), symbols=symbols, out=folder)
    return Harvest(ask, SimulatedClock(_NOW), np.random.default_rng(1))


async def test_series_that_fails_does_not_keep_the_others_from_being_collected(
    sources: FakeSources, tmp_path: Path
) -> None:
    harvest = _harvest(sources, tmp_path, "yahoo_news", "AAPL", "MSFT", "IBM")
    sources.fail([None, *[Fault.DOWN] * 6])
    collected = await harvest.once()
    await harvest.close()
    assert list(collected.added) == ["AAPL", "IBM"]
    assert collected.total.rows == 40
    assert list(collected.failures) == ["MSFT"]
    assert collected.failures["MSFT"].startswith("yahoo_news: answered 503")
    assert collected.to_dict()["rows"] == 40


async def test_watching_collects_again_and_dates_news_by_their_arrival(
    sources: FakeSources, tmp_path: Path
) -> None:
    harvest = _harvest(sources, tmp_path, "yahoo_news", "AAPL")
    rounds = []
    async for each in harvest.watch(3600.0):
        rounds.append(each.total.rows)
        sources.now += HOUR
        if len(rounds) == 3:
            break
    await harvest.close()
    assert rounds[0] == 20
    assert set(rounds[1:]) <= {1, 2}  # a post every 37 minutes
    texts = open_texts([tmp_path / "text"]).texts(InstrumentId.parse("AAPL.X"), _NOW, _NOW + DAY)
    assert {(each.known_at - _NOW) // HOUR for each in texts} == {1, 2}


async def test_future_is_not_asked_for(sources: FakeSources, tmp_path: Path) -> None:
    sources.now = _NOW + 5 * DAY
    wanted = Wanted(source="yfinance", url=sources.address)
    ask = Ask(
        wanted=wanted, symbols=("AAPL",), since=_NOW - 9 * DAY, until=_NOW + 9 * DAY, out=tmp_path
    )
    harvest = Harvest(ask, SimulatedClock(_NOW), np.random.default_rng(1))
    collected = await harvest.once()
    await harvest.close()
    assert (collected.until, collected.total.rows) == (_NOW, 8)


async def test_second_harvest_of_the_same_source_is_refused(
    sources: FakeSources, tmp_path: Path
) -> None:
    harvest, other = (_harvest(sources, tmp_path, "fear_greed") for _ in range(2))
    with harvest._desk.cursors.held(), pytest.raises(ConfigError, match="another sync"):
        await other.once()
    await harvest.close()
    await other.close()


async def test_kept_answers_are_read_again(sources: FakeSources, tmp_path: Path) -> None:
    harvest = _harvest(sources, tmp_path, "fear_greed")
    first = await harvest.once()
    file = tmp_path / "readings" / "fear_greed" / "2024.parquet"
    file.unlink()
    again = await harvest.from_raw()
    await harvest.close()
    assert 0 < again.total.rows < first.total.rows
    assert file.exists()


async def test_what_is_stored_is_told_by_source_and_symbol(
    sources: FakeSources, tmp_path: Path
) -> None:
    for name, symbols in (("fear_greed", ()), ("reddit", ("BTC=Bitcoin", "stocks"))):
        harvest = _harvest(sources, tmp_path, name, *symbols)
        await harvest.once()
        await harvest.close()
    found = {(each.source, each.symbol): each for each in what_is_stored(tmp_path)}
    assert list(found) == [("fear_greed", ""), ("reddit", ""), ("reddit", "BTC")]
    fear = found["fear_greed", ""]
    assert (fear.kind, fear.first[:10], fear.last[:10]) == ("readings", "2018-02-01", "2024-03-05")
    assert fear.last_sync.startswith("2024-03-05T12:3")
    assert fear.bytes > 0


def test_nothing_is_stored_where_nothing_was_collected(tmp_path: Path) -> None:
    assert what_is_stored(tmp_path / "none") == []


def test_broken_file_of_the_store_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text" / "x").mkdir(parents=True)
    (tmp_path / "text" / "x" / "2024-01.parquet").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"can't be read .*; get it again"):
        what_is_stored(tmp_path)
