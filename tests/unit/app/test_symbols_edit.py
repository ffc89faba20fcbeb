"""Entries of a file of symbols are added and taken out, and every other line stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.app.settings import AgentSettings
from tutti.app.symbols import parse_symbols
from tutti.app.symbols_edit import with_symbol, without_symbol
from tutti.model.errors import ConfigError
from tutti.universe.symbols import Symbol

_AGENTS = (AgentSettings(name="vpin"),)
_SOL = Symbol(
    symbol="SOL-USDT", exchanges=("KRAKEN", "BINANCE"), max_notional=500, agents=("vpin",)
)

_TEXT = """\
# what we trade
on_removal: keep   # stays in care

symbols:
  # the big one
  - symbol: BTC-USDT
    exchanges: [BINANCE]   # only there
    limits:
      max_fraction: 0.05

  - symbol: ETH-USDT       # moves with it
    exchanges:
    - BINANCE
    - KRAKEN
# end
"""


def _with(text: str, symbol: Symbol = _SOL) -> str:
    return with_symbol(text, "symbols.yaml", symbol, _AGENTS)


def _without(text: str, symbol: str) -> str:
    return without_symbol(text, "symbols.yaml", symbol, _AGENTS)


def test_symbol_is_added_behind_the_last() -> None:
    added = """\
  - symbol: SOL-USDT
    exchanges: [KRAKEN, BINANCE]
    limits: {max_notional: 500}
    agents: [vpin]
"""
    assert _with(_TEXT) == _TEXT.replace("# end\n", f"{added}# end\n")


def test_symbol_is_taken_out_with_its_lines_only() -> None:
    lines = _TEXT.splitlines(keepends=True)
    assert _without(_TEXT, "BTC-USDT") == "".join(lines[:5] + lines[9:])
    assert _without(_TEXT, "ETH-USDT") == "".join(lines[:10] + lines[14:])


def test_added_and_taken_out_again_nothing_is_left_of_it() -> None:
    assert _without(_with(_TEXT), "SOL-USDT") == _TEXT


@pytest.mark.parametrize(
    "text", ["", "symbols:\n", "symbols: []\n", "on_removal: keep", "# nothing yet\nsymbols: []"]
)
def test_first_symbol_is_written_into_an_empty_file(text: str) -> None:
    listed = parse_symbols(_with(text), "symbols.yaml", _AGENTS).listed
    assert listed.symbols == (_SOL,)
    assert listed.closes_removed is ("keep" not in text)


def test_list_in_brackets_stays_one() -> None:
    text = "symbols: [{symbol: A-B, exchanges: [X]}, {symbol: C-D, exchanges: [X]},]  # short\n"
    edited = _with(text)
    assert edited.endswith("]  # short\n")
    assert _without(_without(edited, "A-B"), "SOL-USDT") == (
        "symbols: [{symbol: C-D, exchanges: [X]}]  # short\n"
    )


@pytest.mark.parametrize(
    ("text", "symbol", "why"),
    [
        (_TEXT, "SOL-USDT", r"SOL-USDT is not listed; there are BTC-USDT, ETH-USDT"),
        ("symbols: [{symbol: A, exchanges: [X]}]", "A", "no symbol is left"),
        ("symbols: [", "A", r"symbols\.yaml:1: not valid YAML"),
        ("- A", "A", "must hold keys"),
        ("", "A", "symbols is missing"),
    ],
)
def test_symbol_that_can_not_be_taken_out_is_told_why(text: str, symbol: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        _without(text, symbol)


@pytest.mark.parametrize(
    ("text", "symbol", "why"),
    [
        (_with(_TEXT), _SOL, "SOL-USDT is listed already"),
        ("symbols: [", _SOL, "not valid YAML"),
        ("- A", _SOL, "must hold keys"),
        (_TEXT, Symbol(symbol="X", exchanges=("A.B",)), r"symbols\[2\]\.exchanges\[0\] is wrong"),
        (_TEXT, Symbol(symbol="X", exchanges=("A",), agents=("who",)), "names 'who'"),
        (_TEXT, Symbol(symbol="X", exchanges=("A",), strategy="luck"), "must be one of"),
        (_TEXT, Symbol(symbol="[X", exchanges=("A",)), "not valid YAML"),
        (_TEXT, Symbol(symbol="X #", exchanges=("A",)), "edit it by hand"),
    ],
)
def test_symbol_that_can_not_be_added_is_told_why(text: str, symbol: Symbol, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        _with(text, symbol)


_NAMES = st.from_regex(r"[A-Z]{1,4}-[A-Z]{3}", fullmatch=True)
_SYMBOLS = st.builds(
    Symbol,
    symbol=_NAMES,
    exchanges=st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, unique=True).map(tuple),
    strategy=st.sampled_from(["priority", "liquidity"]),
    max_fraction=st.one_of(st.none(), st.sampled_from([0.05, 1.5])),
    agents=st.sampled_from([None, ("vpin",)]),
)


@given(
    st.lists(_SYMBOLS, min_size=1, max_size=5, unique_by=lambda each: each.symbol),
    st.data(),
    st.sampled_from(["", "# a comment\n", "on_removal: keep\n", "\n\nsymbols:\n# none\n"]),
)
def test_edits_give_what_was_asked_for_and_keep_comments(
    symbols: list[Symbol], data: st.DataObject, text: str
) -> None:
    comments = [line for line in text.splitlines() if line.startswith("#")]
    for each in symbols:
        text = _with(text, each)
    assert parse_symbols(text, "", _AGENTS).listed.symbols == tuple(symbols)
    while len(symbols) > 1:
        gone = data.draw(st.sampled_from(symbols))
        symbols.remove(gone)
        text = _without(text, gone.symbol)
        assert parse_symbols(text, "", _AGENTS).listed.symbols == tuple(symbols)
    assert [line for line in text.splitlines() if line.startswith("#")] == comments
