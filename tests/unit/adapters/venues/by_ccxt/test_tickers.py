"""Streams of tickers as instruments join and leave: one each way that a venue streams, never more."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.adapters.venues.by_ccxt.contracts import Contract
from tutti.adapters.venues.by_ccxt.tasks import Tasks
from tutti.adapters.venues.by_ccxt.tickers import Tickers
from tutti.kernel.clock import LiveClock
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_HAS = {"watchBidsAsks": True, "watchTickers": True}


class _Client:
    """What is asked of ccxt: it notes who listens to what, and nothing ever happens."""

    id = "quiet"

    def __init__(self, has: Mapping[str, bool]) -> None:
        self.has = {"fetchTickers": True, **has}
        self.listening: Counter[tuple[str, ...]] = Counter()

    async def watch_bids_asks(self, symbols: list[str]) -> None:
        await self._listen("best", symbols)

    async def watch_tickers(self, symbols: list[str]) -> None:
        await self._listen("ticker", symbols)

    async def watch_ticker(self, symbol: str) -> None:
        await self._listen("ticker", [symbol])

    async def fetch_tickers(self, symbols: list[str]) -> dict[str, dict[str, Any]]:
        return {each: {"symbol": each, "bid": 1.0, "ask": 2.0, "last": 1.5} for each in symbols}

    async def _listen(self, what: str, symbols: list[str]) -> None:
        key = (what, *symbols)
        self.listening[key] += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.listening[key] -= 1


def _contracts(*names: str) -> dict[InstrumentId, Contract]:
    return {InstrumentId(f"{each}-USDT", "X"): _contract(f"{each}/USDT") for each in names}


def _contract(symbol: str) -> Contract:
    base, quote = symbol.split("/")
    return Contract(
        id=InstrumentId(f"{base}-{quote}", "X"),
        symbol=symbol,
        base=base,
        quote=quote,
        size=Decimal(1),
        terms={},
    )


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    owned = Tasks("X")
    yield owned
    await owned.close()


def _tickers(client: _Client, tasks: Tasks, *names: str, together: int = 50) -> Tickers:
    return Tickers(
        client,
        _contracts(*names),
        clock=LiveClock(),
        random=np.random.default_rng(1),
        tasks=tasks,
        together=together,
    )


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_best_prices_and_the_rest_are_streamed_apart_where_the_venue_does(
    tasks: Tasks,
) -> None:
    client = _Client(_HAS)
    _tickers(client, tasks, "A", "B", "C", together=2).start()
    await _settled()
    assert +client.listening == {
        ("best", "A/USDT", "B/USDT"): 1,
        ("ticker", "A/USDT", "B/USDT"): 1,
        ("best", "C/USDT"): 1,
        ("ticker", "C/USDT"): 1,
    }


async def test_instruments_that_leave_one_after_the_other_leave_one_stream_of_each_kind(
    tasks: Tasks,
) -> None:
    client = _Client(_HAS)
    tickers = _tickers(client, tasks, "A", "B", "C", "D")
    tickers.start()
    await _settled()
    for name in ("A", "B", "C"):
        tickers.leave(_contracts(name))
        await _settled()
    assert +client.listening == {("best", "D/USDT"): 1, ("ticker", "D/USDT"): 1}


async def test_last_of_a_group_leaves_no_stream(tasks: Tasks) -> None:
    client = _Client({"watchTicker": True})
    tickers = _tickers(client, tasks, "A", "B")
    tickers.start()
    await _settled()
    tickers.leave(_contracts("A"))
    await _settled()
    assert +client.listening == {("ticker", "B/USDT"): 1}


async def test_instrument_that_joins_disturbs_no_stream(tasks: Tasks) -> None:
    client = _Client(_HAS)
    tickers = _tickers(client, tasks, "A")
    tickers.start()
    await _settled()
    tickers.follow(_contracts("B"))
    await _settled()
    assert client.listening == {
        ("best", "A/USDT"): 1,
        ("ticker", "A/USDT"): 1,
        ("best", "B/USDT"): 1,
        ("ticker", "B/USDT"): 1,
    }
