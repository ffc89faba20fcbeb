"""Finding what blinding should have taken away, and that it finds nothing in recorded texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.blinding.leaks import LeakFinder
from tutti.kernel.clock import SECOND
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from pathlib import Path

FINDER = LeakFinder(["AAPL", "BTC", "NEAR"], {"AAPL": ("The Fruit",)})


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("so apple said", "name", "apple"),
        ("The Fruit rose", "name", "The Fruit"),
        ("via MICROSOFT", "name", "MICROSOFT"),
        ("in AAPL.", "ticker", "AAPL"),
        ("$tsla", "ticker", "$tsla"),
        ("on 2025-04-16", "date", "2025-04-16"),
        ("April 16", "date", "April 16"),
        ("16 Apr", "date", "16 Apr"),
        ("since 2019,", "date", "2019"),
        ("4Q24", "date", "4Q24"),
        ("Q3-2024", "date", "Q3-2024"),
        ("2024Q3", "date", "2024Q3"),
        ("2024_W11", "date", "2024_W11"),
        ("Mar-24", "date", "Mar-24"),
        ("EPS 2024e", "date", "2024e"),
        ("report_2024_q3", "date", "2024"),
        ("on 20240314", "date", "20240314"),
        ("at 1710428400", "date", "1710428400"),
        ("at 1710428400123", "date", "1710428400123"),
        ("2024\u5e743\u670814\u65e5", "date", "2024\u5e74"),
        ('"\\u0041pple"', "name", "Apple"),
        ("\uff21\uff50\uff50\uff4c\uff45", "name", "Apple"),
        ("Ap\u200bple", "name", "Apple"),
        ("b\u0456tco\u0456n", "name", "bitcoin"),
    ],
)
def test_leaks_are_found_as_they_are_written(text: str, kind: str, found: str) -> None:
    assert (kind, found) in [(leak.kind, leak.found) for leak in FINDER.find(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Company-W8N4 rose 3.5% to \u00a42015 on day 61234",
        "Stocks May Rise near 2,020 points, says Name-B7S7Q2N4",
        "pineapple, targets, get near it",
        "77800000 shares, 20100000 more and 1710000000 in all; \u00a420240314",
        "a part of this year, Q3 up 24%, twenty percent",
    ],
)
def test_leaks_are_not_found_where_there_are_none(text: str) -> None:
    assert FINDER.find(text) == []


@pytest.mark.parametrize(
    ("file", "every"), [("news_stocks_2025", 2), ("news_crypto_2023", 4), ("tweets_stocks", 40)]
)
def test_recorded_texts_once_blinded_hold_no_leak(file: str, every: int, market_data: Path) -> None:
    frame = pl.read_parquet(market_data / "text" / f"{file}.parquet")
    symbols = sorted(set(frame["symbol"]))
    blind = Blinding(7, [InstrumentId(symbol, "SIM") for symbol in symbols])
    finder = LeakFinder(symbols)
    leaky = 0
    for row in frame.gather_every(every).iter_rows(named=True):
        text = f"{row['title'] or ''} | {row['text'] or ''}"
        told = blind.text(text, as_of=int(row["ts"].timestamp()) * SECOND, close=187.0)
        assert finder.find(told) == [], text
        leaky += bool(finder.find(text))
    assert leaky > len(frame) / every / 2


@pytest.mark.parametrize("text", ["so A P P L E rose", "so a.p.p.l.e rose", "so A-A-P-L rose"])
def test_letters_that_stand_apart_are_found(text: str) -> None:
    assert [each.kind for each in LeakFinder(["AAPL"]).find(text)] in (["name"], ["ticker"])
