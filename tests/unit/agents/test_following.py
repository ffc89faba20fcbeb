from __future__ import annotations

import numpy as np
import pytest

from tutti.agents.aggregation import Aggregation, aggregate
from tutti.agents.following import FollowRules, WeightFollower
from tutti.kernel.clock import DAY, HOUR
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.model.opinion import Views

_START = 1_704_067_200_000_000_000
_RULES = FollowRules(every=DAY, window=10 * DAY, span=6 * HOUR, max_step=0.1, least=0.25, most=4.0)


def _market(n: int, seed: int = 1) -> MarketBlock:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, (n, 1)), axis=0))
    opens = np.vstack([[[100.0]], close[:-1]])
    return MarketBlock(
        instruments=(InstrumentId("A-USDT", "X"),),
        ts=_START + np.arange(n, dtype=np.int64) * HOUR,
        step=HOUR,
        open=opens,
        high=np.maximum(opens, close),
        low=np.minimum(opens, close),
        close=close,
        volume=np.ones((n, 1)),
        funding=np.zeros((n, 1)),
    )


def _views(market: MarketBlock, n_agents: int = 3) -> Views:
    # the first knows what comes, the second has it always wrong, others toss a coin
    opens = market.open[:, 0]
    ahead = np.zeros(len(opens))
    ahead[:-2] = np.sign(opens[2:] - opens[1:-1])
    noise = np.random.default_rng(3).choice([-1.0, 1.0], (n_agents - 2, len(opens)))
    bias = np.vstack([ahead[None], -ahead[None], noise])[:, :, None]
    return Views(bias, np.full(bias.shape, 0.5))


def _follower(n_agents: int = 3) -> WeightFollower:
    return WeightFollower(
        weights=np.ones(n_agents),
        regime_weights=np.ones((5, n_agents)),
        active=np.ones((n_agents, 1), np.int64),
        method=Aggregation.WEIGHTED_AVERAGE,
        cost=np.zeros(1),
        rules=_RULES,
    )


@pytest.mark.parametrize("n_agents", [3, 10])
def test_weights_follow_who_was_right_step_by_step(n_agents: int) -> None:
    market = _market(30 * 24)
    views = _views(market, n_agents)
    regime = np.full(market.close.shape, -1, np.int64)
    _, weights = _follower(n_agents).pool(views, regime, market)
    assert weights[0].tolist() == [1.0] * n_agents
    assert weights[-1, 0] > 2.0
    assert weights[-1, 1] == pytest.approx(0.25)
    steps = np.abs(np.diff(weights, axis=0))
    assert steps.max() <= 0.1 + 1e-12
    # at most one step a day
    moved = np.flatnonzero(steps.max(axis=1))
    assert np.diff(moved).min() >= 24


def test_weights_do_not_depend_on_how_ticks_are_cut() -> None:
    market = _market(15 * 24)
    views, regime = _views(market), np.full(market.close.shape, -1, np.int64)
    whole, weights = _follower().pool(views, regime, market)
    follower, parts = _follower(), []
    for begin, end in ((0, 1), (1, 30), (30, 200), (200, 201), (201, 360)):
        cut = slice(begin, end)
        parts.append(
            follower.pool(
                Views(views.bias[:, cut], views.confidence[:, cut]),
                regime[cut],
                market.rows(begin, end),
            )
        )
    assert np.concatenate([each for _, each in parts]).tolist() == weights.tolist()
    joined = np.concatenate([each.bias for each, _ in parts])
    assert joined.tolist() == whole.bias.tolist()


def test_weights_know_nothing_of_what_comes_after() -> None:
    market, poisoned = _market(20 * 24), _market(20 * 24, seed=9)
    opens = market.open.copy()
    opens[300:] = poisoned.open[300:] * 50.0
    spoilt = MarketBlock(
        instruments=market.instruments, ts=market.ts, step=market.step, open=opens,
        high=market.high, low=market.low, close=market.close, volume=market.volume,
        funding=market.funding,
    )  # fmt: skip
    views, regime = _views(market), np.full(market.close.shape, -1, np.int64)
    _, one = _follower().pool(views, regime, market)
    _, other = _follower().pool(views, regime, spoilt)
    assert one[:301].tolist() == other[:301].tolist()
    assert one[-1].tolist() != other[-1].tolist()


def test_pooled_opinion_is_that_of_the_weights_in_force() -> None:
    market = _market(12 * 24)
    views, regime = _views(market), np.full(market.close.shape, -1, np.int64)
    pooled, weights = _follower().pool(views, regime, market)
    t = 280
    one = slice(t, t + 1)
    alone = aggregate(
        views.bias[:, one], views.confidence[:, one], regime[one], weights[t], np.ones((5, 3)),
        np.ones((3, 1), np.int64),
    )  # fmt: skip
    assert pooled.bias[t, 0] == alone.bias[0, 0]
    assert weights[t].tolist() != [1.0, 1.0, 1.0]
