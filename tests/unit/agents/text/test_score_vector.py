"""Sums over stories that fade."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.text.score_vector import NAMES, FadingScores, models_of, source_of
from tutti.kernel.clock import HOUR
from tutti.model.instrument import InstrumentId

_STORIES = st.lists(
    st.tuples(
        st.integers(0, 5 * HOUR),
        st.floats(-1, 1),
        st.sampled_from([0.5, 1.0, 1.5]),
        st.floats(0, 1),
    ),
    min_size=1,
    max_size=20,
)


def test_scores_of_nothing_are_none() -> None:
    assert FadingScores().vector(HOUR) is None


def test_scores_of_one_story_are_its_own_and_fade() -> None:
    scores = FadingScores(half_life=HOUR)
    scores.add(0, 0.8, 1.5, 0.3)
    vector = scores.vector(2 * HOUR)
    assert vector is not None
    assert vector.sentiment == pytest.approx(0.8)
    assert vector.volume == pytest.approx(1.5 / 4)
    assert vector.dispersion == pytest.approx(0.0, abs=1e-6)
    assert vector.novelty == pytest.approx(0.3)
    assert vector.change == pytest.approx(0.0)
    assert vector.newest == 0


@given(_STORIES)
def test_scores_are_those_of_all_stories_weighed_by_their_age(
    told: list[tuple[int, float, float, float]],
) -> None:
    scores = FadingScores(half_life=HOUR, slow=4)
    at, ages = 0, []
    for gap, value, weight, novelty in told:
        at += gap
        scores.add(at, value, weight, novelty)
        ages.append((at, value, weight, novelty))
    end = at + 3 * HOUR
    vector = scores.vector(end)
    assert vector is not None
    weights = [w * 0.5 ** ((end - t) / HOUR) for t, _, w, _ in ages]
    slow = [w * 0.5 ** ((end - t) / (4 * HOUR)) for t, _, w, _ in ages]
    values = [v for _, v, _, _ in ages]
    mean = _mean(values, weights)
    assert vector.volume == pytest.approx(sum(weights))
    assert vector.sentiment == pytest.approx(mean, abs=1e-9)
    assert vector.change == pytest.approx(mean - _mean(values, slow), abs=1e-9)
    squares = _mean([v * v for v in values], weights) - mean * mean
    assert vector.dispersion == pytest.approx(math.sqrt(max(0.0, squares)), abs=1e-6)
    assert -1.0 - 1e-9 <= vector.sentiment <= 1.0 + 1e-9


def _mean(values: list[float], weights: list[float]) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


def test_source_of_readings_names_the_models_that_scored() -> None:
    assert source_of(()) == "semantic_synth"
    assert models_of("semantic_synth") == ()
    assert models_of(source_of(("a:b", "c:d"))) == ("a:b", "c:d")
    assert models_of("alternative.me") is None


def test_vector_as_readings_is_known_when_it_was_computed() -> None:
    scores = FadingScores()
    scores.add(0, 0.5, 1.0, 1.0)
    vector = scores.vector(HOUR)
    assert vector is not None
    about = InstrumentId("BTC-USDT", "SIM")
    readings = vector.readings(about)
    assert [each.name for each in readings] == list(NAMES.values())
    assert {(each.known_at, each.kind, each.source) for each in readings} == {
        (HOUR, "sentiment", "semantic_synth")
    }
    assert readings[0].value == vector.sentiment
    assert vector.readings(None)[0].instrument is None
