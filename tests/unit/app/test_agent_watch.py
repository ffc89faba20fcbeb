"""Agents of a running account that keep falling behind are told of."""

from __future__ import annotations

import math

import numpy as np
import pytest
import structlog

from tutti.app.agent_watch import AgentWatch
from tutti.app.build import Plan, plan_of
from tutti.app.config import Config
from tutti.app.settings import WorthSettings
from tutti.kernel.clock import HOUR, MINUTE
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.model.opinion import Views
from tutti.universe.instruments import Universe

_ONE = (InstrumentId("A-USDT", "X"),)
_START = 1_704_067_200_000_000_000
_SETTINGS = WorthSettings(window_s=3600, bad_windows=2)


def _market(n: int) -> MarketBlock:
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.01, (n, 1)), axis=0))
    opens = np.vstack([[[100.0]], close[:-1]])
    return MarketBlock(
        instruments=_ONE,
        ts=_START + np.arange(n, dtype=np.int64) * MINUTE,
        step=MINUTE,
        open=opens,
        high=np.maximum(opens, close),
        low=np.minimum(opens, close),
        close=close,
        volume=np.ones((n, 1)),
        funding=np.zeros((n, 1)),
    )


@pytest.fixture
def plan() -> Plan:
    block = _market(5)
    return plan_of(Config(), Universe.of_block(block, {}).instruments, block.step)


def _sides(market: MarketBlock, right: bool) -> Views:
    # who knows the next two opens, and who is always wrong about them
    opens = market.open[:, 0]
    ahead = np.zeros(len(opens))
    ahead[:-2] = np.sign(opens[2:] - opens[1:-1])
    bias = (ahead if right else -ahead)[None, :, None]
    return Views(bias, np.ones(bias.shape))


def test_agent_behind_the_baseline_for_too_long_is_told_of_and_again_as_long_after(
    plan: Plan,
) -> None:
    market = _market(320)
    watch = AgentWatch(["good", "bad"], plan, _SETTINGS)
    good, bad = _sides(market, right=True), _sides(market, right=False)
    views = Views(*(np.concatenate(pair) for pair in zip(good, bad, strict=True)))
    with structlog.testing.capture_logs() as logs:
        for t in range(320):
            cut = slice(t, t + 1)
            watch.noted(market.rows(t, t + 1), Views(views.bias[:, cut], views.confidence[:, cut]))
    assert [(each["agent"], each["bad_windows"]) for each in logs] == [("bad", 2), ("bad", 4)]
    newest = watch.newest("good")
    assert newest is not None
    assert newest.ratio > 0.0
    assert newest.end % HOUR == 0


def test_watch_goes_on_over_a_change_of_the_panel(plan: Plan) -> None:
    market = _market(130)
    watch = AgentWatch(["bad"], plan, _SETTINGS)
    bad = _sides(market, right=False)
    watch.noted(market.rows(0, 60), Views(bad.bias[:, :60], bad.confidence[:, :60]))
    watch.over_to(["new", "bad"], plan)
    both = Views(*(np.concatenate([each, each])[:, 60:] for each in bad))
    ended = watch.noted(market.rows(60, 130), both)
    assert [(each.agent, each.bad) for each in ended if each.bad] == [
        ("bad", 1),
        ("new", 1),
        ("bad", 2),
    ]


def test_silent_agents_have_no_figure(plan: Plan) -> None:
    market = _market(70)
    watch = AgentWatch(["mute"], plan, _SETTINGS)
    none = np.full((1, 70, 1), math.nan)
    ended = watch.noted(market, Views(none, none))
    assert all(math.isnan(each.ratio) for each in ended)
    assert watch.newest("mute") is None


def test_baseline_of_holding_everything_takes_the_markets_gain_off(plan: Plan) -> None:
    market = _market(130)
    long = Views(np.ones((1, 130, 1)), np.ones((1, 130, 1)))
    settings = WorthSettings(window_s=3600, baseline="hold")
    ended = AgentWatch(["long"], plan, settings).noted(market, long)
    # it does what the market does, but for what entering cost
    flat = AgentWatch(["long"], plan, _SETTINGS).noted(market, long)
    assert abs(ended[1].ratio) < abs(flat[1].ratio) or math.isnan(ended[1].ratio)
