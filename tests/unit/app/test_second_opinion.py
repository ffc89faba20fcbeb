"""From a backtest's result to what another engine is asked."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.second_opinion import request_of
from tutti.kernel.clock import HOUR
from tutti.model.market import MarketBlock
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from tests.unit.conftest import ResultMaker

    from tutti.adapters.second_opinion.request import ReplayRequest
    from tutti.app.build import Plan
    from tutti.sandbox.result import BacktestResult

_SECOND = 1_000_000_000


def _block(result: BacktestResult) -> MarketBlock:
    ones = np.ones_like(result.closes)
    return MarketBlock(
        instruments=result.instruments,
        ts=result.ts - result.step,
        step=result.step,
        open=result.closes, high=result.closes, low=result.closes, close=result.closes,
        volume=1000 * ones, funding=0 * ones,
    )  # fmt: skip


@pytest.fixture
def result(make_result: ResultMaker) -> BacktestResult:
    return make_result(n_bars=300, n_instruments=2)


def _asked(result: BacktestResult, **changes: object) -> tuple[ReplayRequest, Plan]:
    block = _block(result)
    config = override(Config(), {key.replace("__", "."): value for key, value in changes.items()})
    plan = plan_of(config, Universe.of_block(block).instruments, block.step)
    return request_of(plan, block, result, "USDT"), plan


def test_request_holds_orders_and_no_fills(result: BacktestResult) -> None:
    request, plan = _asked(result)
    assert [each.order_id for each in request.orders] == [each.order_id for each in result.orders]
    assert [each.arrival for each in request.orders] == [each.ts for each in result.orders]
    assert all(each.cancel_at is None and each.forced_price is None for each in request.orders)
    assert request.venues[0].starting_balance == plan.balances["SIM"]
    assert request.half_spread_bps == [1.0, 1.0]


def test_order_arrives_after_the_latency(result: BacktestResult) -> None:
    request, _ = _asked(result, venues__default__latency_ms=1500)
    assert request.orders[0].arrival == result.orders[0].ts + 3 * _SECOND // 2


def test_order_that_no_venue_took_is_left_out(result: BacktestResult) -> None:
    refused = replace(result.orders[0], status="rejected")
    request, _ = _asked(replace(result, orders=(refused, *result.orders[1:])))
    assert len(request.orders) == len(result.orders) - 1


def test_limit_order_is_cancelled_when_its_time_is_over(result: BacktestResult) -> None:
    limit = replace(result.orders[0], type="limit", price=Decimal(90))
    request, _ = _asked(
        replace(result, orders=(limit,)), execution__order_type="limit",
        execution__time_in_force_bars=3, venues__default__latency_ms=1000,
    )  # fmt: skip
    assert request.orders[0].cancel_at == limit.ts + 3 * HOUR + _SECOND


def test_limit_order_works_on_where_the_bars_end_first(result: BacktestResult) -> None:
    limit = replace(result.orders[0], type="limit", price=Decimal(90), ts=int(result.ts[-1]))
    request, _ = _asked(replace(result, orders=(limit,)))
    assert request.orders[0].cancel_at is None


def test_liquidation_is_asked_for_and_ends_what_works(result: BacktestResult) -> None:
    forced = replace(result.fills[1], reason="liquidation", order_id="")
    later = replace(result.orders[0], ts=forced.ts + HOUR)
    request, _ = _asked(
        replace(result, fills=(result.fills[0], forced), orders=(result.orders[0], later))
    )
    closing = request.orders[-1]
    assert closing.forced_price == forced.price
    assert closing.arrival == forced.ts
    assert [each.cancel_at for each in request.orders[:2]] == [forced.ts + 1, None]
