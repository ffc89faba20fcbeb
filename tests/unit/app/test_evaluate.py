"""What agents and policy say can be heard without running an account."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.app.config import Config, parse_config
from tutti.app.evaluate import signals_of
from tutti.kernel.clock import HOUR
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock


@pytest.fixture(scope="module")
def block() -> MarketBlock:
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (400, 2)), axis=0))
    return MarketBlock(
        instruments=tuple(InstrumentId(f"C{i}-USDT-PERP", "SIM") for i in range(2)),
        ts=1_704_067_200_000_000_000 + HOUR * np.arange(400, dtype=np.int64),
        step=HOUR,
        open=close,
        high=close * 1.002,
        low=close * 0.998,
        close=close,
        volume=np.full((400, 2), 1000.0),
        funding=np.zeros((400, 2)),
    )


def test_every_agent_and_the_policy_are_heard_at_each_close(block: MarketBlock) -> None:
    heard = signals_of(Config(), block)
    assert list(heard) == [*(agent.name for agent in Config().agents), "policy"]
    for said in heard.values():
        assert said.shape == (400, 2)
        known = said[np.isfinite(said)]
        assert len(known)
        assert np.abs(known).max() <= 1.0


def test_opinions_that_are_not_sure_count_as_abstentions(block: MarketBlock) -> None:
    every, sure = signals_of(Config(), block), signals_of(Config(), block, confidence=0.6)
    for name, said in sure.items():
        kept = np.isfinite(said)
        assert kept.sum() <= np.isfinite(every[name]).sum()
        assert np.array_equal(said[kept], every[name][kept])


def test_what_comes_later_changes_nothing_that_was_said(block: MarketBlock) -> None:
    whole = signals_of(Config(), block)
    begun = signals_of(Config(), block.rows(0, 250))
    for name, said in begun.items():
        assert np.array_equal(said, whole[name][:250], equal_nan=True)


def test_policy_without_agents_is_heard_alone(block: MarketBlock) -> None:
    config = parse_config("policy: {name: ema_cross, fast: 5, slow: 20}\nagents: []")
    assert list(signals_of(config, block)) == ["policy"]
