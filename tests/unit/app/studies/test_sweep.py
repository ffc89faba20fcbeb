"""Sweeps: each combination is the backtest of its configuration, and counts as a trial."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.trial_register import SqliteTrialRegister
from tutti.app.backtest import terms_overrides
from tutti.app.build import plan_of
from tutti.app.config import Config, config_hash, override
from tutti.app.studies.sweep import run_sweep
from tutti.app.tiers import run_fast
from tutti.kernel.clock import SimulatedClock
from tutti.ledger.trials import FOREVER, Dataset, Seal
from tutti.model.errors import ConfigError, GateClosed
from tutti.sandbox.sweep import combinations, parse_axis
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.backtest import Source
    from tutti.sandbox.sweep import Setting


def _unheard(done: int, total: int, note: str) -> None:
    """Take no notice of progress."""


def _grid(*axes: str) -> list[dict[str, Setting]]:
    return list(combinations([parse_axis(axis) for axis in axes]))


def test_every_combination_is_the_fast_backtest_of_its_configuration(
    config: Config, source: Source
) -> None:
    grid = _grid("policy.fast=2,4", "risk.care.stop_loss=0.0,0.01")
    found = run_sweep(config, source, grid, "total_return", _unheard, workers=1)
    assert len(found.tried) == 4
    for tried in found.tried:
        changed = override(config, tried.settings)
        universe = Universe.of_block(
            source.block, terms_overrides(changed, source.block.instruments)
        )
        plan = plan_of(changed, universe.instruments, source.block.step)
        plain = run_fast(changed, plan, source.block, _unheard)
        assert tried.final_equity == plain.trace.equity[-1]
        assert tried.n_fills == len(plain.fills)
        assert tried.trial.configuration == config_hash(changed)
    assert len({tried.final_equity for tried in found.tried}) == 4
    totals = [tried.total_return for tried in found.tried]
    assert totals == sorted(totals, reverse=True)


def test_several_processes_find_the_same(config: Config, source: Source) -> None:
    grid = _grid("policy.fast=2..8")
    alone, several = (
        run_sweep(config, source, grid, "sharpe", _unheard, workers=workers) for workers in (1, 2)
    )
    assert [each.to_dict() for each in alone.tried] == [each.to_dict() for each in several.tried]


def test_combinations_that_no_configuration_allows_are_left_out_and_told(
    config: Config, source: Source
) -> None:
    found = run_sweep(config, source, _grid("policy.fast=5,10,15"), "sharpe", _unheard, workers=1)
    assert (len(found.tried), found.n_invalid) == (1, 2)
    assert "policy.fast must be below slow" in found.invalid


def test_grid_without_a_combination_that_runs_is_refused(config: Config, source: Source) -> None:
    with pytest.raises(ConfigError, match=r"no combination of the grid can be run.*policy\.fsat"):
        run_sweep(config, source, _grid("policy.fsat=5"), "sharpe", _unheard)


def test_unknown_objective_is_refused(config: Config, source: Source) -> None:
    with pytest.raises(ConfigError, match="--objective must be one of sharpe"):
        run_sweep(config, source, _grid("policy.fast=5"), "profit", _unheard)


def test_combination_that_never_trades_ranks_last(config: Config, source: Source) -> None:
    grid = _grid("policy.slow=10,5000")
    found = run_sweep(config, source, grid, "sharpe", _unheard, workers=1)
    assert found.tried[-1].settings == {"policy.slow": 5000}
    assert math.isnan(found.tried[-1].sharpe)
    assert found.tried[-1].to_dict()["sharpe"] is None
    assert found.tried[-1].to_dict()["calmar"] is None


def test_every_combination_is_registered_and_counts_against_the_best(
    config: Config, source: Source, tmp_path: Path
) -> None:
    register = SqliteTrialRegister(tmp_path / "trials.sqlite", SimulatedClock(0))
    grid = _grid("policy.fast=2..9")
    found = run_sweep(config, source, grid, "sharpe", _unheard, register=register, workers=1)
    kept = list(register.trials())
    assert {each.kind for each in kept} == {"sweep"}
    assert {each.configuration for each in kept} == {
        config_hash(override(config, each)) for each in grid
    }
    assert found.honest.n_trials == 8
    assert found.honest.dsr < found.honest.psr
    assert found.to_dict(3)["n_tried"] == 8
    assert len(found.to_dict(3)["top"]) == 3


def test_sweep_without_a_register_counts_its_own_trials(config: Config, source: Source) -> None:
    found = run_sweep(config, source, _grid("policy.fast=2..9"), "sharpe", _unheard, workers=1)
    assert found.honest.n_trials == 8
    assert 1 <= found.honest.n_effective <= 8
    gains = found.tried[0].gains
    assert found.tried[0].sharpe == pytest.approx(
        np.mean(gains) / np.std(gains) * math.sqrt(365.0), rel=0.05
    )


def test_sweep_over_a_sealed_period_is_refused(
    config: Config, source: Source, tmp_path: Path
) -> None:
    register = SqliteTrialRegister(tmp_path / "trials.sqlite", SimulatedClock(0))
    start = int(source.block.ts[300])
    register.seal(Seal(name="holdout", dataset=Dataset(), start=start, end=FOREVER))
    with pytest.raises(GateClosed, match="holdout"):
        run_sweep(config, source, _grid("policy.fast=2..4"), "sharpe", _unheard, register=register)
    assert not list(register.trials())
