"""Margin and liquidation of one venue's account."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

from tutti.execution.cost import Costs, costs_of
from tutti.execution.margin import (
    carry_marks,
    initial_margin,
    liquidation_due,
    liquidation_fills,
    maintenance,
    quiet_until,
    venue_equity,
)
from tutti.execution.terms import terms_of
from tutti.model.arrays import Book, Tradable
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind

pytestmark = pytest.mark.kernels


def _perpetual(symbol: str, venue: str = "V") -> Instrument:
    return Instrument(
        id=InstrumentId(symbol, venue),
        kind=InstrumentKind.PERPETUAL,
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.1"),
        max_leverage=Decimal(10),
        maintenance_margin=Decimal("0.05"),
    )


_SPOT = Instrument(
    id=InstrumentId("SPOT", "V"),
    kind=InstrumentKind.SPOT,
    price_step=Decimal("0.01"),
    quantity_step=Decimal("0.1"),
)
# two perpetuals and a spot instrument in one account, a perpetual in another
_TERMS = terms_of([_perpetual("A"), _perpetual("B"), _SPOT, _perpetual("C", "W")], ["V", "W"])
_FREE = costs_of(np.zeros(4))


def _book(lots: list[int], cash: list[float], working: list[int] | None = None) -> Book:
    n = len(lots)
    return Book(
        lots=np.array(lots),
        average_price=np.full(n, 100.0),
        opened_at=np.zeros(n, dtype=np.int64),
        closed_at=np.zeros(n, dtype=np.int64),
        paused_until=np.zeros(n, dtype=np.int64),
        lead=np.full(n, -1),
        mark=np.full(n, 100.0),
        marked_at=np.zeros(n, dtype=np.int64),
        working=np.array(working or [0] * n),
        cash=np.array(cash),
        agent_day=np.zeros(1),
        account=np.zeros(8),
    )


def _bars(
    opens: list[float], lows: list[float], highs: list[float], funding: list[float] | None = None
) -> Tradable:
    def row(values: list[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.array([values])

    return Tradable(
        ts=np.array([0]),
        open=row(opens),
        high=row(highs),
        low=row(lows),
        close=row(opens),
        volume=row([1.0] * len(opens)),
        funding=row(funding or [0.0] * len(opens)),
    )


def _fills(book: Book, bars: Tradable, costs: Costs = _FREE) -> dict[int, tuple[int, int]] | None:
    lots = np.full(4, 7, dtype=np.int64)
    ticks = np.zeros(4, dtype=np.int64)
    due = liquidation_due(0, book, bars, _TERMS, costs, 0)
    assert liquidation_fills(0, book, bars, _TERMS, costs, 0, lots, ticks) == due
    if not due:
        assert not lots.any()
        return None
    return {i: (int(lots[i]), int(ticks[i])) for i in range(4) if lots[i]}


def test_equity_of_a_venue_is_its_cash_and_its_positions_alone() -> None:
    book = _book([10, -20, 30, 40], [1_000.0, 5.0])
    assert venue_equity(book, _TERMS, 0) == pytest.approx(1_000.0 + 100.0 * (1 - 2 + 3))
    assert venue_equity(book, _TERMS, 1) == pytest.approx(5.0 + 400.0)


def test_maintenance_counts_long_and_short_perpetuals_and_no_spot() -> None:
    assert maintenance(_book([10, -20, 30, 40], [0.0, 0.0]), _TERMS, 0) == pytest.approx(15.0)


@pytest.mark.parametrize(
    ("working", "margin"),
    [([0, 0, 0, 0], 30.0), ([10, 0, 50, 0], 40.0), ([-5, 0, 0, 0], 30.0), ([-30, 0, 0, 0], 40.0)],
    ids=["none", "adds", "reduces", "turns"],
)
def test_initial_margin_counts_working_orders_that_enlarge(
    working: list[int], margin: float
) -> None:
    book = _book([10, -20, 30, 40], [0.0, 0.0], working)
    assert initial_margin(book, _TERMS, 0) == pytest.approx(margin)


def test_liquidation_of_one_long_happens_where_equity_meets_maintenance() -> None:
    # 10 units bought at 100 with 100 of equity: 100 + 10 (p - 100) = 0.05 * 10 p at p = 94.7368
    book = _book([100, 0, 0, 0], [-900.0, 0.0])
    bars = _bars([99.0] * 4, [90.0] * 4, [101.0] * 4)
    assert _fills(book, bars) == {0: (-100, 9473)}


def test_liquidation_of_one_short_happens_where_equity_meets_maintenance() -> None:
    book = _book([-100, 0, 0, 0], [1_100.0, 0.0])  # 1100 - 10 p = 0.05 * 10 p at p = 104.7619
    bars = _bars([99.0] * 4, [90.0] * 4, [110.0] * 4)
    assert _fills(book, bars) == {0: (100, 10_477)}


def test_liquidation_short_of_the_trigger_is_not_due() -> None:
    book = _book([100, 0, 0, 0], [-900.0, 0.0])
    assert _fills(book, _bars([99.0] * 4, [94.8] * 4, [101.0] * 4)) is None


def test_liquidation_after_a_gap_closes_at_the_open() -> None:
    book = _book([100, 0, 0, 0], [-900.0, 0.0])
    assert _fills(book, _bars([80.0] * 4, [79.0] * 4, [101.0] * 4)) == {0: (-100, 8_000)}


def test_liquidation_pays_the_costs_of_a_taker() -> None:
    book = _book([100, 0, 0, 0], [-900.0, 0.0])
    costs = costs_of(np.full(4, 100.0))
    assert _fills(book, _bars([80.0] * 4, [79.0] * 4, [101.0] * 4), costs) == {0: (-100, 7_920)}


def test_liquidation_takes_all_perpetuals_of_the_venue_and_leaves_spot() -> None:
    book = _book([100, -10, 5, 100], [-850.0, 0.0])
    fills = _fills(book, _bars([80.0] * 4, [79.0] * 4, [101.0] * 4))
    assert fills == {0: (-100, 8_000), 1: (10, 8_000)}


def test_liquidation_values_a_missing_bar_at_its_mark_and_leaves_its_position() -> None:
    book = _book([100, 10, 0, 0], [-1_050.0, 0.0])
    bars = _bars([90.0, math.nan, 1.0, 1.0], [85.0, math.nan, 1.0, 1.0], [101.0] * 4)
    assert _fills(book, bars) == {0: (-100, 9_000)}


def test_liquidation_without_any_price_is_not_due() -> None:
    book = _book([100, 0, 0, 0], [-900.0, 0.0])
    book.mark[0] = math.nan
    assert _fills(book, _bars([math.nan] * 4, [math.nan] * 4, [math.nan] * 4)) is None


def test_liquidation_of_spot_alone_is_never_due() -> None:
    book = _book([0, 0, 100, 0], [-2_000.0, 0.0])
    assert _fills(book, _bars([90.0] * 4, [1.0] * 4, [101.0] * 4)) is None


def _calm(t: int) -> Tradable:
    shape = (t, 4)
    return Tradable(
        ts=np.arange(t),
        open=np.full(shape, 100.0),
        high=np.full(shape, 101.0),
        low=np.full(shape, 99.0),
        close=np.full(shape, 100.0),
        volume=np.ones(shape),
        funding=np.zeros(shape),
    )


def test_quiet_bars_end_with_a_funding_of_what_is_held() -> None:
    bars = _calm(6)
    bars.funding[1, 1] = bars.funding[2, 3] = bars.funding[3, 2] = 1e-4
    bars.funding[4, 0] = -1e-4
    book = _book([100, 0, 5, 7], [-900.0, 0.0])
    assert quiet_until(0, 6, book, bars, _TERMS, 0) == 4


def test_quiet_bars_end_with_a_liquidation_at_marks_that_move_along() -> None:
    bars = _calm(6)
    bars.close[1, 0] = 94.0
    for prices in (bars.open, bars.high, bars.low, bars.close):
        prices[2:, 0] = math.nan
    bars.low[4, 1] = 90.0
    book = _book([100, 10, 0, 0], [-1_000.0 + 130.0, 0.0])
    before = book.mark.copy()
    for cash, quiet in ((-870.0, 6), (-982.0, 4), (-990.0, 2)):
        book.cash[0] = cash
        assert quiet_until(0, 6, book, bars, _TERMS, 0) == quiet
    assert (book.mark == before).all()


def test_marks_are_carried_over_missing_bars() -> None:
    close = np.array([[1.0, 2.0], [math.nan, 3.0], [math.nan, 4.0]])
    marks = np.array([9.0, 9.0])
    carry_marks(1, 2, close, marks)
    assert marks.tolist() == [9.0, 3.0]
    carry_marks(0, 3, close, marks)
    assert marks.tolist() == [1.0, 4.0]
