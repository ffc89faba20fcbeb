"""Prices and large numbers in running text."""

from __future__ import annotations

import math

import pytest

from tutti.agents.llm.blinding.amounts import without_amounts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("target of $250", "target of \u00a4125"),
        ("at $200.00", "at \u00a4100"),
        ("$94.9 billion", "\u00a447.5 billion"),
        ("$94.9bn", "\u00a447.5bn"),
        ("US$1,000", "\u00a4500"),
        ("\u20ac3.5m", "\u00a41.75m"),
        ("50 dollars", "\u00a425"),
        ("300 USD", "\u00a4150"),
        ("closed at 210.5", "closed at \u00a4105"),
        ("hit 210", "hit \u00a4105"),
        ("210 people", "210 people"),
        ("up 3.5%", "up 3.5%"),
        ("5,300 points", "2,650 points"),
        ("42 thousand shares", "21 thousand shares"),
        ("back to 73k", "back to 36.5k"),
        ("top 10 of 500", "top 10 of 500"),
        ("F-150", "F-150"),
        ("\u00a4250 stays", "\u00a4250 stays"),
    ],
)
def test_amounts_are_told_in_units_of_the_run(text: str, told: str) -> None:
    assert without_amounts(text, close=200.0, factor=0.5) == told


def test_amounts_without_a_close_are_multiplied() -> None:
    assert without_amounts("$250 and 210.5", close=math.nan, factor=0.5) == "\u00a4125 and 210.5"


def test_amounts_of_any_size_have_no_exponent() -> None:
    told = without_amounts("$0.00001234 and $99,999,999", close=0.01, factor=1.0)
    assert told == "\u00a40.123 and \u00a41000000000000"
