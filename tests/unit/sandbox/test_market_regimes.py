"""Which regime follows which."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import pytest

from tutti.model.errors import ConfigError
from tutti.sandbox.market_regimes import (
    SHAPES,
    MarketRegime,
    RegimeChain,
    RegimeList,
    regimes_named,
)


def test_every_regime_has_a_shape() -> None:
    assert set(SHAPES) == set(MarketRegime)


def test_regimes_are_found_by_name_and_trend_is_both() -> None:
    assert regimes_named("trend", "crash", "trend_up") == (
        MarketRegime.TREND_UP,
        MarketRegime.TREND_DOWN,
        MarketRegime.CRASH,
    )
    with pytest.raises(ConfigError, match="no market regime is called 'panic'; there are trend"):
        regimes_named("panic")


def test_list_repeats_in_order() -> None:
    entries = ((MarketRegime.RANGE, 5), (MarketRegime.CRASH, 2))
    spells = RegimeList(entries).spells(np.random.default_rng(0))
    assert list(islice(spells, 5)) == [*entries, *entries, entries[0]]
    assert RegimeList(entries).lift == 0.0


@pytest.mark.parametrize("entries", [(), ((MarketRegime.RANGE, 0),)])
def test_list_without_bars_is_refused(entries: tuple[tuple[MarketRegime, int], ...]) -> None:
    with pytest.raises(ConfigError, match="at least one bar each"):
        RegimeList(entries)


def test_chain_never_repeats_a_regime_at_once_and_lasts_as_told() -> None:
    spells = list(islice(RegimeChain(mean_bars=60.0).spells(np.random.default_rng(1)), 4000))
    kinds = [regime for regime, _ in spells]
    assert all(a != b for a, b in pairwise(kinds))
    assert set(kinds) == set(MarketRegime)
    lengths = [bars for regime, bars in spells if regime is MarketRegime.RANGE]
    assert np.mean(lengths) == pytest.approx(60.0, rel=0.15)
    crashes = [bars for regime, bars in spells if regime is MarketRegime.CRASH]
    assert np.mean(crashes) == pytest.approx(10.0, rel=0.15)


def test_chain_of_one_regime_stays_in_it() -> None:
    chain = RegimeChain(regimes=(MarketRegime.RANGE,), mean_bars=1.0)
    assert list(islice(chain.spells(np.random.default_rng(1)), 3)) == [(MarketRegime.RANGE, 1)] * 3


def test_lift_makes_up_for_crashes_where_something_can_rise() -> None:
    chain = RegimeChain()
    drift = sum(
        SHAPES[regime].length * (SHAPES[regime].drift + chain.lift * SHAPES[regime].lifted)
        for regime in chain.regimes
    )
    assert drift == pytest.approx(0.0, abs=1e-12)
    assert RegimeChain(regimes=(MarketRegime.RANGE, MarketRegime.TREND_UP)).lift == 0.0
    assert RegimeChain(regimes=(MarketRegime.CRASH, MarketRegime.RANGE)).lift == 0.0


@pytest.mark.parametrize(
    ("regimes", "mean_bars", "message"),
    [
        ((), 10.0, "once each"),
        ((MarketRegime.RANGE, MarketRegime.RANGE), 10.0, "once each"),
        ((MarketRegime.RANGE,), 0.5, "at least 1 bar"),
        ((MarketRegime.RANGE,), float("inf"), "at least 1 bar"),
    ],
)
def test_impossible_chain_is_refused(
    regimes: tuple[MarketRegime, ...], mean_bars: float, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        RegimeChain(regimes=regimes, mean_bars=mean_bars)
