"""What the rules of sentiment must hold for every measure and direction that they know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.text.lexicon.rules import strength
from tutti.agents.text.lexicon.words import finance_words

_WORDS = finance_words()
_MEASURES = sorted(
    word for word, entry in _WORDS.single.items() if entry.more != 0.0 and entry.way == 0.0
    and not entry.denies and not entry.past
)  # fmt: skip
_UP = ("rose", "increased", "grew", "climbed")
_DOWN = ("fell", "decreased", "declined", "shrank")


@given(st.sampled_from(_MEASURES), st.sampled_from(_UP), st.sampled_from(_DOWN))
def test_measure_that_falls_is_the_opposite_of_one_that_rises(
    measure: str, up: str, down: str
) -> None:
    rose, fell = (strength(f"the {measure} {verb}", _WORDS) for verb in (up, down))
    assert rose == pytest.approx(-fell)
    assert rose * _WORDS.single[measure].more > 0


@given(st.sampled_from(_MEASURES), st.sampled_from(_UP + _DOWN))
def test_negation_turns_any_movement_and_weakens_it(measure: str, verb: str) -> None:
    plain = strength(f"the {measure} {verb}", _WORDS)
    denied = strength(f"the {measure} not {verb}", _WORDS)
    assert plain * denied < 0
    assert abs(denied) < abs(plain)


@given(st.sampled_from(_MEASURES), st.floats(1, 1e6), st.floats(1.01, 10))
def test_figures_compared_say_which_way_it_went(measure: str, before: float, times: float) -> None:
    now = before * times
    text = "{} was EUR {:.2f} mn, compared to EUR {:.2f} mn"
    more = strength(text.format(measure, now, before), _WORDS)
    less = strength(text.format(measure, before, now), _WORDS)
    assert more != less
    assert (more - less) * _WORDS.single[measure].more > 0


@given(st.lists(st.sampled_from([*_WORDS.single, *_WORDS.phrases, ".", ",", "5.0", "mn"])))
def test_any_words_in_any_order_have_a_finite_strength(words: list[str]) -> None:
    assert abs(strength(" ".join(words), _WORDS)) < 10.0 * (1 + len(words))
