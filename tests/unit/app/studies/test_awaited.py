"""Studies of strategies with agents that have to be awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.app.asking import silent_here
from tutti.app.backtest import run_source
from tutti.app.config import Config, override
from tutti.app.studies.strategy import Strategy
from tutti.app.studies.sweep import run_sweep
from tutti.sandbox.sweep import combinations, parse_axis

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.backtest import Source


@pytest.fixture
def listening(config: Config, installed: None) -> Config:
    """Return a configuration that follows nobody but the agent ``pundit``."""
    return override(
        config,
        {
            "agents": [{"name": "pundit", "cadence_s": 36_000}],
            "conductor.weights": {},
            "policy.name": "hybrid",
            "policy.weights": {
                "context": 1.0, "momentum": 0.0, "mean_reversion": 0.0, "pairs": 0.0,
            },
            "policy.entry_threshold": 0.5,
            "policy.exit_threshold": 0.3,
        },
    )  # fmt: skip


def _unheard(done: int, total: int, note: str) -> None:
    """Take no notice of progress."""


def test_sweep_hears_what_a_backtest_hears(
    listening: Config, source: Source, tmp_path: Path
) -> None:
    grid = list(combinations([parse_axis("policy.exit_threshold=0.2,0.4")]))
    found = run_sweep(listening, source, grid, "sharpe", _unheard, workers=1)
    assert len(found.tried) == 2
    for k, tried in enumerate(found.tried):
        changed = override(listening, tried.settings)
        plain = run_source(changed, source, "fast", tmp_path / str(k), _unheard)
        assert tried.n_fills == plain.n_fills > 0
        assert tried.final_equity == pytest.approx(plain.final_equity, rel=1e-12)


def test_study_on_other_markets_says_that_awaited_agents_are_silent(
    listening: Config, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    silent_here.cache_clear()
    strategy = Strategy(listening, source.block)
    assert strategy.awaited == ("pundit",)
    assert "pundit have to be awaited; in this study they are silent" in caplog.text
    Strategy(listening, source.block, hears=True)
    assert len(caplog.records) == 1
