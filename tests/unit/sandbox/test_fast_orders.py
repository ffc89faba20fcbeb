"""Working orders of the fast tier: carried over, cut short, refused, and taken off by force."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.engine.decide import Rules, Style
from tutti.execution.cost import costs_of
from tutti.execution.matching import LIMIT, MARKET
from tutti.execution.terms import terms_of
from tutti.kernel.clock import HOUR
from tutti.model.arrays import Signals
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import MarketBlock
from tutti.policy.targets import TargetSettings
from tutti.portfolio.accounting import new_book
from tutti.risk.limits import RiskSettings
from tutti.sandbox.fast import (
    FILL_I,
    FILL_LIQUIDATION,
    FILL_MAKER,
    FILL_ORDER,
    FILL_PRICE_TICKS,
    FILL_T,
    FastTier,
)

if TYPE_CHECKING:
    from tutti.sandbox.fast import FastResult

pytestmark = pytest.mark.kernels

NAN = math.nan
_FREE: dict[str, Any] = {
    "max_instrument_fraction": math.inf,
    "max_venue_fraction": math.inf,
    "max_gross_fraction": math.inf,
    "max_notional_multiple": math.inf,
    "max_drawdown": 0.0,
    "max_daily_loss": 0.0,
    "max_agent_daily_loss": 0.0,
    "max_data_age_s": 1e7,
    "take_profit": 0.0,
    "stop_loss": 0.0,
    "stale_after_s": 0.0,
    "liquidation_margin": 0.0,
    "cooldown_s": 0.0,
}


def _instrument(name: str, **terms: Any) -> Instrument:
    values: dict[str, Any] = {
        "id": InstrumentId(name, "X"),
        "kind": InstrumentKind.PERPETUAL,
        "price_step": Decimal("0.01"),
        "quantity_step": Decimal("0.001"),
        "maker_fee": Decimal(0),
        "taker_fee": Decimal(0),
        "max_leverage": Decimal(20),
        "maintenance_margin": Decimal("0.005"),
    }
    return Instrument(**(values | terms))


def _bars(close: Any, **sides: Any) -> MarketBlock:
    closes = np.array(close, np.float64)
    closes = closes.reshape(len(closes), -1)
    opened = np.vstack([closes[:1], closes[:-1]])
    opened = np.where(np.isnan(opened), closes, opened)
    values = {
        "open": opened,
        "high": np.fmax(opened, closes),
        "low": np.fmin(opened, closes),
        "volume": np.full(closes.shape, 1e6),
        "funding": np.zeros(closes.shape),
    }
    for name, side in sides.items():
        values[name] = np.array(side, np.float64).reshape(closes.shape)
    for name in ("open", "high", "low", "volume"):
        values[name] = np.where(np.isnan(closes), NAN, values[name])
    return MarketBlock(
        instruments=tuple(InstrumentId("ABC"[i], "X") for i in range(closes.shape[1])),
        ts=HOUR * np.arange(1, len(closes) + 1, dtype=np.int64),
        step=HOUR,
        close=closes,
        **values,
    )


def _run(
    block: MarketBlock,
    scores: Any,
    *,
    fraction: float | list[float] = 0.1,
    style: Style | None = None,
    instruments: list[Instrument] | None = None,
    costs: dict[str, Any] | None = None,
    cuts: tuple[int, ...] = (),
    **risk: Any,
) -> tuple[FastResult, FastTier]:
    n = len(block.instruments)
    traded = instruments or [_instrument(each.symbol) for each in block.instruments]
    score = np.array(scores, np.float64).reshape(block.close.shape)
    settings = RiskSettings(**(_FREE | risk))
    tier = FastTier(
        terms=terms_of(traded, ["X"]),
        costs=costs_of(np.zeros(n), **(costs or {})),
        rules=Rules(
            TargetSettings().rules(sizes_are_fractions=True),
            settings.care_rules(),
            settings.limits(),
        ),
        style=style or Style(MARKET, 0.0, HOUR),
        book=new_book(n, 0, [10_000.0], 0),
        n_ticks=len(block),
    )
    for start, end in zip((0, *cuts), (*cuts, len(block)), strict=True):
        part = slice(start, end)
        signals = Signals(
            score[part],
            np.ones(score[part].shape),
            np.full(score[part].shape, fraction),
            np.full(score[part].shape, -1, np.int64),
        )
        tier.advance(block.rows(start, end), signals)
    return tier.result(), tier


def test_blocks_carry_working_orders_over() -> None:
    block = _bars([100.0, 101.0, 99.0, 102.0, 104.0, 103.0])
    scores = [1.0, NAN, -1.0, NAN, 1.0, NAN]
    whole, _ = _run(block, scores)
    cut, _ = _run(block, scores, cuts=(1, 3, 5))
    np.testing.assert_array_equal(whole.fills.whole, cut.fills.whole)
    np.testing.assert_array_equal(whole.trace.equity, cut.trace.equity)
    assert len(whole.fills.whole) == 3


def test_table_of_fills_grows_with_the_run() -> None:
    # each bar takes one lot: many more fills than the table has room for at first
    block = _bars([100.0] * 1300, volume=[0.005] * 1300)
    found, tier = _run(block, [1.0] + [NAN] * 1299, costs={"participation": 0.2})
    assert len(found.fills.whole) == 1299
    assert tier.book.lots[0] == 1299
    assert tier.book.working[0] == 10_000 - 1299


@pytest.mark.parametrize(
    ("latency", "filled"),
    [
        pytest.param(0, [], id="cancelled-at-the-close"),
        pytest.param(1, [3], id="cancelled-after-the-next-open"),
    ],
)
def test_limit_order_ends_when_its_cancellation_arrives(latency: int, filled: list[int]) -> None:
    # With latency the order is confirmed by bar 2, asked back at its close, and gone in bar 4.
    block = _bars([100.0] * 5, low=[100.0, 100.0, 100.0, 98.0, 98.0])
    found, tier = _run(
        block, [1.0, NAN, NAN, NAN, NAN], style=Style(LIMIT, 50.0, HOUR),
        costs={"latency_ns": latency},
    )  # fmt: skip
    assert found.fills.whole[:, FILL_T].tolist() == filled
    assert all(found.fills.whole[:, FILL_MAKER] == 1)
    assert tier.book.working[0] == 0


def test_limit_order_is_gone_once_its_cancellation_arrived() -> None:
    block = _bars([100.0] * 6, low=[100.0, 100.0, 100.0, 100.0, 98.0, 98.0])
    found, tier = _run(
        block, [1.0] + [NAN] * 5, style=Style(LIMIT, 50.0, HOUR), costs={"latency_ns": 1}
    )
    assert len(found.fills.whole) == 0
    assert tier.book.working[0] == 0


def test_one_of_two_working_orders_is_taken_off_and_the_other_stays() -> None:
    block = _bars([[100.0, 10.0]] * 5, low=[[100.0, 10.0]] * 4 + [[98.0, 9.0]])
    scores = [[1.0, NAN], [NAN, 1.0], [NAN, NAN], [NAN, NAN], [NAN, NAN]]
    found, tier = _run(block, scores, style=Style(LIMIT, 50.0, 3 * HOUR))
    assert found.fills.whole[:, FILL_I].tolist() == [1]
    assert tier.book.working.tolist() == [0, 0]


def test_refused_orders_are_counted_and_never_fill() -> None:
    # the rules of targets have room for fifty positions, those of risk for one
    found, tier = _run(
        _bars([[100.0, 10.0]] * 3), [[1.0, 1.0], [NAN, NAN], [NAN, NAN]], max_positions=1
    )
    assert (found.n_refusals, found.n_orders, found.n_decisions) == (1, 1, 1)
    assert tier.book.lots.tolist() == [10_000, 0]


def test_orders_that_no_venue_takes_halt_the_run_after_so_many_in_a_row() -> None:
    # all the money at the close, and more at a limit across the market
    spot = _instrument("A", kind=InstrumentKind.SPOT, max_leverage=Decimal(1))
    found, tier = _run(
        _bars([100.0] * 8), [1.0] * 8, instruments=[spot], fraction=0.999,
        style=Style(LIMIT, -100.0, HOUR), max_consecutive_errors=3,
    )  # fmt: skip
    assert (found.n_rejected, found.n_orders, found.n_decisions) == (3, 3, 3)
    assert len(found.fills.whole) == 0
    assert tier.book.working[0] == 0


def test_order_that_is_taken_ends_the_row_of_rejections() -> None:
    spot = {"kind": InstrumentKind.SPOT, "max_leverage": Decimal(1)}
    pair = [_instrument("A", **spot), _instrument("B", **spot)]
    # nothing of B is traded, so its orders wait
    block = _bars([[100.0, 10.0]] * 8, volume=[[1e6, 0.0]] * 8)
    found, _ = _run(
        block, [[1.0, 1.0]] * 8, instruments=pair, fraction=[0.98, 0.015],
        style=Style(LIMIT, -300.0, HOUR), max_consecutive_errors=3, costs={"participation": 0.1},
    )  # fmt: skip
    # B is taken, and cancelled, at every bar
    assert found.n_rejected == 8
    assert found.n_orders == 16


def test_funding_is_paid_at_the_close_or_at_the_last_one() -> None:
    funding = [[0, 0], [0.001, 0], [0.002, 0]]
    block = _bars([[100.0, 1.0], [100.0, 1.0], [NAN, 1.0]], funding=funding)
    found, _ = _run(block, [[1.0, NAN], [NAN, NAN], [NAN, NAN]])
    assert found.trace.equity.tolist() == pytest.approx([10_000, 9_999, 9_997])


def test_liquidation_closes_everything_and_takes_orders_with_it() -> None:
    low = [[100.0, 10.0], [90.0, 10.0], [75.0, 10.0], [75.0, 9.0]]
    found, tier = _run(
        _bars([[100.0, 10.0], [100.0, 10.0], [75.0, 10.0], [75.0, 10.0]], low=low),
        [[1.0, NAN], [NAN, 1.0], [NAN, NAN], [NAN, NAN]], fraction=6.0,
        style=Style(LIMIT, 500.0, 9 * HOUR), costs={"liquidation_fee": 0.001},
    )  # fmt: skip
    bought, forced = found.fills.whole.tolist()
    assert (bought[FILL_T], bought[FILL_PRICE_TICKS], bought[FILL_MAKER]) == (1, 9500, 1)
    # B's order, at 9.50, would have been filled by the last bar
    assert (forced[FILL_T], forced[FILL_I], forced[FILL_ORDER]) == (2, 0, FILL_LIQUIDATION)
    assert tier.book.lots.tolist() == tier.book.working.tolist() == [0, 0]
    # at the price where equity met the maintenance margin: 10,000 + 600 (p - 95) = 0.005 x 600 p
    price = (57_000 - 10_000) / (600 * 0.995)
    assert forced[FILL_PRICE_TICKS] == math.floor(price * 100)
    assert found.fills.money[1, 1] == pytest.approx(600 * math.floor(price * 100) / 100 * 0.001)
    assert 0 < found.trace.equity[-1] < 0.005 * 600 * price


def test_orders_stay_while_what_is_to_be_liquidated_has_no_bar() -> None:
    # funding takes all that A's account had, while A has no bar to be closed at
    block = _bars(
        [[100.0, 10.0], [100.0, 10.0], [NAN, 10.0], [NAN, 10.0]],
        funding=[[0, 0], [0, 0], [0.5, 0], [0, 0]],
        volume=[[1e6, 1e6]] * 2 + [[NAN, 0.0], [NAN, 1e6]],
    )
    found, tier = _run(
        block, [[1.0, NAN], [NAN, 1.0], [NAN, NAN], [NAN, NAN]], fraction=3.0,
        costs={"participation": 0.9},
    )  # fmt: skip
    # 10,000 less half of 30,000; nothing traded of B in the bar of the payment
    assert found.trace.equity[2] == pytest.approx(-5000.0)
    assert tier.book.lots[0] == 300_000
    # B's order was still there when it traded again, and was closed in the same bar
    assert found.fills.whole[:, [FILL_T, FILL_I]].tolist() == [[1, 0], [3, 1], [3, 1]]
    assert found.fills.whole[-1, FILL_ORDER] == FILL_LIQUIDATION
