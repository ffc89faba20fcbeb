"""Indices into the account array name every place once."""

from __future__ import annotations

from tutti.model import arrays


def test_account_indices_cover_the_array_without_overlap() -> None:
    names = (
        "EQUITY",
        "PEAK_EQUITY",
        "DAY_START_EQUITY",
        "DAY_NUMBER",
        "MODE",
        "FEES_PAID",
        "FUNDING_RECEIVED",
        "TURNOVER",
    )
    assert [getattr(arrays, name) for name in names] == list(range(8))


def test_modes_grow_with_what_they_forbid() -> None:
    assert arrays.TRADING < arrays.REDUCE_ONLY < arrays.FLATTEN
