"""What an operator wants traded, and what changes in that."""

from __future__ import annotations

import pytest

from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.universe.symbols import Symbol, SymbolList, SymbolsChange, compare

_BTC = Symbol(symbol="BTC-USDT", exchanges=("A", "B"))
_ETH = Symbol(symbol="ETH-USDT", exchanges=("A",))
_SOL = Symbol(symbol="SOL-USDT", exchanges=("A",), max_notional=500.0)


def _ids(*names: str) -> tuple[InstrumentId, ...]:
    return tuple(map(InstrumentId.parse, names))


def test_list_names_an_instrument_for_each_exchange_in_its_order() -> None:
    listed = SymbolList(symbols=(_BTC, _ETH))
    assert listed.ids == _ids("BTC-USDT.A", "BTC-USDT.B", "ETH-USDT.A")


def test_list_knows_what_is_leaving() -> None:
    listed = SymbolList(symbols=(_ETH,))
    assert listed.leaving(_ids("SOL-USDT.A", "ETH-USDT.A", "BTC-USDT.B")) == _ids(
        "BTC-USDT.B", "SOL-USDT.A"
    )


@pytest.mark.parametrize("symbols", [(), (_ETH, _ETH)])
def test_list_without_a_symbol_or_with_one_twice_is_refused(symbols: tuple[Symbol, ...]) -> None:
    with pytest.raises(ConfigError, match=r"no symbol is left|on the list twice"):
        SymbolList(symbols=symbols)


@pytest.mark.parametrize("exchanges", [(), ("A", "A")])
def test_symbol_at_no_exchange_or_at_one_twice_is_refused(exchanges: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"no exchange|named twice"):
        Symbol(symbol="BTC-USDT", exchanges=exchanges)


def test_change_names_what_comes_goes_and_stands_on_other_terms() -> None:
    old = SymbolList(symbols=(_BTC, _ETH))
    new = SymbolList(symbols=(_SOL, Symbol(symbol="BTC-USDT", exchanges=("B",))))
    change = compare(old, new)
    assert change == SymbolsChange(
        added=_ids("SOL-USDT.A"), removed=_ids("BTC-USDT.A", "ETH-USDT.A"), changed=("BTC-USDT",)
    )
    assert str(change) == ("added SOL-USDT.A; removed BTC-USDT.A, ETH-USDT.A; changed BTC-USDT")


def test_order_of_a_list_is_no_change() -> None:
    change = compare(SymbolList(symbols=(_BTC, _ETH)), SymbolList(symbols=(_ETH, _BTC)))
    assert not change
    assert str(change) == "nothing changed"
