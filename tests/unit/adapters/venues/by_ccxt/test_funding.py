"""Payments of funding: when a venue is asked for them, and which of its answers are news."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from tutti.adapters.venues.by_ccxt.contracts import Contract
from tutti.adapters.venues.by_ccxt.funding import Funding
from tutti.kernel.clock import HOUR, SECOND
from tutti.model.instrument import InstrumentId

_START = 1_704_067_200 * SECOND
_BTC = InstrumentId("BTC-USDT-PERP", "V")
_SYMBOL = "BTC/USDT:USDT"


class ArgumentsRequired(Exception):
    """As ccxt calls it."""


@dataclass
class Client:
    """Answers with what a test puts in, as ccxt would."""

    paid: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str | None, int]] = field(default_factory=list)
    has: dict[str, bool] = field(default_factory=lambda: {"fetchFundingHistory": True})
    fails: Exception | None = None
    needs_symbol: bool = False
    page: int | None = None

    async def fetch_funding_history(
        self, symbol: str | None, since: int, limit: int | None
    ) -> list[dict[str, Any]]:
        self.asked.append((symbol, since))
        if self.fails is not None:
            raise self.fails
        if self.needs_symbol and symbol is None:
            raise ArgumentsRequired("symbol")
        if self.page is None:
            return self.paid
        # as Binance does: the oldest first, and no more than so many
        later = sorted((x for x in self.paid if x["timestamp"] >= since), key=_when)
        return later[: limit or self.page]


def _when(paid: dict[str, Any]) -> int:
    return int(paid["timestamp"])


def _payment(minutes: float, amount: float | None = -1.5, **changes: Any) -> dict[str, Any]:
    ts = _START // 1_000_000 + round(minutes * 60_000)
    return {"symbol": _SYMBOL, "timestamp": ts, "code": "USDT", "amount": amount, **changes}


def _funding(client: Client, symbol: str = _SYMBOL) -> Funding:
    contract = Contract(id=_BTC, symbol=symbol, base="BTC", quote="USDT", size=Decimal(1), terms={})
    return Funding(client, {_BTC: contract}, _START)


async def test_payment_is_told_once_with_what_was_paid() -> None:
    client = Client(paid=[_payment(60.0), _payment(30.0, 0.25)])
    funding = _funding(client)
    told = await funding.news(_START + HOUR)
    assert [(each.amount, each.rate) for each in told] == [
        (Decimal("0.25"), 0.0), (Decimal("-1.5"), 0.0),
    ]  # fmt: skip
    assert told[1].ts == _START + HOUR
    assert await funding.news(_START + 2 * HOUR) == []
    assert client.asked[0] == (None, _START // 1_000_000)


@pytest.mark.parametrize(
    "paid",
    [
        _payment(0.0),
        _payment(60.0, symbol="ETH/USDT:USDT"),
        _payment(60.0, code="BNB"),
        _payment(60.0, amount=None),
        _payment(60.0, timestamp=None),
    ],
    ids=["booked before", "not traded here", "in a coin", "no amount", "no time"],
)
async def test_payment_that_is_none_of_ours_is_passed_over(paid: dict[str, Any]) -> None:
    assert await _funding(Client(paid=[paid])).news(_START + HOUR) == []


async def test_venue_is_asked_often_after_the_hour_and_seldom_otherwise() -> None:
    client = Client()
    funding = _funding(client)
    for second in range(0, 3600, 10):
        await funding.news(_START + HOUR + second * SECOND)
    # each half minute for ten minutes, then each quarter of an hour
    assert 20 <= len(client.asked) <= 25
    await funding.news(_START + 2 * HOUR)
    assert len(client.asked) <= 26


async def test_payments_beyond_the_first_page_are_told() -> None:
    client = Client(paid=[_payment(60.0 * hour) for hour in range(1, 251)], page=100)
    funding = _funding(client)
    assert len(await funding.news(_START + 250 * HOUR)) == 250
    # next time it is not all of them again
    asked = len(client.asked)
    client.paid.append(_payment(60.0 * 251))
    assert len(await funding.news(_START + 251 * HOUR)) == 1
    assert len(client.asked) == asked + 1


async def test_payments_of_one_instant_are_told_where_a_page_may_be_larger() -> None:
    symbols = [f"C{n}/USDT:USDT" for n in range(130)]
    contracts = {}
    for each in symbols:
        name = InstrumentId(each.replace("/", "-"), "V")
        contracts[name] = Contract(
            id=name, symbol=each, base="C", quote="USDT", size=Decimal(1), terms={}
        )
    client = Client(paid=[_payment(60.0, symbol=each) for each in symbols], page=100)
    assert len(await Funding(client, contracts, _START, page=1000).news(_START + HOUR)) == 130


async def test_payments_of_one_instant_are_told_when_a_restart_falls_between_them() -> None:
    eth = InstrumentId("ETH-USDT-PERP", "V")
    symbols = {_BTC: _SYMBOL, eth: "ETH/USDT:USDT"}
    contracts = {
        name: Contract(id=name, symbol=symbol, base="C", quote="USDT", size=Decimal(1), terms={})
        for name, symbol in symbols.items()
    }
    client = Client(paid=[_payment(60.0)])
    (told,) = await Funding(client, contracts, _START).news(_START + HOUR)
    client.paid.append(_payment(60.0, 2.0, symbol=symbols[eth]))
    booked = [(told.instrument, told.ts)]
    again = Funding(client, contracts, _START, booked=booked)
    (late,) = await again.news(_START + HOUR + 60 * SECOND)
    assert (late.instrument, late.ts, late.amount) == (eth, told.ts, Decimal("2.0"))


async def test_what_is_older_than_a_day_before_the_newest_booked_is_told_no_more() -> None:
    client = Client(paid=[_payment(60.0), _payment(60.0 * 25), _payment(60.0 * 48)])
    booked = [(_BTC, _START + 48 * HOUR)]
    contract = Contract(
        id=_BTC, symbol=_SYMBOL, base="BTC", quote="USDT", size=Decimal(1), terms={}
    )
    funding = Funding(client, {_BTC: contract}, _START, booked=booked)
    (told,) = await funding.news(_START + 48 * HOUR)
    assert told.ts == _START + 25 * HOUR
    assert client.asked == [(None, (_START + 24 * HOUR) // 1_000_000)]


async def test_answer_that_cannot_be_read_is_asked_for_again_whole() -> None:
    client = Client(paid=[_payment(60.0), _payment(60.0, timestamp="soon")])
    funding = _funding(client)
    assert await funding.news(_START + HOUR) == []
    client.paid.pop()
    assert len(await funding.news(_START + HOUR + 60 * SECOND)) == 1


async def test_venue_that_wants_a_symbol_is_asked_for_each() -> None:
    client = Client(paid=[_payment(60.0)], needs_symbol=True)
    assert len(await _funding(client).news(_START + HOUR)) == 1
    assert [symbol for symbol, _ in client.asked] == [None, _SYMBOL]


async def test_venue_that_cannot_tell_is_asked_again() -> None:
    client = Client(paid=[_payment(60.0)], fails=TimeoutError())
    funding = _funding(client)
    assert await funding.news(_START + HOUR) == []
    client.fails = None
    assert len(await funding.news(_START + HOUR + 60 * SECOND)) == 1


@pytest.mark.parametrize(
    ("has", "symbol"), [({}, _SYMBOL), ({"fetchFundingHistory": True}, "BTC/USDT")]
)
async def test_venue_without_funding_is_not_asked(has: dict[str, bool], symbol: str) -> None:
    client = Client(has=has)
    assert await _funding(client, symbol).news(_START + HOUR) == []
    assert client.asked == []
