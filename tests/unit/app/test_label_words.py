"""What values of a column of labels mean."""

from __future__ import annotations

import pytest

from tutti.app.label_words import is_word, meanings

BAD, NEITHER, GOOD = "negative", "neutral", "positive"


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        (["Positive", "NEUTRAL", "neg"], [GOOD, NEITHER, BAD]),
        (["Bullish", "bearish", "neu"], [GOOD, BAD, NEITHER]),
        (["very positive", "somewhat_negative", ".neutral"], [GOOD, BAD, NEITHER]),
        (["__label__pos", "LABEL_negative", "0"], [GOOD, BAD, NEITHER]),
        (["-1", "0", "1"], [BAD, NEITHER, GOOD]),
        (["-1.0", "0.0", "1.0"], [BAD, NEITHER, GOOD]),
        (["-1", "1"], [BAD, GOOD]),
        (["0", "1", "2"], [BAD, NEITHER, GOOD]),
        (["LABEL_0", "LABEL_1", "LABEL_2"], [BAD, NEITHER, GOOD]),
        (["0", "2"], [BAD, GOOD]),
        (["0", "1"], [BAD, GOOD]),
        (["0", "2", "4"], [BAD, NEITHER, GOOD]),
        (["1", "2", "3"], [BAD, NEITHER, GOOD]),
        (["1", "2", "3", "4", "5"], [BAD, BAD, NEITHER, GOOD, GOOD]),
        (["-2", "-1", "0", "2"], [BAD, BAD, NEITHER, GOOD]),
        (["-0.4", "0.05", "-0.1", "0.11"], [BAD, NEITHER, NEITHER, GOOD]),
        (["1"], [GOOD]),
        (["0"], [NEITHER]),
    ],
)
def test_labels_are_understood_as_a_column(values: list[str], meant: list[str]) -> None:
    assert [meanings(values).get(each) for each in values] == meant


@pytest.mark.parametrize(
    "values", [["mixed"], ["positive", "2"], ["7", "12"], ["1.5", "0"], ["nan"]]
)
def test_what_is_no_label_is_left_out(values: list[str]) -> None:
    assert values[-1] not in meanings(values)


def test_only_words_are_words() -> None:
    assert is_word(" Positive ")
    assert not is_word("1")
    assert not is_word("label")
