"""Figures of scikit-learn on the same statements are in golden_scoring.json, with its version."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tutti.stats.scoring import (
    brier_losses,
    calibration_error,
    calibration_slope,
    effective_share,
    log_losses,
    reliability,
    wilson,
)

_GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden_scoring.json").read_text())
_STATED = np.array(_GOLDEN["inputs"]["stated"])
_CAME = np.array(_GOLDEN["inputs"]["came"])
_SEVENTHS = np.linspace(0.0, 1.0, 8)


def test_brier_score_is_that_of_another_library() -> None:
    assert brier_losses(_STATED, _CAME).mean() == pytest.approx(_GOLDEN["brier"], rel=1e-14)


def test_log_loss_is_that_of_another_library() -> None:
    assert log_losses(_STATED, _CAME).mean() == pytest.approx(_GOLDEN["log_loss"], rel=1e-14)


def test_reliability_is_that_of_another_library() -> None:
    bins = reliability(_STATED, _CAME, _SEVENTHS)
    assert [each.stated for each in bins] == pytest.approx(_GOLDEN["curve"]["stated"])
    assert [each.came for each in bins] == pytest.approx(_GOLDEN["curve"]["came"])
    assert sum(each.n for each in bins) == len(_STATED)


def test_slope_is_that_of_another_library() -> None:
    assert calibration_slope(_STATED, _CAME) == pytest.approx(_GOLDEN["slope"], rel=1e-6)


def test_even_odds_score_a_quarter_whatever_comes() -> None:
    assert brier_losses([0.5, 0.5], [0, 1]).tolist() == [0.25, 0.25]
    assert log_losses([0.5, 0.5], [0, 1]).tolist() == pytest.approx([math.log(2)] * 2)
    assert math.isnan(calibration_slope([0.5, 0.5], [0, 1]))


def test_certainty_that_fails_costs_no_more_than_the_surest_allowed() -> None:
    assert log_losses([1.0], [0], surest=0.001).tolist() == pytest.approx([-math.log(0.001)])
    assert np.isfinite(log_losses([1.0, 0.0], [0, 1])).all()


def test_reliability_puts_certainty_into_the_last_bin_and_leaves_out_what_is_beyond() -> None:
    bins = reliability([0.2, 0.5, 0.99, 1.0], [1, 0, 1, 1], [0.5, 0.75, 1.0])
    assert [(each.low, each.n, each.came) for each in bins] == [(0.5, 1, 0.0), (0.75, 2, 1.0)]


def test_intervals_widen_where_statements_hang_together() -> None:
    alone = reliability(_STATED, _CAME, [0.0, 1.0])[0]
    tied = reliability(_STATED, _CAME, [0.0, 1.0], share_told=0.1)[0]
    assert tied.came_high - tied.came_low > 2.0 * (alone.came_high - alone.came_low)


def test_wilson_interval_is_the_published_one() -> None:
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0.3, 0) == (0.0, 1.0)


def test_calibration_error_is_nothing_where_what_was_stated_came() -> None:
    exact = reliability([0.5, 0.5, 0.75, 0.75, 0.75, 0.75], [0, 1, 1, 1, 1, 0], [0.5, 0.7, 1.0])
    assert calibration_error(exact) == 0.0
    boast = reliability([0.9, 0.9], [0, 1], [0.5, 1.0])
    assert calibration_error(boast) == pytest.approx(0.4)
    assert math.isnan(calibration_error(()))


def test_slope_is_below_one_for_those_too_sure_and_above_for_the_timid() -> None:
    came = [1] * 3 + [0]
    assert calibration_slope([0.75] * 4, came) == pytest.approx(1.0)
    assert calibration_slope([0.95] * 4, came) < 0.5
    assert calibration_slope([0.55] * 4, came) > 2.0
    assert calibration_slope([0.9] * 4, [0, 0, 0, 1]) < 0.0


def test_slope_of_those_who_never_err_is_cut_off() -> None:
    assert calibration_slope([0.6, 0.4], [1, 0]) > 20.0
    assert calibration_slope([0.6, 0.4], [1, 0]) <= 1000.0


def test_effective_share_is_one_over_the_size_of_groups_that_agree() -> None:
    rng = np.random.default_rng(3)
    once = rng.random(400)
    fourfold = np.repeat(once, 4)
    error = once.std() / math.sqrt(400)
    assert effective_share(fourfold, error) == pytest.approx(0.25)
    assert effective_share(once, error / 2.0) == 1.0
    assert effective_share([0.1], math.nan) == 1.0


@pytest.mark.parametrize(
    ("stated", "came", "message"),
    [
        ([0.5], [0, 1], "one shape"),
        ([1.5], [1], r"in \[0, 1\]"),
        ([math.nan], [1], r"in \[0, 1\]"),
        ([0.5], [0.5], "0 or 1"),
    ],
)
def test_scores_refuse_what_can_not_be(
    stated: list[float], came: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        brier_losses(stated, came)


def test_reliability_refuses_edges_that_do_not_rise() -> None:
    with pytest.raises(ValueError, match="edges must rise"):
        reliability([0.5], [1], [0.5, 0.5])
