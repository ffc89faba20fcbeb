from __future__ import annotations

import numpy as np
import pytest

from tutti.agents.calibration import (
    FEWEST,
    ConfidenceMap,
    Correction,
    chance,
    corrected,
    fit,
    fit_forward,
)
from tutti.model.opinion import Views
from tutti.stats.isotonic import Rising
from tutti.stats.scoring import brier_losses


def _opinions(n: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    # who says c is right as often as c / 2 would deserve
    rng = np.random.default_rng(seed)
    confidence = rng.random(n)
    right = (rng.random(n) < chance(0.5 * confidence)).astype(np.float64)
    return confidence, right


def _map(level: float, valid_from: int) -> ConfidenceMap:
    flat = Rising(np.array([0.0, 1.0]), np.array([level, level]))
    return ConfidenceMap(corrected=flat, valid_from=valid_from, fitted_from=0, n=500)


def test_chance_of_no_confidence_is_even() -> None:
    assert chance(np.array([0.0, 0.5, 1.0])).tolist() == [0.5, 0.75, 1.0]


def test_map_halves_the_confidence_of_one_who_is_twice_too_sure() -> None:
    confidence, right = _opinions(60_000)
    fixed = fit(confidence, right)(np.array([0.2, 0.5, 0.9]))
    assert fixed.tolist() == pytest.approx([0.1, 0.25, 0.45], abs=0.05)


def test_map_of_one_who_is_wrong_more_often_than_right_is_silence() -> None:
    rng = np.random.default_rng(4)
    right = (rng.random(5000) < 0.45).astype(np.float64)
    assert fit(rng.random(5000), right)(np.array([0.1, 0.9])).tolist() == [0.0, 0.0]


def test_few_cases_are_pulled_towards_even_odds() -> None:
    confidence, right = np.full(20, 0.8), np.ones(20)
    assert fit(confidence, right)(np.array([0.8]))[0] == pytest.approx(0.5)
    assert fit(confidence, right, prior=0.0)(np.array([0.8]))[0] == pytest.approx(1.0)
    # twenty opinions that hang together are fewer cases
    assert fit(confidence, right, share_told=0.1)(np.array([0.8]))[0] == pytest.approx(2 / 22)


def test_maps_come_one_after_the_other_and_know_only_what_was_known() -> None:
    confidence, right = _opinions(1000)
    said = np.arange(1000) * 10
    maps = fit_forward(confidence, right, said, said + 35, n_folds=4)
    assert [each.n for each in maps] == [246, 496, 746, 1000]
    assert [each.valid_from for each in maps] == [2485, 4985, 7485, 10025]
    assert all(each.fitted_from == 0 for each in maps)
    # what comes later changes no earlier map
    turned = right.copy()
    turned[500:] = 1.0 - turned[500:]
    again = fit_forward(confidence, turned, said, said + 35, n_folds=4)
    assert again[1].corrected.y.tolist() == maps[1].corrected.y.tolist()
    assert again[2].corrected.y.tolist() != maps[2].corrected.y.tolist()


def test_no_map_is_fitted_on_too_few_independent_cases() -> None:
    confidence, right = _opinions(FEWEST - 1)
    said = np.arange(len(right))
    assert fit_forward(confidence, right, said, said) == ()
    confidence, right = _opinions(400)
    said = np.arange(400)
    maps = fit_forward(confidence, right, said, said, share_told=lambda _: 0.3, n_folds=4)
    assert [each.n for each in maps] == [400]
    none = np.zeros(0)
    assert fit_forward(none, none, none.astype(np.int64), none.astype(np.int64)) == ()
    with pytest.raises(ValueError, match="folds"):
        fit_forward(confidence, right, said, said, n_folds=0)


def test_correction_out_of_sample_improves_who_is_too_sure() -> None:
    confidence, right = _opinions(4000)
    said = np.arange(4000)
    maps = fit_forward(confidence, right, said, said + 5)
    fixed = corrected(confidence, said, maps)
    later = said >= maps[0].valid_from
    before = brier_losses(chance(confidence[later]), right[later]).mean()
    after = brier_losses(chance(fixed[later]), right[later]).mean()
    assert after < before - 0.01
    assert fixed[~later].tolist() == confidence[~later].tolist()


def test_each_opinion_is_corrected_by_the_newest_map_known_at_its_time() -> None:
    said = np.array([9, 10, 19, 20, 99])
    fixed = corrected(np.full(5, 0.9), said, [_map(0.4, 10), _map(0.2, 20)])
    assert fixed.tolist() == [0.9, 0.4, 0.4, 0.2, 0.2]


def test_correction_leaves_other_agents_abstentions_and_biases_alone() -> None:
    views = Views(np.full((2, 2, 1), -1.0), np.array([[[0.9], [np.nan]], [[0.8], [0.7]]]))
    found = Correction(["a", "b"], {"a": [_map(0.1, 5)]})(views, np.array([5, 6]))
    assert found.bias is views.bias
    assert found.confidence[0, :, 0] == pytest.approx([0.1, np.nan], nan_ok=True)
    assert found.confidence[1, :, 0].tolist() == [0.8, 0.7]
    assert views.confidence[0, 0, 0] == 0.9


def test_correction_leaves_holds_as_sure_as_they_were() -> None:
    views = Views(np.array([[[0.0], [0.5]]]), np.array([[[0.0], [0.0]]]))
    found = Correction(["a"], {"a": [_map(0.1, 0)]})(views, np.array([5, 6]))
    assert found.confidence[0, :, 0].tolist() == [0.0, 0.1]


def test_correction_that_is_not_valid_yet_costs_nothing() -> None:
    views = Views(np.zeros((1, 2, 1)), np.ones((1, 2, 1)))
    assert Correction(["a"], {"a": [_map(0.1, 9)]})(views, np.array([5, 6])) is views
    assert Correction(["a"], {"b": [_map(0.1, 0)]})(views, np.array([5, 6])) is views


def test_correction_is_the_same_however_the_ticks_are_cut() -> None:
    rng = np.random.default_rng(2)
    views = Views(np.ones((1, 30, 2)), rng.random((1, 30, 2)))
    known_at = np.arange(30)
    correction = Correction(["a"], {"a": [_map(0.5, 7), _map(0.3, 19)]})
    whole = correction(views, known_at).confidence
    parts = [
        correction(Views(views.bias[:, s], views.confidence[:, s]), known_at[s]).confidence
        for s in (slice(0, 7), slice(7, 8), slice(8, 25), slice(25, 30))
    ]
    assert np.concatenate(parts, axis=1).tolist() == whole.tolist()
