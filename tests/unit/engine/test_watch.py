"""Risk of the whole portfolio, looked at from time to time."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from tutti.engine.watch import RiskWatch
from tutti.execution.terms import terms_of
from tutti.kernel.clock import MINUTE
from tutti.model.arrays import EQUITY, PEAK_EQUITY, Book, Terms
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import MarketBlock
from tutti.portfolio.accounting import new_book
from tutti.risk.portfolio_risk import RiskFlag

IDS = (InstrumentId("A", "SIM"), InstrumentId("B", "SIM"))


@pytest.fixture
def terms() -> Terms:
    return terms_of(
        [
            Instrument(
                id=each,
                kind=InstrumentKind.SPOT,
                price_step=Decimal("0.01"),
                quantity_step=Decimal(1),
            )
            for each in IDS
        ],
        ["SIM"],
    )


def _market(n: int, seed: int = 1) -> MarketBlock:
    moves = np.random.default_rng(seed).normal(0.0, 0.05, (n, 1))
    close = 100.0 * np.exp(np.cumsum(np.repeat(moves, 2, axis=1), axis=0))
    return MarketBlock(
        instruments=IDS,
        ts=np.arange(n, dtype=np.int64) * MINUTE,
        step=MINUTE,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=np.ones_like(close),
        funding=np.zeros_like(close),
    )


def _book(lots: tuple[int, int], mark: float = 100.0, equity: float = 10_000.0) -> Book:
    book = new_book(2, 0, [equity], 0)
    book.lots[:] = lots
    book.mark[:] = mark
    book.account[[EQUITY, PEAK_EQUITY]] = equity
    return book


def test_two_positions_that_move_as_one_are_flagged(terms: Terms) -> None:
    watch = RiskWatch(1)
    watch.enter(_market(300))
    found = watch.flags_at(299, _book((50, 45)), terms)
    assert RiskFlag.AVERAGE_CORRELATION in found
    assert RiskFlag.VALUE_AT_RISK in found
    assert RiskFlag.DRAWDOWN not in found


def test_flat_account_has_nothing_to_flag(terms: Terms) -> None:
    watch = RiskWatch(1)
    watch.enter(_market(300))
    assert watch.flags_at(299, _book((0, 0)), terms) == ()


def test_lost_account_is_not_assessed(terms: Terms) -> None:
    watch = RiskWatch(1)
    watch.enter(_market(10))
    book = _book((50, 45))
    book.account[EQUITY] = 0.0
    assert watch.flags_at(5, book, terms) == ()


def test_assessment_stands_for_its_number_of_ticks(terms: Terms) -> None:
    watch = RiskWatch(10)
    watch.enter(_market(300))
    before = watch.flags_at(280, _book((50, 45)), terms)
    assert watch.flags_at(289, _book((0, 0)), terms) == before
    assert watch.flags_at(290, _book((0, 0)), terms) == ()


@pytest.mark.parametrize("cut", [1, 7, 100, 260])
def test_blocks_of_any_length_give_the_same_flags(terms: Terms, cut: int) -> None:
    market, book = _market(320), _book((20, -3))
    whole = RiskWatch(1)
    whole.enter(market)
    parts = RiskWatch(1)
    for start in range(0, 320, cut):
        block = market.rows(start, min(start + cut, 320))
        parts.enter(block)
        for t in range(len(block)):
            assert parts.flags_at(t, book, terms) == whole.flags_at(start + t, book, terms)
