"""Breakers, care and caps as the engine obeys them, tick after tick, and what it writes of them."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.kernel.clock import DAY, HOUR
from tutti.ledger.kinds import Decision, ModeChange, Objection
from tutti.model.arrays import FLATTEN, MODE, REDUCE_ONLY, TRADING
from tutti.model.instrument import InstrumentId
from tutti.model.order import Fill, OrderIntent, Position
from tutti.risk.breakers import flatten, reset

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

BTC = InstrumentId("BTC-USDT-PERP", "SIM")
ETH = InstrumentId("ETH-USDT-PERP", "SIM")
SOL = InstrumentId("SOL-USDT", "SPOT")
NAN = math.nan

pytestmark = pytest.mark.kernels


def _modes(played: Any) -> list[tuple[str, int]]:
    played.journal.close()
    changes = iter(played.all(ModeChange))
    return [(next(changes).mode, row.ts) for row in played.store.rows if row.kind == "mode"]


def _reasons(played: Any) -> list[str]:
    return [str(intent.reason) for intent in played.all(OrderIntent)]


# ---- drawdown ----


def test_drawdown_closes_everything_and_stays_flat(stage: Make, make_bars: Make) -> None:
    prices = [100.0, 100.0, 70.0, 72.0, 100.0, 130.0]
    block = make_bars([[p, p] for p in prices], ids=(BTC, ETH))
    played = stage(block, [[1.0, 1.0]] * 6, fraction=0.4, risk__max_drawdown=0.1)
    played.play()
    assert _modes(played) == [("flatten", int(block.known_at[2]))]
    assert _reasons(played)[-2:] == ["drawdown_stop", "drawdown_stop"]
    assert played.all(OrderIntent)[-1].as_of == block.known_at[2]
    assert played.lots(0) == played.lots(1) == 0
    assert played.account.book.account[MODE] == FLATTEN
    (change,) = played.all(ModeChange)
    assert change.reason == "drawdown 24.00%, loss since 00:00 UTC 2,400.00"


def test_flat_account_in_flatten_mode_decides_nothing(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0]] * 4)
    played = stage(block, [1.0] * 4)
    flatten(played.account.book)
    played.play()
    assert played.all(OrderIntent) == []
    assert played.account.book.account[MODE] == FLATTEN


def test_operator_who_flattens_and_resets_is_on_record(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0]] * 8)
    played = stage(block, [1.0] * 8)
    played.play(0, 3)
    assert played.lots() > 0
    flatten(played.account.book)
    played.play(3, 5)
    assert played.lots() == 0
    reset(played.account.book)
    played.play(5, 8)
    assert played.lots() > 0
    assert [mode for mode, _ in _modes(played)] == ["flatten", "trading"]


def test_lost_account_is_closed_and_nothing_is_divided_by_it(
    stage: Make, make_bars: Make, make_terms: Make
) -> None:
    block = make_bars([[100.0], [100.0], [40.0], [40.0], [40.0]])
    spot = make_terms(BTC, maintenance_margin=Decimal(0))
    played = stage(block, [1.0] * 5, instruments=[spot], fraction=3.0)
    trace = played.play()
    # 3 x equity fell by 60 %: the venue closed it by force, below nothing at all
    assert trace.equity[-1] < 0
    assert played.lots() == 0
    assert np.isfinite(trace.equity).all()
    assert played.account.book.account[MODE] == FLATTEN


# ---- daily loss ----


def test_daily_loss_lets_only_reduce_until_the_day_ends(stage: Make, make_bars: Make) -> None:
    prices = [[100.0, 50.0]] * 2 + [[90.0, 50.0]] * 28
    block = make_bars(prices, ids=(BTC, ETH))
    scores = np.full((30, 2), NAN)
    scores[0] = [1.0, NAN]
    scores[3:, 1] = 1.0  # wants in all the time
    scores[6, 0] = -1.0  # wants out, and round
    played = stage(block, scores, risk__max_daily_loss=50.0)
    played.play()
    # 100 lost at the close of the third bar; midnight is the start of the 25th
    assert _modes(played) == [
        ("reduce_only", int(block.known_at[2])),
        ("trading", int(block.known_at[24])),
    ]
    assert [(i.instrument, str(i.reason), i.as_of) for i in played.all(OrderIntent)] == [
        (BTC, "entry", block.known_at[0]),
        (BTC, "signal_exit", block.known_at[6]),
        (ETH, "entry", block.known_at[24]),
    ]


def test_end_of_the_day_is_on_record_when_nothing_else_happens(
    stage: Make, make_bars: Make
) -> None:
    block = make_bars([[100.0]] * 2 + [[90.0]] * 28)
    played = stage(block, [1.0] + [NAN] * 29, risk__max_daily_loss=50.0)
    for t in range(30):
        played.play(t, t + 1)
    assert [mode for mode, _ in _modes(played)] == ["reduce_only", "trading"]
    assert played.account.book.account[MODE] == TRADING


def test_end_of_the_day_comes_before_the_orders_at_work_are_matched(
    stage: Make, make_bars: Make
) -> None:
    prices = [[100.0]] * 2 + [[90.0]] * 28
    low = [[80.0] if t == 25 else [min(100.0, p[0])] for t, p in enumerate(prices)]
    block = make_bars(prices, low=low)
    scores = [1.0] + [NAN] * 22 + [-1.0] + [NAN] * 6
    played = stage(block, scores, risk__max_daily_loss=50.0)
    played.play()
    # the exit was ordered at the last close of the day and filled at the first open of the next
    fills = played.all(Fill)
    assert fills[-1].ts == block.ts[24]
    assert [mode for mode, _ in _modes(played)] == ["reduce_only", "trading"]
    mode_row = max(row.seq for row in played.store.rows if row.kind == "mode")
    fill_row = max(row.seq for row in played.store.rows if row.kind == "fill")
    assert mode_row < fill_row


def test_recovery_does_not_end_a_daily_loss_stop(stage: Make, make_bars: Make) -> None:
    prices = [[100.0], [100.0], [90.0], [120.0], [120.0]]
    played = stage(make_bars(prices), [1.0, NAN, NAN, NAN, NAN], risk__max_daily_loss=50.0)
    played.play()
    assert played.account.book.account[MODE] == REDUCE_ONLY


def test_daily_loss_counts_from_midnight_not_from_the_start(stage: Make, make_bars: Make) -> None:
    # 60 lost on the first day and 60 on the second, each below the limit
    prices = [100.0, 100.0] + [94.0] * 22 + [88.0] * 6
    block = make_bars([[p] for p in prices])
    played = stage(block, [1.0] + [NAN] * 29, risk__max_daily_loss=100.0)
    played.play()
    assert played.account.book.account[MODE] == TRADING
    assert played.equity == pytest.approx(9880.0)


# ---- agents ----


def test_agent_at_its_daily_loss_leads_no_entry_and_others_do(stage: Make, make_bars: Make) -> None:
    prices = [[100.0, 50.0, 10.0]] * 2 + [[90.0, 50.0, 10.0]] * 3
    sol = InstrumentId("SOL-USDT-PERP", "SIM")
    block = make_bars(prices, ids=(BTC, ETH, sol))
    scores = np.full((5, 3), NAN)
    scores[0, 0] = 1.0
    scores[3] = [NAN, 1.0, 1.0]
    played = stage(block, scores, agents=("one", "two"), risk__max_agent_daily_loss=50.0)
    played.script.lead[:, 0] = 0
    played.script.lead[:, 1] = 0
    played.script.lead[:, 2] = 1
    played.play()
    assert [(i.instrument, i.lead) for i in played.all(OrderIntent)] == [(BTC, "one"), (sol, "two")]
    assert played.account.book.agent_day.tolist() == pytest.approx([-100.0, 0.0])


def test_agent_leads_again_on_the_next_day(stage: Make, make_bars: Make) -> None:
    prices = [[100.0, 50.0]] * 2 + [[90.0, 50.0]] * 24
    block = make_bars(prices, ids=(BTC, ETH))
    scores = np.full((26, 2), NAN)
    scores[0, 0] = scores[25, 1] = 1.0
    scores[5, 1] = 1.0
    played = stage(block, scores, agents=("one",), risk__max_agent_daily_loss=50.0)
    played.script.lead[:] = 0
    played.play()
    assert [i.as_of for i in played.all(OrderIntent)] == [block.known_at[0], block.known_at[25]]


# ---- care ----


@pytest.mark.parametrize(
    ("close", "side", "reason"),
    [
        pytest.param(105.0, 1.0, "take_profit", id="long-gains"),
        pytest.param(95.0, -1.0, "take_profit", id="short-gains"),
        pytest.param(97.0, 1.0, "stop_loss", id="long-loses"),
        pytest.param(103.0, -1.0, "stop_loss", id="short-loses"),
    ],
)
def test_position_is_closed_by_care_whatever_the_signal(
    stage: Make, make_bars: Make, close: float, side: float, reason: str
) -> None:
    block = make_bars([[100.0], [100.0], [close], [close]])
    played = stage(
        block, [side, side, side, NAN],
        risk__care__take_profit=0.04, risk__care__stop_loss=0.02,
    )  # fmt: skip
    played.play()
    assert _reasons(played) == ["entry", reason]
    assert played.lots() == 0
    closing = played.all(Fill)[-1]
    assert closing.ts == block.ts[3]
    assert closing.price == Decimal(f"{close:.2f}")  # the next open, not the close it was seen at


def test_position_that_does_not_move_is_closed_after_four_hours(
    stage: Make, make_bars: Make
) -> None:
    block = make_bars([[100.0]] * 2 + [[100.2]] * 6)
    played = stage(
        block, [1.0] + [NAN] * 7, risk__care__stale_after_s=4 * 3600.0, risk__care__stale_move=0.005
    )
    played.play()
    entry, leave = played.all(OrderIntent)
    assert str(leave.reason) == "stale_position"
    # opened at the start of the second bar
    assert leave.as_of - int(block.ts[1]) == 4 * HOUR
    assert entry.as_of == block.known_at[0]


def test_care_goes_to_the_market_even_where_orders_are_limits(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0], [100.0], [97.0], [96.0]], low=[[100.0], [99.0], [96.0], [95.0]])
    played = stage(
        block, [1.0, NAN, NAN, NAN],
        risk__care__stop_loss=0.02, execution__order_type="limit", execution__limit_offset_bps=1.0,
    )  # fmt: skip
    played.play()
    assert [str(intent.type) for intent in played.all(OrderIntent)] == ["limit", "market"]
    assert played.lots() == 0


def test_instrument_rests_after_a_close(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0]] * 8)
    played = stage(block, [1.0, NAN, -1.0] + [1.0] * 5, risk__care__cooldown_s=2 * 3600.0)
    played.script.score[2] = 0.0  # neutral: out, and not round
    played.play()
    closed = played.all(Fill)[1].ts
    entries = [i.as_of for i in played.all(OrderIntent) if str(i.reason) == "entry"]
    assert closed == block.ts[3]
    assert entries == [block.known_at[0], closed + 2 * HOUR]


def test_liquidation_guard_closes_before_the_venue_does(stage: Make, make_bars: Make) -> None:
    prices = [100.0, 100.0, 95.0, 90.0, 88.0, 88.0]
    played = stage(
        make_bars([[p] for p in prices]), [1.0] + [NAN] * 5,
        fraction=6.0, risk__care__liquidation_margin=0.05,
    )  # fmt: skip
    played.play()
    assert _reasons(played) == ["entry", "liquidation_guard"]
    assert "liquidation" not in played.kinds()
    assert played.equity > 0


def test_venue_that_liquidates_is_believed(stage: Make, make_bars: Make, make_terms: Make) -> None:
    block = make_bars([[100.0], [100.0], [80.0], [80.0]])
    played = stage(
        block, [1.0, NAN, NAN, NAN],
        instruments=[make_terms(BTC, taker_fee=Decimal("0.001"))],
        fraction=6.0, venues__default__liquidation_fee=0.004,
    )  # fmt: skip
    trace = played.play()
    assert played.lots() == 0
    assert played.kinds().count("liquidation") == 1
    assert played.all(Position)[-1].quantity == 0
    assert played.engine.counts.fills == 2
    # equity met the maintenance margin on the way down, and then paid the fees
    assert trace.equity[2] == trace.equity[3] == pytest.approx(played.equity)
    assert played.account.portfolio.cash["SIM"] == played.venue("SIM").balances()["USDT"]
    assert float(played.account.portfolio.cash["SIM"]) == pytest.approx(played.equity, abs=1e-9)


def test_liquidation_takes_orders_at_work_with_it(stage: Make, make_bars: Make) -> None:
    block = make_bars(
        [[100.0, 50.0]] * 2 + [[80.0, 50.0]] * 2,
        ids=(BTC, ETH), low=[[100.0, 50.0]] * 2 + [[80.0, 49.9]] * 2,
    )  # fmt: skip
    played = stage(
        block, [[1.0, NAN], [NAN, 1.0], [NAN, NAN], [NAN, NAN]],
        fraction=6.0, execution__order_type="limit", execution__limit_offset_bps=-10.0,
        execution__time_in_force_bars=9, venues__default__latency_ms=0,
    )  # fmt: skip
    played.script.confidence[:] = 1.0
    played.play(0, 2)
    # the limit on ETH rests far below
    played.play(2, 4)
    statuses = {str(order.instrument): order.status for order in played.orders().values()}
    assert played.lots(0) == 0
    assert statuses["BTC-USDT-PERP.SIM"] == "filled"
    assert played.account.book.working.tolist() == [0, 0]


# ---- rooms and refusals ----


def test_most_confident_entries_take_the_room_for_positions(stage: Make, make_bars: Make) -> None:
    ids = tuple(InstrumentId(f"{name}-USDT-PERP", "SIM") for name in "ABCD")
    played = stage(make_bars([[10.0] * 4] * 2, ids=ids), [[1.0] * 4, [NAN] * 4],
                   policy__max_positions=2)  # fmt: skip
    played.script.confidence[0] = [0.7, 0.9, 0.8, 0.9]
    played.play()
    assert [str(i.instrument)[0] for i in played.all(OrderIntent)] == ["B", "D"]


def test_what_closes_is_reviewed_before_what_opens(stage: Make, make_bars: Make) -> None:
    block = make_bars([[10.0, 10.0]] * 4, ids=(BTC, ETH))
    played = stage(
        block, [[NAN, 1.0], [NAN, NAN], [1.0, -1.0], [NAN, NAN]], policy__max_positions=2
    )
    played.play()
    assert [i.instrument for i in played.all(OrderIntent)] == [ETH, ETH, BTC]
    assert [str(i.reason) for i in played.all(OrderIntent)] == ["entry", "flip", "entry"]


def test_refusal_is_on_record_with_its_rule_and_figures(stage: Make, make_bars: Make) -> None:
    played = stage(
        make_bars([[10.0, 10.0]] * 2, ids=(BTC, ETH)), [[1.0, 1.0], [NAN, NAN]],
        limits={"max_positions": 1},
    )  # fmt: skip
    played.script.confidence[0] = [0.8, 0.9]
    played.play()
    (refused,) = played.all(Objection)
    assert refused.rule == "position_count"
    assert refused.reason == "positions would be 2, limit 1"
    asked = {intent.id: intent.instrument for intent in played.all(OrderIntent)}
    assert asked[refused.intent] == BTC
    assert len(played.orders()) == 1
    assert played.engine.counts.refusals == 1
    (decision,) = played.all(Decision)
    assert len(decision.items) == 2


def test_size_is_cut_to_the_caps_before_it_is_asked_for(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0, 100.0]] * 2, ids=(BTC, ETH))
    played = stage(
        block, [[1.0, 1.0], [NAN, NAN]],
        fraction=0.5, risk__max_gross_fraction=0.6, risk__max_instrument_fraction=0.4,
    )  # fmt: skip
    trace = played.play()
    assert played.all(Objection) == []
    assert played.lots(0) == played.lots(1)
    assert trace.gross[1] / trace.equity[1] == pytest.approx(0.6, abs=0.001)


def test_spot_is_never_sold_short(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0]] * 6, ids=(SOL,))
    played = stage(block, [-1.0, 1.0, NAN, -1.0, -1.0, NAN])
    played.play()
    assert _reasons(played) == ["entry", "signal_exit"]
    assert played.lots() == 0


def test_dust_below_the_smallest_order_is_left_alone(
    stage: Make, make_bars: Make, make_terms: Make
) -> None:
    spot = make_terms(SOL, min_notional=Decimal(5))
    block = make_bars([[100.0]] * 2 + [[0.4]] * 4, ids=(SOL,))
    played = stage(block, [1.0, NAN, -1.0, -1.0, -1.0, NAN], instruments=[spot])
    played.play()
    # bought for 1,000; worth 4 now, which the venue would refuse to sell
    assert _reasons(played) == ["entry"]
    assert played.lots() == 10_000


def test_dust_of_a_perpetual_is_closed_for_there_is_no_smallest_order_to_reduce(
    stage: Make, make_bars: Make, make_terms: Make
) -> None:
    # the exit fills in parts and leaves less than the smallest order
    perpetual = make_terms(BTC, min_quantity=Decimal("0.5"), min_notional=Decimal(100))
    block = make_bars([[100.0]] * 8, volume=[[1e6]] * 3 + [[970.0]] * 5)
    played = stage(
        block, [1.0, NAN, 0.0] + [0.0] * 5, instruments=[perpetual],
        venues__default__participation=0.01, execution__order_type="limit",
        execution__limit_offset_bps=-10.0,
    )  # fmt: skip
    played.play()
    assert played.lots() == 0
    assert [fill.quantity for fill in played.all(Fill)] == [
        Decimal("10.000"), Decimal("9.700"), Decimal("0.300"),
    ]  # fmt: skip


def test_resize_of_spot_below_the_smallest_order_is_not_asked_for(
    stage: Make, make_bars: Make, make_terms: Make
) -> None:
    # a percent more at each bar: to be sold would be a few coins' worth, which no venue takes
    spot = make_terms(SOL, min_notional=Decimal(5))
    block = make_bars([[100.0 * 1.01**t] for t in range(12)], ids=(SOL,))
    played = stage(
        block, [1.0] * 12, instruments=[spot], fraction=0.01, policy__rebalance_band=0.005
    )
    played.play()
    assert played.engine.halted == ""
    assert "rejected" not in {str(order.status) for order in played.orders().values()}
    # it is, once it has added up to one that a venue takes
    assert all(fill.quantity * fill.price > 5 for fill in played.all(Fill))
    assert len(played.all(Fill)) > 1


def test_funding_is_paid_and_booked_on_what_is_held(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0]] * 4, funding=[[0.01], [0.001], [0.002], [0.0]])
    played = stage(block, [1.0, NAN, NAN, NAN], agents=("one",))
    played.script.lead[:] = 0
    trace = played.play()
    # nothing is held at the first payment; 1,000 at the second and third
    assert trace.equity.tolist() == pytest.approx([10_000, 9_999, 9_997, 9_997])
    assert played.account.portfolio.funding == Decimal(-3)
    assert played.account.book.agent_day[0] == pytest.approx(-3.0)


def test_day_of_a_bar_is_the_day_it_starts_in(stage: Make, make_bars: Make) -> None:
    # the bar that ends at midnight still belongs to the day that ends
    block = make_bars(
        [[100.0], [100.0], [90.0], [90.0]], start=1_704_067_200_000_000_000 + DAY - 3 * HOUR
    )
    played = stage(block, [1.0, NAN, NAN, NAN], risk__max_daily_loss=50.0)
    played.play()
    assert _modes(played) == [
        ("reduce_only", int(block.known_at[2])),
        ("trading", int(block.known_at[3])),
    ]
