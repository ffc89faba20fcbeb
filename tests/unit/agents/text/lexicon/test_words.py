"""The data file, and its forms."""

from __future__ import annotations

from tutti.agents.text.lexicon.words import finance_words


def test_words_of_the_file_come_in_their_forms() -> None:
    words = finance_words().single
    for form in ("decline", "declines", "declined", "declining", "dropped", "rallies", "surged"):
        assert form in words, form
    assert words["slashes"].way < 0
    assert words["rallied"].polar > 0


def test_words_that_mean_several_things_keep_them_apart() -> None:
    loss = finance_words().single["loss"]
    assert loss.more < 0
    assert loss.polar < 0
    assert loss.way == 0.0


def test_phrases_are_the_longest_first() -> None:
    for phrases in finance_words().phrases.values():
        lengths = [len(rest) for rest, _ in phrases]
        assert lengths == sorted(lengths, reverse=True)


def test_general_words_lie_beneath_those_of_finance() -> None:
    ours = finance_words()
    both = ours.over({"loss": 4.0, "lovely": 2.0}, 0.5)
    assert both.single["loss"] == ours.single["loss"]
    assert both.single["lovely"].polar == 1.0
