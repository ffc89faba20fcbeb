"""Spot holdings where a venue takes its fee out of what was bought."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tutti.adapters.venues.by_ccxt.coins import Coins
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import OrderIntent, OrderType, Reason, Side

_BTC = InstrumentId("BTC-USDT", "BINANCE")
_SPOT = Instrument(
    id=_BTC,
    kind=InstrumentKind.SPOT,
    price_step=Decimal("0.01"),
    quantity_step=Decimal("0.001"),
    min_notional=Decimal(5),
    taker_fee=Decimal("0.001"),
)


def _sale(quantity: str) -> OrderIntent:
    return OrderIntent(
        id="1" * 32, instrument=_BTC, as_of=1, side=Side.SELL, quantity=Decimal(quantity),
        type=OrderType.MARKET, price=None, reference_price=Decimal(100), reason=Reason.SIGNAL_EXIT,
        lead="x", reduces=True,
    )  # fmt: skip


@pytest.fixture
def coins() -> Coins:
    held = Coins({_BTC: _SPOT})
    held.filled(_BTC, Side.BUY, Decimal("10"))
    held.saw(_BTC, Decimal(100))
    return held


def test_holding_that_lacks_the_fee_is_counted_as_booked(coins: Coins) -> None:
    assert coins.as_booked({_BTC: Decimal("9.99")}) == {_BTC: Decimal(10)}


@pytest.mark.parametrize("there", ["9.9", "0", "10.02", "11"])
def test_holding_that_differs_by_more_is_told_as_it_is(coins: Coins, there: str) -> None:
    assert coins.as_booked({_BTC: Decimal(there)}) == {_BTC: Decimal(there)}


def test_rest_of_a_round_trip_that_can_not_be_sold_is_counted_as_booked(coins: Coins) -> None:
    coins.filled(_BTC, Side.SELL, Decimal("9.99"))
    assert coins.as_booked({}) == {_BTC: Decimal("0.01")}


def test_holding_of_an_earlier_process_is_known_from_the_ledger() -> None:
    coins = Coins({_BTC: _SPOT})
    coins.begin({_BTC: Decimal(5), InstrumentId("X-USDT", "BINANCE"): Decimal(1)})
    assert coins.as_booked({_BTC: Decimal("4.995")}) == {_BTC: Decimal(5)}


def test_sale_of_all_is_cut_to_what_fees_left(coins: Coins) -> None:
    assert coins.sellable(_sale("10"), {_BTC: Decimal("9.9905")}) == Decimal("9.990")
    assert coins.sellable(_sale("5"), {_BTC: Decimal("9.99")}) == Decimal(5)


def test_sale_of_what_is_not_there_goes_out_whole_and_the_venue_says_so(coins: Coins) -> None:
    assert coins.sellable(_sale("10"), {_BTC: Decimal(8)}) == Decimal(10)
    assert coins.sellable(_sale("0.001"), {}) == Decimal("0.001")


def test_purchases_and_perpetuals_are_left_alone() -> None:
    perpetual = Instrument(
        id=_BTC,
        kind=InstrumentKind.PERPETUAL,
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.001"),
    )
    coins = Coins({_BTC: perpetual})
    coins.filled(_BTC, Side.BUY, Decimal("10"))
    coins.saw(_BTC, Decimal(0))
    assert coins.as_booked({_BTC: Decimal("9.99")}) == {_BTC: Decimal("9.99")}
    assert coins.sellable(_sale("10"), {_BTC: Decimal("9.99")}) == Decimal(10)
