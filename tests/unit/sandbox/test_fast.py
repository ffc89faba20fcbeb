"""The fast tier on hand-made bars and signals: what it fills, charges, cancels and refuses."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.app.build import Plan, plan_of
from tutti.app.config import Config, override
from tutti.kernel.clock import HOUR
from tutti.model.arrays import FUNDING_RECEIVED, Signals
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import MarketBlock
from tutti.model.order import Reason
from tutti.portfolio.accounting import new_book
from tutti.sandbox.baselines import Habits, RandomTrader, habits_of
from tutti.sandbox.fast import (
    FILL_LIQUIDATION,
    FILL_MAKER,
    FILL_ORDER,
    FILL_PRICE_TICKS,
    FILL_REASON,
    FILL_SIGNED_LOTS,
    FILL_T,
    FastResult,
    FastTier,
    Noise,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.kernels

START = 1_704_067_200_000_000_000  # 2024-01-01T00:00Z
BTC = InstrumentId("BTC-USDT-PERP", "X")
ETH = InstrumentId("ETH-USDT-PERP", "X")
SOL = InstrumentId("SOL-USDT", "Y")
NAN = math.nan

# nothing that would interfere with what a test is about
CALM: dict[str, object] = {
    "agents": (),
    "policy.sizing.method": "fixed_fraction",
    "risk.max_instrument_fraction": None,
    "risk.max_venue_fraction": None,
    "risk.max_gross_fraction": None,
    "risk.max_notional_multiple": None,
    "risk.max_drawdown": 1.0,
    "risk.max_daily_loss": None,
    "risk.max_agent_daily_loss": None,
    "risk.max_data_age_s": 1e7,
    "risk.care.take_profit": 0.0,
    "risk.care.stop_loss": 0.0,
    "risk.care.stale_after_s": 0.0,
    "risk.care.liquidation_margin": 0.0,
    "risk.care.cooldown_s": 0.0,
    "venues.default.half_spread_bps": 0.0,
    "venues.default.impact_coefficient": 0.0,
    "venues.default.participation": 0.0,
}


def _terms(instrument: InstrumentId, **changes: Any) -> Instrument:
    perpetual = instrument.symbol.endswith("PERP")
    values: dict[str, Any] = {
        "id": instrument,
        "kind": InstrumentKind.PERPETUAL if perpetual else InstrumentKind.SPOT,
        "price_step": Decimal("0.01"),
        "quantity_step": Decimal("0.001"),
        "maker_fee": Decimal(0),
        "taker_fee": Decimal("0.001"),
        "max_leverage": Decimal(20 if perpetual else 1),
        "maintenance_margin": Decimal("0.005" if perpetual else 0),
    }
    return Instrument(**(values | changes))


def _bars(
    closes: Sequence[Sequence[float]], ids: Sequence[InstrumentId], **sides: Any
) -> MarketBlock:
    close = np.array(closes, np.float64)
    opened = np.vstack([close[:1], close[:-1]])
    opened = np.where(np.isnan(opened), close, opened)
    values = {
        "open": opened,
        "high": np.fmax(opened, close),
        "low": np.fmin(opened, close),
        "close": close,
        "volume": np.full(close.shape, 1e6),
    } | {name: np.array(given, np.float64) for name, given in sides.items()}
    gone = np.isnan(close)
    values = {name: np.where(gone, NAN, given) for name, given in values.items()}
    values["funding"] = np.nan_to_num(values.get("funding", np.zeros(close.shape)))
    return MarketBlock(
        instruments=tuple(ids),
        ts=START + HOUR * np.arange(len(close), dtype=np.int64),
        step=HOUR,
        **values,
    )


class _Played:
    """A fast tier that went over bars as a script of scores told it to."""

    def __init__(
        self,
        block: MarketBlock,
        scores: Sequence[Sequence[float]],
        *,
        instruments: Sequence[Instrument] | None = None,
        fraction: float = 0.1,
        cuts: Sequence[int] = (),
        noise: Noise | None = None,
        **changes: object,
    ) -> None:
        given = {key.replace("__", "."): value for key, value in changes.items()}
        config = override(Config(), {**CALM, **given})
        traded = instruments or [_terms(each) for each in block.instruments]
        self.plan: Plan = plan_of(config, traded, block.step)
        rules = self.plan.setup.rules
        rules = rules._replace(targets=rules.targets._replace(sizes_are_fractions=True))
        setup = self.plan.setup
        self.tier = FastTier(
            terms=setup.terms,
            costs=setup.costs,
            rules=rules,
            style=setup.style,
            book=new_book(len(traded), 0, list(map(float, self.plan.balances.values())), START),
            n_ticks=len(block),
            noise=noise,
        )
        score = np.array(scores, np.float64)
        for start, end in zip([0, *cuts], [*cuts, len(block)], strict=True):
            rows = score[start:end]
            self.tier.advance(
                block.rows(start, end),
                Signals(
                    score=rows,
                    confidence=np.ones(rows.shape),
                    size=np.full(rows.shape, fraction),
                    lead=np.full(rows.shape, -1, np.int64),
                ),
            )
        self.result: FastResult = self.tier.result()

    def fills(self, *columns: int) -> list[tuple[int, ...]]:
        return [tuple(row) for row in self.result.fills.whole[:, columns].tolist()]


def test_market_order_fills_at_the_next_open_and_pays_its_fee() -> None:
    block = _bars([[100.0], [100.0], [110.0]], (BTC,), open=[[100.0], [101.0], [102.0]])
    played = _Played(block, [[1.0]] * 3)
    # a tenth of 10,000 at 100 are 10 BTC, bought at 101 for a fee of 0.1 %
    assert played.fills(FILL_T, FILL_SIGNED_LOTS, FILL_PRICE_TICKS) == [(1, 10_000, 10_100)]
    assert played.result.fills.money[0].tolist() == pytest.approx([101.0, 1.01, 100.0])
    assert played.result.trace.equity.tolist() == pytest.approx([10_000, 9988.99, 10_088.99])
    assert played.result.trace.gross.tolist() == pytest.approx([0, 1000, 1100])
    assert (played.result.n_decisions, played.result.n_orders) == (1, 1)


def test_position_is_closed_and_turned_as_the_score_says() -> None:
    block = _bars([[100.0]] * 5, (BTC,))
    played = _Played(block, [[1.0], [-1.0], [-1.0], [0.0], [0.0]])
    reasons = [list(Reason)[code] for (code,) in played.fills(FILL_REASON)]
    assert reasons == [Reason.ENTRY, Reason.FLIP, Reason.SIGNAL_EXIT]
    held = np.cumsum([lots for (lots,) in played.fills(FILL_SIGNED_LOTS)])
    assert (held[0], held[1] < 0, held[2]) == (10_000, True, 0)


def test_missing_bar_neither_fills_nor_decides() -> None:
    block = _bars([[100.0], [NAN], [100.0], [100.0]], (BTC,))
    played = _Played(block, [[1.0], [NAN], [1.0], [1.0]])
    assert played.fills(FILL_T) == [(2,)]
    assert played.result.n_orders == 1


def test_limit_order_rests_at_its_price_and_is_charged_as_maker() -> None:
    block = _bars([[100.0], [100.0], [100.0]], (BTC,), low=[[100.0], [98.0], [100.0]])
    played = _Played(
        block, [[1.0]] * 3, execution__order_type="limit", execution__limit_offset_bps=100.0
    )
    assert played.fills(FILL_T, FILL_PRICE_TICKS, FILL_MAKER) == [(1, 9_900, 1)]


@pytest.mark.parametrize(("latency_ms", "number"), [(0.0, 5), (1.0, 1)])
def test_limit_order_that_is_overdue_is_cancelled_and_makes_room_for_the_next(
    latency_ms: float, number: int
) -> None:
    # the market stays away until the last bars; each order lives for one bar from its arrival, and
    # with latency both the order and its cancellation miss the bar that they are sent in
    block = _bars([[100.0]] * 8, (BTC,), low=[[100.0]] * 6 + [[90.0]] * 2)
    played = _Played(
        block,
        [[1.0]] * 8,
        execution__order_type="limit",
        execution__limit_offset_bps=100.0,
        venues__default__latency_ms=latency_ms,
    )
    assert played.fills(FILL_T, FILL_ORDER) == [(6, number)]
    assert played.result.n_orders == number + 1
    assert played.tier.book.working.tolist() == [0]


def test_order_beyond_its_share_of_the_volume_fills_over_several_bars() -> None:
    block = _bars([[100.0]] * 4, (BTC,), volume=[[40.0]] * 4)
    played = _Played(block, [[1.0]] * 4, venues__default__participation=0.1)
    assert played.fills(FILL_T, FILL_SIGNED_LOTS) == [(1, 4_000), (2, 4_000), (3, 2_000)]
    assert played.result.n_orders == 1


def test_funding_is_paid_by_longs_at_the_close() -> None:
    block = _bars([[100.0]] * 3, (BTC,), funding=[[0.0], [0.0], [0.001]])
    played = _Played(block, [[1.0]] * 3)
    assert played.tier.book.account[FUNDING_RECEIVED] == pytest.approx(-1.0)


def test_funding_of_a_missing_bar_is_paid_at_the_last_close() -> None:
    block = _bars([[100.0], [100.0], [NAN]], (BTC,))
    block.funding[2, 0] = 0.001
    played = _Played(block, [[1.0], [1.0], [NAN]])
    assert played.tier.book.account[FUNDING_RECEIVED] == pytest.approx(-1.0)


def test_position_that_outgrows_its_margin_is_closed_by_force() -> None:
    block = _bars(
        [[100.0], [100.0], [90.0], [90.0]], (BTC,), open=[[100.0], [100.0], [100.0], [90.0]]
    )
    careful = _terms(BTC, maintenance_margin=Decimal("0.02"))
    played = _Played(block, [[1.0]] * 4, instruments=[careful], fraction=12.0)
    forced = [fill for fill in played.fills(FILL_T, FILL_ORDER) if fill[1] == FILL_LIQUIDATION]
    assert forced == [(2, FILL_LIQUIDATION)]
    # before the low of the bar, which would have left less than nothing
    assert 1_000.0 < played.result.trace.equity[2] < 2_000.0


def test_order_that_the_cash_does_not_pay_is_rejected_and_enough_of_them_halt() -> None:
    # all that the cash buys at the close, and a limit five per cent above it
    played = _Played(
        _bars([[100.0]] * 8, (SOL,)),
        [[1.0]] * 8,
        fraction=1.0,
        execution__order_type="limit",
        execution__limit_offset_bps=-500.0,
        risk__max_consecutive_errors=3,
    )
    assert played.fills() == []
    assert played.result.n_rejected == played.result.n_orders == 3


def test_order_beyond_a_limit_is_cut_or_refused_before_a_venue_sees_it() -> None:
    block = _bars([[100.0, 50.0]] * 3, (BTC, ETH))
    played = _Played(block, [[1.0, 1.0]] * 3, fraction=0.8, risk__max_gross_fraction=1.0)
    gross = played.result.trace.gross / played.result.trace.equity
    assert gross.max() <= 1.0 + 1e-2  # the fee lowers equity after the order
    assert gross[-1] > 0.9


def _noise(late: Sequence[int], lost: Sequence[int], half_spread_bps: Sequence[float]) -> Noise:
    return Noise(
        late_ns=np.array([late], np.int64).T * HOUR,
        lost=np.array([lost], np.int64).T,
        half_spread_bps=np.array([half_spread_bps], np.float64).T,
    )


def test_order_that_is_lost_counts_as_sent_and_is_sent_anew() -> None:
    noise = _noise([0] * 4, [1, 0, 0, 0], [0.0] * 4)
    played = _Played(_bars([[100.0]] * 4, (BTC,)), [[1.0]] * 4, noise=noise)
    assert played.fills(FILL_T, FILL_ORDER) == [(2, 1)]
    assert (played.result.n_orders, played.result.n_rejected) == (2, 0)


def test_order_that_is_late_fills_a_bar_later() -> None:
    noise = _noise([1, 0, 0, 0], [0] * 4, [0.0] * 4)
    opened = [[100.0], [101.0], [102.0], [103.0]]
    block = _bars([[100.0]] * 4, (BTC,), open=opened, high=[[103.0]] * 4)
    played = _Played(block, [[1.0]] * 4, noise=noise, cuts=(1,))
    assert played.fills(FILL_T, FILL_PRICE_TICKS) == [(2, 10_200)]


def test_spread_of_the_bar_is_paid_and_the_configured_one_stays() -> None:
    noise = _noise([0] * 3, [0] * 3, [0.0, 100.0, 0.0])
    played = _Played(_bars([[100.0]] * 3, (BTC,)), [[1.0]] * 3, noise=noise)
    assert played.fills(FILL_T, FILL_PRICE_TICKS) == [(1, 10_100)]
    assert played.plan.setup.costs.half_spread_bps.tolist() == [0.0]


@pytest.mark.parametrize("cuts", [(1,), (3, 4, 9), tuple(range(1, 12))])
def test_any_cutting_gives_the_same_fills_and_equity(cuts: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    closes = 100.0 + np.cumsum(rng.normal(0.0, 1.0, (12, 3)), axis=0)
    closes[[2, 7], [0, 2]] = NAN
    scores = rng.choice([-1.0, 0.0, 1.0], (12, 3))
    scores[np.isnan(closes)] = NAN
    block = _bars(closes.tolist(), (BTC, ETH, SOL))
    whole = _Played(block, scores.tolist()).result
    cut = _Played(block, scores.tolist(), cuts=cuts).result
    assert len(whole.fills.whole) > 5
    np.testing.assert_array_equal(whole.fills.whole, cut.fills.whole)
    np.testing.assert_array_equal(whole.trace.equity, cut.trace.equity)


def test_table_of_fills_grows_with_the_run() -> None:
    n = 1100
    block = _bars([[100.0]] * n, (BTC,))
    played = _Played(block, [[1.0 if t % 2 else -1.0] for t in range(n)])
    assert [t for (t,) in played.fills(FILL_T)] == list(range(1, n))


# ---- the random trader ----


def test_random_trader_shorts_only_what_can_be_shorted_and_holds_over_missing_bars() -> None:
    block = _bars([[100.0, 20.0]] * 200, (BTC, SOL))
    block.close[50, 0] = NAN
    plan = plan_of(override(Config(), CALM), [_terms(BTC), _terms(SOL)], HOUR)
    trader = RandomTrader(
        Habits(entry=0.3, exit=0.3), plan.setup.terms, 150.0, np.random.default_rng(1)
    )
    signals = trader.signals(block)
    assert set(np.unique(signals.score[:, 1])) == {0.0, 1.0}
    assert {-1.0, 0.0, 1.0} <= set(signals.score[:, 0].tolist())
    assert math.isnan(signals.score[50, 0])
    assert (signals.size == 150.0).all()


def test_habits_of_a_strategy_that_never_traded_are_to_do_nothing() -> None:
    assert habits_of(0, 0.0, 100) == Habits(entry=0.0, exit=1.0)
