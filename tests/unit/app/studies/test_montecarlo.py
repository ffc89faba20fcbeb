"""Monte Carlo of a configured strategy: the recorded path, what makes a path, and every method."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.studies.montecarlo import Draw, Method, SignalsOf, run_montecarlo
from tutti.app.studies.strategy import Strategy
from tutti.app.tiers import run_fast
from tutti.model.errors import ConfigError
from tutti.sandbox.montecarlo.noise import NoiseSettings
from tutti.sandbox.montecarlo.report import montecarlo_page

if TYPE_CHECKING:
    from tutti.app.backtest import Source
    from tutti.sandbox.montecarlo.outcome import MonteCarlo


def _unheard(done: int, total: int, note: str) -> None:
    """Take no notice of progress."""


def _run(config: Config, source: Source, workers: int = 1, **draw: object) -> MonteCarlo:
    asked = Draw(**({"n_paths": 6, "block": 30.0} | draw))  # type: ignore[arg-type]
    return run_montecarlo(config, source.block, asked, _unheard, workers=workers)


@pytest.mark.parametrize("policy", ["ema_cross", "hybrid"])
def test_recorded_path_is_the_plain_backtest_bit_for_bit(
    config: Config, source: Source, policy: str
) -> None:
    config = override(config, {"policy.name": policy, "policy.entry_threshold": 0.1,
                               "policy.exit_threshold": 0.05})  # fmt: skip
    strategy = Strategy(config, source.block)
    plan = plan_of(config, strategy.plan.instruments, source.block.step)
    plain = run_fast(config, plan, source.block, _unheard)
    found = _run(config, source, n_paths=1)
    shown = np.isin(source.block.known_at, found.ts)
    assert shown.sum() == len(found.recorded) > 100
    np.testing.assert_array_equal(found.recorded, plain.trace.equity[shown])
    assert len(plain.fills) > 5


def test_noise_of_nothing_is_the_plain_backtest_bit_for_bit(config: Config, source: Source) -> None:
    silent = NoiseSettings(late=0.0, lost=0.0, spread=0.0, fees=0.0)
    found = _run(config, source, method=Method.NOISE, noise=silent)
    for spread in found.spreads.values():
        assert set(spread.quantiles.values()) == {spread.recorded}


def test_noise_loses_fills_and_spends_more_or_less(config: Config, source: Source) -> None:
    noise = NoiseSettings(late=0.3, lost=0.3, spread=1.0, fees=0.3)
    found = _run(config, source, method=Method.NOISE, noise=noise)
    assert found.spreads["n_fills"].mean < found.spreads["n_fills"].recorded
    assert found.spreads["fees"].deviation > 0.0


@pytest.mark.parametrize("method", list(Method))
def test_paths_of_every_method_spread_and_are_the_same_again(
    config: Config, source: Source, method: Method
) -> None:
    block = 5.0 if method is Method.TRADES else 30.0
    first, again = (_run(config, source, method=method, block=block) for _ in range(2))
    assert first.spreads == again.spreads
    assert first.spreads["total_return"].deviation > 0.0
    assert first.to_dict()["method"] == method.value
    assert first.fan.shape == (7, len(first.ts))
    page = montecarlo_page(first)
    assert "Quantiles of equity over time" in page
    assert "https:" not in page


def test_path_depends_on_its_number_and_the_seed_alone(config: Config, source: Source) -> None:
    few, more, other = (
        _run(config, source, n_paths=count, seed=seed) for count, seed in ((1, 1), (2, 1), (1, 2))
    )
    low, high = (more.spreads["total_return"].quantiles[level] for level in (0.01, 0.99))
    alone = few.spreads["total_return"].mean
    assert abs(alone - low) < 0.02 * (high - low) or abs(alone - high) < 0.02 * (high - low)
    assert other.spreads["total_return"].mean != alone


def test_several_processes_find_the_same(config: Config, source: Source) -> None:
    alone, several = (_run(config, source, workers=workers, n_paths=9) for workers in (1, 2))
    assert alone.spreads == several.spreads
    np.testing.assert_array_equal(alone.fan, several.fan)


def test_resampled_signals_of_rows_in_order_trade_like_recomputed_ones(
    config: Config, source: Source
) -> None:
    # one block as long as the recording that begins anywhere: seams are rare
    recomputed, resampled = (
        _run(config, source, signals=signals, n_paths=20, block=100_000.0)
        for signals in (SignalsOf.RECOMPUTED, SignalsOf.RESAMPLED)
    )
    assert resampled.signals == "resampled"
    assert resampled.spreads["n_fills"].mean == pytest.approx(
        recomputed.spreads["n_fills"].mean, rel=0.1
    )


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        ({"n_paths": 0}, "--paths must be at least 1"),
        ({"ruin_at": 1.0}, "--ruin-at must lie between 0 and 1"),
        ({"block": 0.2}, "--block must be at least 1"),
        ({"method": Method.GARCH, "signals": SignalsOf.RESAMPLED}, "goes with --method bootstrap"),
    ],
)
def test_draw_that_makes_no_sense_is_refused(draw: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Draw(**draw)  # type: ignore[arg-type]


def test_strategy_of_venues_that_differ_is_refused(config: Config, source: Source) -> None:
    config = override(config, {"venues.Y.latency_ms": 50.0})
    with pytest.raises(ConfigError, match="these venues differ"):
        Strategy(config, source.block)


def test_study_tells_how_far_it_is(config: Config, source: Source) -> None:
    heard: list[tuple[int, int, str]] = []
    run_montecarlo(
        config, replace(source.block), Draw(n_paths=5), lambda *said: heard.append(said), workers=1
    )
    assert heard[0] == (0, 5, "paths")
    assert heard[-1] == (5, 5, "paths")
