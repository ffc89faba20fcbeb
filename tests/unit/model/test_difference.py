"""A difference says itself in one line."""

from __future__ import annotations

from tutti.model.difference import Difference, DifferenceKind, Resolution


def test_difference_in_words_says_who_has_what_and_what_was_done() -> None:
    difference = Difference(
        venue="KRAKEN",
        kind=DifferenceKind.POSITION,
        subject="BTC-USD.KRAKEN",
        ours="0",
        theirs="0.5",
        resolution=Resolution.QUARANTINED,
    )
    assert str(difference) == ("position BTC-USD.KRAKEN: 0 here, 0.5 at KRAKEN; quarantined")
