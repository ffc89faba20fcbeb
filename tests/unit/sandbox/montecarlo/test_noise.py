"""What goes wrong on the way to the venue, as often and as much as it is asked to."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.kernel.clock import HOUR
from tutti.model.arrays import Terms
from tutti.model.errors import ConfigError
from tutti.sandbox.montecarlo.noise import NoiseSettings, draw_fees, draw_noise

_SPREAD = np.array([1.0, 4.0])


def test_noise_comes_in_the_shares_that_are_asked_for() -> None:
    settings = NoiseSettings(late=0.2, lost=0.05, spread=0.3)
    noise = draw_noise(settings, 20_000, HOUR, _SPREAD, np.random.default_rng(1))
    assert np.mean(noise.late_ns > 0) == pytest.approx(0.2, abs=0.01)
    assert noise.late_ns.max() <= HOUR
    assert noise.lost.mean() == pytest.approx(0.05, abs=0.005)
    np.testing.assert_allclose(np.median(noise.half_spread_bps, axis=0), _SPREAD, rtol=0.02)
    assert np.log(noise.half_spread_bps).std(axis=0) == pytest.approx([0.3, 0.3], rel=0.03)


def test_noise_of_nothing_leaves_everything_as_it_is() -> None:
    settings = NoiseSettings(late=0.0, lost=0.0, spread=0.0, fees=0.0)
    noise = draw_noise(settings, 10, HOUR, _SPREAD, np.random.default_rng(1))
    assert not noise.late_ns.any()
    assert not noise.lost.any()
    np.testing.assert_array_equal(noise.half_spread_bps, np.tile(_SPREAD, (10, 1)))


def test_fees_of_a_path_are_all_multiplied_by_one_factor() -> None:
    ones, whole = np.ones(2), np.ones(2, np.int64)
    terms = Terms(
        ones, ones, whole, ones, np.array([0.0002, -0.0001]), np.array([0.0005, 0.001]), whole,
        ones, ones, whole,
    )  # fmt: skip
    drawn = draw_fees(NoiseSettings(fees=0.5), terms, np.random.default_rng(2))
    factors = np.append(drawn.taker_fee / terms.taker_fee, drawn.maker_fee / terms.maker_fee)
    assert np.ptp(factors) < 1e-12
    assert factors[0] != 1.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"late": 1.5}, "late is a share"),
        ({"lost": -0.1}, "lost is a share"),
        ({"spread": -1.0}, "spread must not be negative"),
        ({"fees": float("nan")}, "fees must not be negative"),
    ],
)
def test_noise_settings_out_of_range_are_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        NoiseSettings(**changes)
