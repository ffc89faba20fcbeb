"""Blinding maps one to one, and nothing listed gets past it."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.names import listed, ordinary
from tutti.kernel.clock import DAY, SECOND
from tutti.model.instrument import InstrumentId

TICKERS = st.text(string.ascii_uppercase, min_size=1, max_size=6)
SEEDS = st.integers(0, 2**32)
INSTANTS = st.integers(1_262_304_000, 1_893_456_000).map(lambda seconds: seconds * SECOND)
BLIND = Blinding(7, [InstrumentId("AAPL", "SIM"), InstrumentId("BTC-USDT", "SIM")])
NAMES = [
    name
    for named in listed()
    for name in named.names
    if name.casefold() not in ordinary() and len(name) > 1 and name.isascii()
]
WORDS = ["shares", "of", "rose", "on", "Monday", "after", "the", "Report", "3.5%", "and", "12"]
TEXTS = st.lists(st.sampled_from(NAMES + WORDS * 12), min_size=1, max_size=12).map(" ".join)


@given(SEEDS, st.lists(TICKERS, min_size=2, max_size=30, unique=True))
def test_blinding_gives_every_asset_a_code_of_its_own(seed: int, tickers: list[str]) -> None:
    # FB and META are one company, and have one code
    known = {name: named.key for named in listed() for name in named.names if name.isupper()}
    assets = {known.get(ticker, ticker) for ticker in tickers}
    instruments = [InstrumentId(asset, "SIM") for asset in sorted(assets)]
    legend = Blinding(seed, instruments).legend()
    assert len(legend) == len(instruments)
    assert set(legend.values()) == {str(instrument) for instrument in instruments}


@given(SEEDS, INSTANTS, INSTANTS)
def test_blinding_moves_time_by_whole_days_and_back(seed: int, a: int, b: int) -> None:
    blind = Blinding(seed, [])
    assert blind.unclock(blind.clock(a)) == a
    assert (blind.clock(a) == blind.clock(b)) == (a == b)
    assert (blind.clock(a) < blind.clock(b)) == (a < b)
    assert (blind.clock(a) - a) % DAY == 0


@given(st.lists(st.text(max_size=20), min_size=2, max_size=20, unique=True))
def test_blinding_gives_every_source_a_code_of_its_own(sources: list[str]) -> None:
    assert len({BLIND.source(source) for source in sources}) == len(sources)


@given(TEXTS, INSTANTS)
def test_blinding_leaves_no_listed_name_in_a_text(text: str, as_of: int) -> None:
    told = f" {BLIND.text(text, as_of=as_of)} "
    for name in NAMES:
        if name in text and len(name) > 3:
            assert f" {name} " not in told, (name, told)


@given(TEXTS, INSTANTS)
def test_blinding_what_is_blinded_changes_nothing(text: str, as_of: int) -> None:
    once = BLIND.said(text, as_of=as_of)
    assert BLIND.said(once, as_of=as_of) == once


@given(st.text(max_size=200), INSTANTS)
def test_blinding_takes_any_text(text: str, as_of: int) -> None:
    BLIND.text(text, as_of=as_of, close=100.0)


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_blinding_keeps_figures_in_order(a: float, b: float) -> None:
    one, other = BLIND.value("count", a), BLIND.value("count", b)
    if abs(a) >= 1000 and abs(b) >= 1000:
        assert (one < other) == (a < b)
