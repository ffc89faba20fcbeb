"""What the engine leaves on record: decisions with their reasons, quiet ticks, halts, restarts."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.agents.aggregation import Aggregation
from tutti.agents.array_panel import ArrayPanel
from tutti.agents.board import OpinionBoard
from tutti.engine.analysis import Analysis, Weighting
from tutti.engine.records import QuietTicks
from tutti.features.pipeline import FeaturePipeline
from tutti.ledger.kinds import AccountState, Decision, ModeChange, Segment
from tutti.ledger.segments import content_hash
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Opinion
from tutti.model.order import Order, OrderIntent, OrderStatus, Side
from tutti.policy.ema_cross import EmaCross
from tutti.policy.sizing import Sizing

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

BTC = InstrumentId("BTC-USDT-PERP", "SIM")
ETH = InstrumentId("ETH-USDT-PERP", "SIM")
SOL, ADA = InstrumentId("SOL-USDT", "SPOT"), InstrumentId("ADA-USDT", "SPOT")
NAN = math.nan

pytestmark = pytest.mark.kernels


# ---- decisions ----


def test_decision_says_what_was_seen_and_wanted(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0, 50.0]] * 3, ids=(BTC, ETH))
    played = stage(block, [[NAN, -1.0], [NAN, NAN], [NAN, NAN]], agents=("one",))
    played.script.confidence[:] = 0.8
    played.script.lead[0, 1] = 0
    played.play()
    (decision,) = played.all(Decision)
    assert (decision.as_of, decision.mode) == (block.known_at[0], "trading")
    (item,) = decision.items
    assert (item.instrument, item.close, item.score, item.confidence) == (str(ETH), 50.0, -1.0, 0.8)
    assert item.weight == pytest.approx(-0.1)
    assert (str(item.reason), item.lead) == ("entry", "one")
    # features that are still warming up are missing, not zero
    assert item.features == {"momentum_5": None}


def test_ids_of_intents_follow_the_time_and_never_repeat(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0, 50.0]] * 6, ids=(BTC, ETH))
    played = stage(block, [[1.0, 1.0], [NAN] * 2, [-1.0, NAN], [NAN] * 2, [0.0, 0.0], [NAN] * 2])
    played.play()
    ids = [intent.id for intent in played.all(OrderIntent)]
    assert ids == sorted(set(ids))
    assert len(ids) == 5
    again = stage(block, played.script.score)
    again.play()
    assert [intent.id for intent in again.all(OrderIntent)] == ids


# ---- quiet ticks ----


def test_quiet_ticks_are_kept_in_segments_of_the_length_asked_for(
    stage: Make, make_bars: Make
) -> None:
    block = make_bars([[100.0 + t] for t in range(25)])
    played = stage(block, [1.0] + [NAN] * 24, ledger__segment_ticks=10)
    trace = played.play()
    played.engine.close_segment()
    segments = played.all(Segment)
    assert [(each.count, each.first_ts) for each in segments] == [
        (10, block.known_at[0]), (10, block.known_at[10]), (5, block.known_at[20]),
    ]  # fmt: skip
    stored = [played.store.segments[each.file] for each in segments]
    assert [content_hash(arrays) for arrays in stored] == [each.content for each in segments]
    equity = np.concatenate([arrays["equity"] for arrays in stored])
    np.testing.assert_array_equal(equity, trace.equity)
    # without a panel there is nothing to say of it
    assert set(stored[0]) == {"ts", "close", "score", "confidence", "equity"}
    # the account goes with each
    assert [state.equity for state in played.all(AccountState)] == [
        trace.equity[9], trace.equity[19], trace.equity[24],
    ]  # fmt: skip


def test_segments_hold_each_agents_opinion(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0, 50.0]] * 8, ids=(BTC, ETH))
    played = stage(block, [[NAN, NAN]] * 8, agents=("one", "two"), ledger__segment_ticks=8)
    played.play()
    (segment,) = played.all(Segment)
    arrays = played.store.segments[segment.file]
    assert arrays["bias_by_agent"].shape == (8, 2, 2)
    assert np.isnan(arrays["context_bias"]).all()
    assert (arrays["regime"] == -1).all()


def test_nothing_is_kept_where_nobody_asks_for_it(stage: Make, make_bars: Make) -> None:
    played = stage(make_bars([[100.0]] * 5), [NAN] * 5, ledger__keep_opinions=False)
    played.play()
    played.engine.close_segment()
    assert played.kinds() == []


def test_empty_collection_gives_nothing() -> None:
    assert QuietTicks(4, 0, 1).take() is None


# ---- the account on record ----


def test_account_is_written_with_the_decision_it_belongs_to(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0], [104.0], [102.0], [101.0]])
    played = stage(block, [1.0, NAN, NAN, 0.0], keeps_account=True)
    commits: list[list[str]] = []
    played.store.on_write = lambda: commits.append(
        [row.kind for row in played.store.rows[sum(map(len, commits)) :]]
    )
    played.play()
    assert commits[0] == ["account", "decision", "intent", "approval", "order"]
    assert commits[1] == ["order"]  # accepted
    # what filled meanwhile goes with the next decision
    assert commits[2][:3] == ["fill", "position", "order"]
    assert commits[2][3:] == ["account", "decision", "intent", "approval", "order"]
    last = played.all(AccountState)[-1]
    assert last.peak_equity == pytest.approx(10_040.0)
    assert last.turnover == pytest.approx(1000.0)


# ---- halts ----


# an order for all the money at the close, sent with a limit across the market
_DEAR = {"execution__order_type": "limit", "execution__limit_offset_bps": -300.0}


def test_orders_that_no_venue_takes_halt_trading_after_so_many_in_a_row(
    stage: Make, make_bars: Make
) -> None:
    played = stage(
        make_bars([[100.0]] * 8, ids=(SOL,)), [1.0] * 8, fraction=0.99,
        risk__max_consecutive_errors=3, **_DEAR,
    )  # fmt: skip
    played.play()
    assert [order.status for order in played.orders().values()] == [OrderStatus.REJECTED] * 3
    assert played.engine.halted.startswith("3 orders in a row failed, the last: SOL-USDT.SPOT")
    (change,) = played.all(ModeChange)
    assert (change.mode, change.reason) == ("halted", played.engine.halted)
    assert len(played.all(OrderIntent)) == 3


def test_position_is_closed_after_a_halt_and_nothing_is_opened(
    stage: Make, make_bars: Make
) -> None:
    scores = [[1.0, NAN]] * 2 + [[NAN, 1.0]] * 3 + [[-1.0, 1.0]] * 5
    played = stage(
        make_bars([[100.0, 100.0]] * 10, ids=(BTC, SOL)), scores, fraction=0.49,
        risk__max_consecutive_errors=3, **_DEAR,
    )  # fmt: skip
    played.play()
    assert played.engine.halted
    assert played.account.book.lots.tolist() == [0, 0]
    closed = [order for order in played.orders().values() if order.side is Side.SELL]
    assert [order.status for order in closed] == [OrderStatus.FILLED]


def test_order_that_is_taken_ends_the_row_of_failures(stage: Make, make_bars: Make) -> None:
    # nothing is traded: the first order waits, and is cancelled at each bar; the second is too dear
    block = make_bars([[100.0, 50.0]] * 8, ids=(SOL, ADA), volume=[[0.0, 0.0]] * 8)
    played = stage(
        block, [[1.0, 1.0]] * 8, fraction=0.49, venues__default__participation=0.1,
        risk__max_consecutive_errors=3, **_DEAR,
    )  # fmt: skip
    played.play()
    assert played.engine.halted == ""
    assert len(played.all(OrderIntent)) == 16


# ---- taking over ----


def test_cancellation_that_a_kill_cut_off_is_asked_for_again(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0]] * 6)
    settings: dict[str, Any] = {
        "execution__order_type": "limit",
        "execution__limit_offset_bps": 100.0,
        "execution__time_in_force_bars": 1,
    }
    first = stage(block, [1.0] + [NAN] * 5, **settings)
    first.play(0, 1)
    (order,) = first.account.orders.open()
    (intent,) = first.all(OrderIntent)
    second = stage(block, [NAN] * 6, **settings)
    asked = Order(
        id=order.id, instrument=order.instrument, side=order.side, quantity=order.quantity,
        type=order.type, price=order.price, status=OrderStatus.CANCEL_SENT,
        created_at=order.created_at, updated_at=order.updated_at,
        venue_order_id=order.venue_order_id,
    )  # fmt: skip
    second.account.orders.add(asked)
    second.venue().restore({}, Decimal(10_000), [asked])
    second.engine.desk.adopt({order.id: intent})
    assert second.account.book.working[0] == 10_000
    second.engine.desk.reconcile(int(block.known_at[1]))
    assert second.orders()[order.id].status is OrderStatus.CANCELLED
    assert second.account.book.working[0] == 0


# ---- late opinions ----


@pytest.fixture
def listening() -> tuple[Analysis, OpinionBoard]:
    board = OpinionBoard(["pundit"], [BTC, ETH])
    analysis = Analysis(
        pipeline=FeaturePipeline((), 2),
        panel=ArrayPanel([]),
        classifier=None,
        policy=EmaCross(2, 5, Sizing(), 2),
        weighting=Weighting(
            Aggregation.WEIGHTED_AVERAGE, np.ones(1), np.ones((5, 1)), np.ones((1, 2), np.int64)
        ),
        late=board,
    )
    return analysis, board


def test_late_opinions_are_heard_as_they_stand(
    listening: tuple[Analysis, OpinionBoard], make_bars: Make
) -> None:
    analysis, board = listening
    block = make_bars([[100.0, 50.0]] * 2, ids=(BTC, ETH))
    board.post_all(
        [
            Opinion(
                agent="pundit", instrument=ETH, bias=-0.5, confidence=0.8,
                as_of=int(block.known_at[0]), rationale="heard so",
            )
        ]
    )  # fmt: skip
    thought = analysis.advance(block.rows(0, 1))
    assert analysis.agent_names == ("pundit",)
    assert thought.views.bias[0, 0].tolist() == pytest.approx([NAN, -0.5], nan_ok=True)
    assert thought.context.bias[0, 1] == pytest.approx(-0.5)
    # for this tick only: it has no time to live
    assert np.isnan(analysis.advance(block.rows(1, 2)).context.bias).all()


def test_late_opinions_fade_over_a_block_as_tick_by_tick(
    listening: tuple[Analysis, OpinionBoard], make_bars: Make
) -> None:
    analysis, board = listening
    block = make_bars([[100.0, 50.0]] * 4, ids=(BTC, ETH))
    opinion = Opinion(
        agent="pundit", instrument=ETH, bias=-0.5, confidence=0.8, as_of=int(block.known_at[1]),
        rationale="heard so", time_to_live=2 * block.step,
    )  # fmt: skip
    board.post(opinion)
    views = analysis.advance(block).views
    expected = [NAN, 0.8, 0.4, NAN]
    assert views.confidence[0, :, 1].tolist() == pytest.approx(expected, nan_ok=True)
    assert np.isnan(views.bias[0, :, 0]).all()


def test_features_may_be_looked_at_before_the_ticks_are_analysed(
    listening: tuple[Analysis, OpinionBoard], make_bars: Make
) -> None:
    analysis, _ = listening
    block = make_bars([[100.0, 50.0]] * 2, ids=(BTC, ETH))
    seen = analysis.look(block.rows(0, 1))
    assert analysis.advance(block.rows(0, 1)).features is seen
    analysis.look(block.rows(1, 2))
    with pytest.raises(ValueError, match="others than those that were looked at"):
        analysis.advance(block.rows(0, 1))
