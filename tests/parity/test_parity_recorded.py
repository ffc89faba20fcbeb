"""The fast tier and the event tier agree on recorded bars, with everything that costs money on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Compare = Callable[..., Any]

pytestmark = pytest.mark.data

_TEN = [
    f"binance_usdm/{coin}-USDT-PERP_1h.parquet"
    for coin in ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC", "LINK", "BNB", "DOT")
]
_YEAR = ("2024-01-01", "2025-01-01")
_QUARTER = ("2024-01-01", "2024-04-01")
_HYPERLIQUID = ["hyperliquid/*_5m.parquet"]
_APRIL = ("2025-04-01", "2025-05-01")

# Six times equity in one instrument, and nothing that stops it before its venue does.
_RECKLESS: dict[str, object] = {
    "risk__max_instrument_fraction": None,
    "risk__max_venue_fraction": None,
    "risk__max_gross_fraction": None,
    "risk__max_notional_multiple": None,
    "risk__max_drawdown": 1.0,
    "risk__max_daily_loss": None,
    "risk__max_agent_daily_loss": None,
    "risk__care__stop_loss": 0,
    "risk__care__take_profit": 0,
    "risk__care__stale_after_s": 0,
    "risk__care__liquidation_margin": 0,
    "policy__sizing__method": "fixed_fraction",
    "policy__sizing__fraction": 6,
}

# Orders so large for their market that most fill over many bars.
_LARGE: dict[str, object] = {
    "venues__default__participation": 0.0005,
    "policy__sizing__base_notional": 5000,
    "risk__max_instrument_fraction": None,
}


def _agree(found: Any, *, bound: float = 1e-9) -> None:
    event, fast = found.event, found.fast
    assert found.parity.fills_equal
    assert found.parity.max_rel_equity_diff <= bound
    assert found.parity.n_fills_event == found.parity.n_fills_fast > 0
    assert (event.n_decisions, event.n_orders, event.n_refusals) == (
        fast.n_decisions,
        fast.n_orders,
        fast.n_refusals,
    )
    np.testing.assert_allclose(event.trace.gross, fast.trace.gross, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(event.trace.net, fast.trace.net, rtol=1e-9, atol=1e-6)
    assert event.fees == pytest.approx(fast.fees, rel=1e-9)
    assert event.funding == pytest.approx(fast.funding, rel=1e-9, abs=1e-9)
    assert event.turnover == pytest.approx(fast.turnover, rel=1e-9)
    assert len(event.trades) == len(fast.trades)
    for mine, yours in zip(event.trades, fast.trades, strict=True):
        assert mine.closed_at == yours.closed_at
        assert mine.reason == yours.reason
        assert float(mine.pnl) == pytest.approx(float(yours.pnl), rel=1e-6, abs=1e-6)


def _reasons(found: Any) -> Counter[str]:
    return Counter(fill.reason for fill in found.event.fills)


def test_parity_holds_over_a_year_of_hours_of_ten_perpetuals(both_tiers: Compare) -> None:
    found = both_tiers(_TEN, *_YEAR)
    _agree(found)
    reasons = _reasons(found)
    assert found.source.block.close.shape == (8784, 10)
    assert all(reasons[why] > 10 for why in ("entry", "stop_loss", "take_profit", "stale_position"))
    assert found.event.fees > 0
    assert np.mean([fill.slippage_bps for fill in found.event.fills]) > 0.5


@pytest.mark.parametrize(
    ("files", "dates"),
    [
        pytest.param(
            ["binance_usdm/*-PERP_5m.parquet"], ("2024-11-01", "2024-12-01"), id="usdm-perpetuals"
        ),
        pytest.param(_HYPERLIQUID, _APRIL, id="hyperliquid-perpetuals-with-funding"),
        pytest.param(["binance/*_5m.parquet"], ("2024-05-01", "2024-06-01"), id="spot"),
    ],
)
def test_parity_holds_over_a_month_of_five_minutes(
    both_tiers: Compare, files: list[str], dates: tuple[str, str]
) -> None:
    found = both_tiers(files, *dates)
    _agree(found)
    assert _reasons(found)["stop_loss"] > 10


def test_parity_holds_where_bars_are_missing(both_tiers: Compare) -> None:
    found = both_tiers(["kraken/*_1m.parquet"], "2023-03-01", "2023-03-15")
    block = found.source.block
    assert np.isnan(block.close).mean() > 0.1
    _agree(found)
    rows = {int(ts): t for t, ts in enumerate(block.ts)}
    for fill in found.event.fills:
        assert np.isfinite(block.open[rows[fill.ts], fill.instrument])


@pytest.mark.parametrize("latency_ms", [1, 3_600_000, 5_000_000])
def test_parity_holds_with_latency(both_tiers: Compare, latency_ms: int) -> None:
    found = both_tiers(_TEN, *_QUARTER, venues__default__latency_ms=latency_ms)
    _agree(found)
    late = {order.order_id: order.ts + latency_ms * 1_000_000 for order in found.event.orders}
    assert all(fill.ts >= late[fill.order_id] for fill in found.event.fills)


def test_parity_holds_with_limits_of_single_instruments(both_tiers: Compare) -> None:
    own = {
        "BTC-USDT-PERP.BINANCE_USDM": {"max_notional": 150},
        "ETH-USDT-PERP.BINANCE_USDM": {"max_fraction": 0.02},
        "SOL-USDT-PERP.BINANCE_USDM": {"leaving": "keep"},
    }
    found = both_tiers(_TEN, *_QUARTER, risk__instruments=own)
    _agree(found)
    orders = found.event.orders
    assert "SOL-USDT-PERP.BINANCE_USDM" not in {str(order.instrument) for order in orders}


def test_parity_holds_with_partial_fills(both_tiers: Compare) -> None:
    found = both_tiers(_HYPERLIQUID, *_APRIL, **_LARGE)
    _agree(found)
    assert found.parity.n_fills_event > 5 * found.event.n_orders
    assert _reasons(found)["drawdown_stop"] > 0


@pytest.mark.parametrize(
    "style",
    [
        pytest.param({"limit_offset_bps": 5}, id="passive"),
        pytest.param({"limit_offset_bps": 30, "time_in_force_bars": 3}, id="far"),
        pytest.param({"limit_offset_bps": -5}, id="marketable"),
    ],
)
@pytest.mark.parametrize("latency_ms", [0, 1000, 4_000_000])
def test_parity_holds_with_limit_orders(
    both_tiers: Compare, style: dict[str, object], latency_ms: int
) -> None:
    settings = {f"execution__{key}": value for key, value in style.items()}
    found = both_tiers(
        _TEN,
        *_QUARTER,
        execution__order_type="limit",
        venues__default__latency_ms=latency_ms,
        **settings,
    )
    _agree(found)
    makers = sum(fill.is_maker for fill in found.event.fills)
    ended = Counter(order.status for order in found.event.orders)
    assert ended["filled"] > 100
    # a limit beyond the market is taken at the next open, unless the market moves off meanwhile
    rests = style["limit_offset_bps"] != -5 or latency_ms > 0
    assert (makers > 0) is rests
    assert (ended["cancelled"] > 5) is rests


def test_parity_holds_with_a_touch_that_fills_and_limits_filled_in_part(
    both_tiers: Compare,
) -> None:
    found = both_tiers(
        _HYPERLIQUID,
        *_APRIL,
        **_LARGE,
        execution__order_type="limit",
        execution__limit_offset_bps=2,
        execution__time_in_force_bars=4,
        venues__default__limit_through=False,
        venues__default__latency_ms=60_000,
    )
    _agree(found)
    ended = [order for order in found.event.orders if order.status == "cancelled"]
    assert any(0 < order.filled < order.quantity for order in ended)


def test_parity_holds_with_funding(both_tiers: Compare) -> None:
    found = both_tiers(["hyperliquid/*_1h.parquet"], "2025-01-01", "2025-06-30")
    _agree(found)
    assert abs(found.event.funding) > 1.0


def test_parity_holds_up_to_a_liquidation_and_past_it(both_tiers: Compare) -> None:
    found = both_tiers(_TEN, *_YEAR, **_RECKLESS)
    _agree(found)
    assert _reasons(found)["liquidation"] > 0


def test_parity_holds_where_funds_limit_what_a_venue_takes(both_tiers: Compare) -> None:
    found = both_tiers(_HYPERLIQUID, "2025-03-14", "2025-06-30", **_RECKLESS)
    _agree(found)
    assert _reasons(found)["liquidation"] > 0
    assert found.event.n_orders > 400


def test_parity_holds_over_several_venues_at_once(both_tiers: Compare) -> None:
    found = both_tiers(
        [*_HYPERLIQUID, "bybit_linear/*_5m.parquet", "binance_usdm/RENDER*_5m.parquet"],
        "2025-06-01",
        "2025-06-30",
    )
    _agree(found)
    assert sorted(found.plan.venues) == ["BINANCE_USDM", "BYBIT_LINEAR", "HYPERLIQUID"]
    names = found.source.block.instruments
    assert len({names[fill.instrument].venue for fill in found.event.fills}) == 3


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {
                "policy__name": "ema_cross",
                "policy__long_only": False,
                "policy__sizing__method": "fixed_fraction",
                "policy__sizing__fraction": 0.08,
                "policy__rebalance_band": 0.1,
            },
            id="ema-cross-rebalanced",
        ),
        pytest.param({"policy__sizing__method": "volatility_target"}, id="volatility-target"),
        pytest.param({"policy__sizing__method": "fractional_kelly"}, id="kelly"),
        pytest.param({"policy__sizing__method": "cvar_budget"}, id="cvar"),
        pytest.param({"aggregation__method": "bayesian_pool"}, id="bayesian"),
        pytest.param({"aggregation__method": "majority_vote"}, id="majority"),
        pytest.param({"policy__max_positions": 2}, id="two-positions"),
        pytest.param({"risk__max_daily_loss": 20, "risk__max_agent_daily_loss": 5}, id="losses"),
    ],
)
def test_parity_holds_for_other_policies_and_limits(
    both_tiers: Compare, changes: dict[str, object]
) -> None:
    _agree(both_tiers(_TEN, *_QUARTER, **changes))
