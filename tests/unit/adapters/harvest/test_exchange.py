"""Bars and trades of exchanges, from a fake one and from what it answered."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest
from tests.unit.adapters.harvest.conftest import desk_in

from tutti.adapters.harvest.catalogue import Wanted, open_source
from tutti.adapters.harvest.crawl import crawl, reparse
from tutti.adapters.harvest.port import Connector, Window
from tutti.adapters.secrets.local import EnvironmentKeys
from tutti.adapters.venues.by_ccxt.client import Addresses
from tutti.kernel.clock import HOUR, MINUTE, LiveClock, SimulatedClock
from tutti.model.errors import ConfigError
from tutti.testing.exchanges import FakeExchange, serve
from tutti.testing.exchanges.faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_PLACES = {
    "binance": ("binance", "BTC-USDT"),
    "binance_usdm": ("binance", "BTC-USDT-PERP"),
    "kraken": ("kraken", "BTC-USD"),
    "coinbase": ("coinbase", "BTC-USD"),
    "hyperliquid": ("hyperliquid", "BTC-USDC-PERP"),
}


@asynccontextmanager
async def _opened(
    venue: str, *, trades: bool = False, step: int = 0
) -> AsyncIterator[tuple[FakeExchange, Connector]]:
    exchange = FakeExchange(_PLACES[venue][0], seed=5, limits=0.0)
    async with serve(exchange) as addresses:
        wanted = Wanted(
            source=venue, step=step, trades=trades, addresses=Addresses(urls=addresses.urls)
        )
        connector = open_source(wanted, EnvironmentKeys({}), LiveClock()).connector
        try:
            yield exchange, connector
        finally:
            await connector.close()


def _stored(folder: Path, place: str) -> pl.DataFrame:
    files = sorted((folder / place).rglob("*.parquet"))
    return pl.concat([pl.read_parquet(each) for each in files])


@pytest.mark.parametrize("venue", _PLACES)
async def test_bars_of_an_exchange_are_collected_without_a_hole(venue: str, tmp_path: Path) -> None:
    desk = replace(desk_in(tmp_path, SimulatedClock()), clock=LiveClock())
    async with _opened(venue) as (_, bars):
        (series,) = bars.series([_PLACES[venue][1]])
        now = desk.clock.now()
        added = await crawl(bars, series, Window(since=now - 30 * HOUR, until=now), desk)
    assert added.rows == 29
    frame = _stored(tmp_path, f"ohlcv/{venue}")
    ts = frame.get_column("ts").to_physical()
    assert (ts.diff().drop_nulls() == HOUR).all()
    assert ts[-1] == now // HOUR * HOUR - HOUR
    assert (frame.get_column("known_at").to_physical() == ts + HOUR).all()
    assert (frame.get_column("high") >= frame.get_column("low")).all()
    name = f"{_PLACES[venue][1]}_1h_"
    assert all(each.name.startswith(name) for each in (tmp_path / "ohlcv" / venue).iterdir())


async def test_bars_are_read_again_from_what_the_exchange_answered(tmp_path: Path) -> None:
    desk = replace(desk_in(tmp_path, SimulatedClock()), clock=LiveClock())
    async with _opened("kraken") as (_, bars):
        (series,) = bars.series(["BTC-USD.KRAKEN"])
        now = desk.clock.now()
        await crawl(bars, series, Window(since=now - 9 * HOUR, until=now), desk)
    before = _stored(tmp_path, "ohlcv")
    for each in (tmp_path / "ohlcv").rglob("*.parquet"):
        each.unlink()
    # nobody serves any more
    wanted = Wanted(source="kraken", url="http://127.0.0.1:9")
    again = open_source(wanted, EnvironmentKeys({}), LiveClock()).connector
    added = await reparse(again, series, desk)
    await again.close()
    assert added.rows >= len(before) == 8
    kept = _stored(tmp_path, "ohlcv").tail(8).drop("received_at")
    assert kept.equals(before.drop("received_at"))


async def test_pages_of_bars_go_on_where_the_last_ended(tmp_path: Path) -> None:
    desk = replace(desk_in(tmp_path, SimulatedClock()), clock=LiveClock())
    async with _opened("binance", step=MINUTE) as (exchange, bars):
        (series,) = bars.series(["BTC-USDT"])
        now = desk.clock.now()
        exchange.plan.add(Fault(kind=FaultKind.HTML, where="candles", count=2))
        added = await crawl(bars, series, Window(since=now - 40 * HOUR, until=now), desk)
        n_pages = sum(1 for _ in desk.raw.pages(series.name))
    assert added.rows == 40 * 60 - 1
    # five of five hundred bars, and two web pages in their place
    assert n_pages == 5 + 2


@pytest.mark.parametrize("venue", ["binance", "kraken"])
async def test_trades_of_an_exchange_are_collected_each_once(venue: str, tmp_path: Path) -> None:
    desk = replace(desk_in(tmp_path, SimulatedClock()), clock=LiveClock())
    async with _opened(venue, trades=True) as (exchange, trades):
        (series,) = trades.series([_PLACES[venue][1]])
        began = desk.clock.now() - HOUR
        listing = _PLACES[venue][1].replace("-", "/")
        for k in range(5):
            side = "buy" if k % 2 else "sell"
            exchange.market.act(
                {"do": "trade", "listing": listing, "side": side, "quantity": f"0.0{k + 1}"}
            )
        first = await crawl(trades, series, Window(since=began, until=desk.clock.now()), desk)
        again = await crawl(trades, series, Window(since=began, until=desk.clock.now()), desk)
    frame = _stored(tmp_path, f"trades/{venue}")
    assert (first.rows, again.rows) == (5, 0)
    assert len(frame) == 5
    assert frame.get_column("trade_id").is_unique().all()
    assert (frame.get_column("qty") > 0).all()
    assert set(frame.get_column("side")) <= {"buy", "sell"}


@pytest.mark.parametrize(
    ("symbols", "step", "said"),
    [
        (["BTC-USDT.KRAKEN"], HOUR, "is of KRAKEN, and BINANCE is asked"),
        ([], HOUR, "BINANCE: name symbols"),
        (["BTC-USDT"], 7 * MINUTE, "BINANCE: has no bars of 7m; it has 1s, 1m"),
    ],
)
def test_what_an_exchange_has_not_is_refused(symbols: list[str], step: int, said: str) -> None:
    wanted = Wanted(source="binance", step=step)
    connector = open_source(wanted, EnvironmentKeys({}), LiveClock()).connector
    with pytest.raises(ConfigError, match=said):
        connector.series(symbols)


async def test_market_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    desk = replace(desk_in(tmp_path, SimulatedClock()), clock=LiveClock())
    async with _opened("binance") as (_, bars):
        (series,) = bars.series(["NONE-USDT"])
        with pytest.raises(ConfigError, match="NONE-USDT"):
            await crawl(bars, series, Window(since=0, until=HOUR), desk)
