"""What a venue has against an order."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

from tutti.execution.acceptance import Objection, objection_at
from tutti.execution.terms import terms_of
from tutti.model.arrays import Book
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind

pytestmark = pytest.mark.kernels

_SPOT, _PERPETUAL = 0, 1


def _instrument(symbol: str, kind: InstrumentKind, venue: str = "V") -> Instrument:
    return Instrument(
        id=InstrumentId(symbol, venue),
        kind=kind,
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.1"),
        min_quantity=Decimal("0.2"),
        min_notional=Decimal(50),
        taker_fee=Decimal("0.001"),
        max_leverage=Decimal(10),
    )


_TERMS = terms_of(
    [
        _instrument("S", InstrumentKind.SPOT),
        _instrument("P", InstrumentKind.PERPETUAL),
        _instrument("S", InstrumentKind.SPOT, "W"),
        _instrument("P", InstrumentKind.PERPETUAL, "W"),
    ],
    ["V", "W"],
)


def _book(spot: int = 0, perpetual: int = 0, cash: float = 1_000.0) -> Book:
    return Book(
        lots=np.array([spot, perpetual, 1_000_000, 1_000_000]),
        average_price=np.zeros(4),
        opened_at=np.zeros(4, dtype=np.int64),
        closed_at=np.zeros(4, dtype=np.int64),
        paused_until=np.zeros(4, dtype=np.int64),
        lead=np.full(4, -1),
        mark=np.full(4, 100.0),
        marked_at=np.zeros(4, dtype=np.int64),
        working=np.array([0, 0, 1_000, 1_000]),
        cash=np.array([cash, 0.0]),
        agent_day=np.zeros(1),
        account=np.zeros(8),
    )


def _objection(i: int, lots: int, book: Book, price: float = 100.0) -> Objection:
    return Objection(objection_at(i, lots, price, book, _TERMS))


@pytest.mark.parametrize("price", [math.nan, 0.0, -1.0])
def test_order_without_a_price_to_value_it_at_is_objected_to(price: float) -> None:
    assert _objection(_SPOT, 10, _book(), price) is Objection.NO_PRICE


def test_order_for_an_instrument_that_never_traded_is_objected_to() -> None:
    book = _book()
    book.mark[_SPOT] = math.nan
    assert _objection(_SPOT, 10, book) is Objection.NO_PRICE


@pytest.mark.parametrize("i", [_SPOT, _PERPETUAL])
@pytest.mark.parametrize("lots", [0, 1])
def test_order_below_the_minimum_quantity_is_objected_to(i: int, lots: int) -> None:
    assert _objection(i, lots, _book()) is Objection.BELOW_MIN_QUANTITY


@pytest.mark.parametrize("i", [_SPOT, _PERPETUAL])
def test_order_below_the_minimum_notional_is_objected_to(i: int) -> None:
    assert _objection(i, 4, _book()) is Objection.BELOW_MIN_NOTIONAL
    assert _objection(i, 5, _book()) is Objection.NONE


def test_spot_sale_of_more_than_is_held_and_not_on_sale_is_objected_to() -> None:
    book = _book(spot=20)
    assert _objection(_SPOT, -20, book) is Objection.NONE
    assert _objection(_SPOT, -21, book) is Objection.NOT_HELD
    book.working[_SPOT] = -10
    assert _objection(_SPOT, -10, book) is Objection.NONE
    assert _objection(_SPOT, -11, book) is Objection.NOT_HELD
    book.working[_SPOT] = 30
    assert _objection(_SPOT, -21, book) is Objection.NOT_HELD


@pytest.mark.parametrize(
    ("cash", "expected"),
    [(1_001.0, Objection.NONE), (1_000.9, Objection.INSUFFICIENT_FUNDS)],
)
def test_spot_purchase_is_paid_from_the_cash_with_its_fee(cash: float, expected: Objection) -> None:
    assert _objection(_SPOT, 100, _book(cash=cash)) is expected


def test_spot_purchase_leaves_the_money_of_working_purchases_and_margin_alone() -> None:
    book = _book(cash=1_000.0 + 50.0)
    assert _objection(_SPOT, 100, book) is Objection.NONE
    book.working[_SPOT] = 5
    assert _objection(_SPOT, 100, book) is Objection.INSUFFICIENT_FUNDS
    # a perpetual bought at its mark ties up a tenth of its notional and nothing else
    book = _book(perpetual=40, cash=1_000.0 + 50.0 - 400.0)
    assert _objection(_SPOT, 100, book) is Objection.NONE
    book = _book(perpetual=60, cash=1_000.0 + 50.0 - 600.0)
    assert _objection(_SPOT, 100, book) is Objection.INSUFFICIENT_FUNDS


@pytest.mark.parametrize("side", [1, -1])
def test_perpetual_needs_initial_margin_and_fee_within_the_equity(side: int) -> None:
    # 1000 of equity carries 9900 of notional: 990 of margin, 9.9 of fee
    assert _objection(_PERPETUAL, side * 990, _book()) is Objection.NONE
    assert _objection(_PERPETUAL, side * 991, _book()) is Objection.INSUFFICIENT_FUNDS


def test_perpetual_counts_spot_as_collateral_and_working_purchases_as_spent() -> None:
    book = _book(spot=50, cash=500.0)
    assert _objection(_PERPETUAL, 980, book) is Objection.NONE
    book.working[_SPOT] = 20
    assert _objection(_PERPETUAL, 980, book) is Objection.INSUFFICIENT_FUNDS


def test_perpetual_that_only_gets_smaller_passes_however_poor_the_account() -> None:
    book = _book(perpetual=3, cash=-300.0)
    assert _objection(_PERPETUAL, -3, book) is Objection.NONE
    assert _objection(_PERPETUAL, -1, book) is Objection.NONE


def test_perpetual_that_turns_needs_margin_for_what_is_larger_only() -> None:
    book = _book(perpetual=500, cash=-4_495.0)
    assert _objection(_PERPETUAL, -501, book) is Objection.INSUFFICIENT_FUNDS
    book.cash[0] = -4_400.0
    assert _objection(_PERPETUAL, -501, book) is Objection.NONE
    # a second order to close the same position makes nothing larger, yet may turn it
    book.working[_PERPETUAL] = -500
    assert _objection(_PERPETUAL, -500, book) is Objection.NONE
    assert _objection(_PERPETUAL, -1_000, book) is Objection.INSUFFICIENT_FUNDS
