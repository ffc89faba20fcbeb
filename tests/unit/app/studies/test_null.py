"""Null worlds and planted edges for configured strategies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.app.config import Config, override
from tutti.app.studies.null import STRATEGIES, named_strategy, run_null, run_power
from tutti.model.errors import ConfigError
from tutti.sandbox.worlds.moves import Walk
from tutti.sandbox.worlds.null import World
from tutti.sandbox.worlds.planted import Edge

if TYPE_CHECKING:
    from tutti.app.backtest import Source

_SMALL = Walk(n_instruments=2, n_ticks=700)


def _unheard(done: int, total: int, note: str) -> None:
    """Take no notice of progress."""


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_shipped_strategy_trades_in_a_null_world(name: str) -> None:
    config = named_strategy(name, Config())
    study = run_null(
        config, name, [World.RANDOM_WALK], 2, _unheard, walk=Walk(n_ticks=1500), workers=1
    )
    assert study.together.n_fills > 20
    assert study.together.n_silent == 0


def test_strategy_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="no strategy is called 'luck'; there are hybrid"):
        named_strategy("luck", Config())


def test_null_study_counts_each_world_and_all_together(config: Config) -> None:
    study = run_null(config, "mine", list(World), 8, _unheard, walk=_SMALL, workers=1)
    document = study.to_dict()
    assert set(document["worlds"]) == {"random_walk", "shuffled_labels", "time_reversed"}
    assert document["n_seeds"] == 24
    rates = [each["false_positive_rate"] for each in document["worlds"].values()]
    assert document["false_positive_rate"] == pytest.approx(np.mean(rates))
    assert document["interval"][0] <= document["false_positive_rate"] <= document["interval"][1]
    assert document["observed"] is None
    again = run_null(config, "mine", list(World), 8, _unheard, walk=_SMALL, workers=1)
    assert again.to_dict() == document


@pytest.mark.slow
@pytest.mark.parametrize("world", list(World))
def test_false_positives_are_as_many_as_the_level_says(config: Config, world: World) -> None:
    study = run_null(config, "mine", [world], 1000, _unheard, walk=_SMALL)
    assert 0.03 <= study.together.share.value <= 0.07
    assert study.together.z_deviation == pytest.approx(1.0, abs=0.1)
    # nothing to foresee and something to pay
    assert study.together.sharpe_net < study.together.sharpe_gross


def test_null_of_recorded_bars_judges_them_against_their_own_mirrors(
    config: Config, source: Source
) -> None:
    study = run_null(
        config, "mine", [World.RANDOM_WALK, World.SHUFFLED_LABELS], 10, _unheard,
        recorded=source.block, workers=1,
    )  # fmt: skip
    assert study.n_ticks == len(source.block)
    assert study.observed is not None
    told = study.to_dict()["observed"]
    assert told["n_fills"] > 0
    assert told["p_own_null"] in [pytest.approx(k / 11) for k in range(1, 12)]


def test_null_of_a_strategy_that_never_trades_is_silent_and_finds_nothing(config: Config) -> None:
    silent = config.model_copy(update={"policy": config.policy.model_copy(update={"slow": 5000})})
    study = run_null(silent, "mine", [World.RANDOM_WALK], 3, _unheard, walk=_SMALL, workers=1)
    assert (study.together.n_silent, study.together.share.value) == (3, 0.0)
    assert study.to_dict()["z_mean"] is None
    assert math.isnan(study.together.sharpe_gross)


def test_no_seed_is_refused(config: Config) -> None:
    with pytest.raises(ConfigError, match="--seeds must be at least 1"):
        run_null(config, "mine", [World.RANDOM_WALK], 0, _unheard)


def test_strong_edge_is_always_found_and_none_hardly_ever() -> None:
    walk = Walk(n_instruments=2, n_ticks=3000)
    strong, none = (
        run_power(Config(), Edge(sharpe=sharpe), 12, _unheard, walk=walk, workers=1)
        for sharpe in (12.0, 0.0)
    )
    assert strong.share.value == 1.0
    assert none.share.value <= 0.25
    assert strong.sharpe_gross == pytest.approx(12.0, abs=2.0)
    assert strong.to_dict("found")["found"] == 1.0


def test_edge_is_found_as_often_whatever_sizes_are_configured() -> None:
    bold = override(
        Config(), {"policy.sizing.method": "fixed_fraction", "policy.sizing.max_fraction": 0.5,
                   "policy.sizing.fraction": 0.5}
    )  # fmt: skip
    walk = Walk(n_instruments=2, n_ticks=1500)
    plain, other = (
        run_power(config, Edge(sharpe=4.0), 4, _unheard, walk=walk, workers=1)
        for config in (Config(), bold)
    )
    assert plain == other


@pytest.mark.slow
def test_edge_of_one_and_a_half_over_three_years_is_found_in_four_of_five_seeds() -> None:
    found = run_power(Config(), Edge(sharpe=1.5), 1000, _unheard, walk=Walk(3, 3 * 8760))
    assert found.share.value >= 0.8
    assert found.sharpe_gross == pytest.approx(1.5, abs=0.08)
