"""The look-ahead test on shipped strategies, and on a policy of a plug-in that cheats."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.app.config import Config, override
from tutti.app.studies.lookahead import run_lookahead
from tutti.app.studies.null import named_strategy
from tutti.model.errors import ConfigError
from tutti.policy.ema_cross import EmaCross

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.app.backtest import Source
    from tutti.app.settings import PolicySettings
    from tutti.features.block import FeatureBlock
    from tutti.model.arrays import Signals
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import MarketBlock
    from tutti.model.opinion import ContextBlock, RegimeBlock
    from tutti.policy.sizing import Sizing


class _Cheat(EmaCross):
    """Buys before the bar that rises."""

    name = "cheat"

    def signals(
        self,
        market: MarketBlock,
        features: FeatureBlock,
        context: ContextBlock,
        regime: RegimeBlock,
    ) -> Signals:
        honest = super().signals(market, features, context, regime)
        score = np.zeros(market.close.shape)
        score[:-1] = np.sign(np.diff(market.close, axis=0))
        return honest._replace(score=score)


def _cheat(settings: PolicySettings, ids: Sequence[InstrumentId], sizing: Sizing) -> _Cheat:
    return _Cheat(settings.fast, settings.slow, sizing, len(ids), long_only=False)


@pytest.fixture
def cheating(monkeypatch: pytest.MonkeyPatch, config: Config) -> Config:
    """Return the configuration of a policy that a package brings, which looks a bar ahead."""
    package: Any = ModuleType("cheats_for_a_test")
    package.cheat = _cheat
    monkeypatch.setitem(sys.modules, package.__name__, package)
    point = EntryPoint("cheat", f"{package.__name__}:cheat", "tutti.policies")
    monkeypatch.setattr(
        "tutti.app.plugins.entry_points",
        lambda *, group: [point] if group == point.group else [],
    )
    return override(config, {"policy.name": "cheat"})


def _unheard(done: int, total: int, note: str) -> None:
    """Take no notice of progress."""


@pytest.mark.parametrize("name", ["hybrid", "ema_cross"])
def test_shipped_strategies_know_no_more_than_they_may(name: str, source: Source) -> None:
    found = run_lookahead(
        named_strategy(name, Config()), name, source.block, _unheard, n_cuts=2, lags=(1,)
    )
    assert found.peeks == ()
    assert found.n_poisoned == 8
    assert {"signal score", "equity"} <= set(found.parts)
    assert [lag.bars for lag in found.lags] == [0, 1]


def test_policy_that_looks_ahead_is_caught_and_named_first(
    cheating: Config, source: Source
) -> None:
    found = run_lookahead(cheating, "cheat", source.block, _unheard, n_cuts=2)
    assert found.peeks[0].part == "signal score"
    assert found.peeks[0].bars_ahead == 1
    by_bars = {lag.bars: lag for lag in found.lags}
    assert by_bars[0].sharpe_gross > 20.0
    assert found.is_fragile


def test_too_few_bars_are_refused(config: Config, source: Source) -> None:
    with pytest.raises(ConfigError, match="at least 200 bars, there are 150"):
        run_lookahead(config, "mine", source.block.rows(0, 150), _unheard)


def test_progress_goes_through_every_poisoned_future(config: Config, source: Source) -> None:
    heard: list[tuple[int, int]] = []
    run_lookahead(
        config, "mine", source.block, lambda *said: heard.append(said[:2]), n_cuts=1, lags=()
    )
    assert heard[0] == (0, 5)
    assert heard[-1] == (5, 5)
