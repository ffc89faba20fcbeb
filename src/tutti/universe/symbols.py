"""What an operator wants traded: symbols, each at one exchange or several, and what changes in that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One symbol to trade.

    Parameters
    ----------
    symbol : str
        Such as ``BTC-USDT-PERP``.
    exchanges : tuple of str
        Where, in the order of preference; orders are split over more than one.
    strategy : str
        How they are split: see `tutti.execution.router.split.Strategy`.
    max_fraction : float or None
        Largest exposure, multiple of equity; None for no limit of its own.
    max_notional : float or None
        Largest position, quote currency; None for no limit of its own.
    agents : tuple of str or None
        Those that may speak on it; None for all.

    Raises
    ------
    ConfigError
        If there is no exchange, or one twice.
    """

    symbol: str
    exchanges: tuple[str, ...]
    strategy: str = "priority"
    max_fraction: float | None = None
    max_notional: float | None = None
    agents: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.exchanges:
            raise ConfigError(f"{self.symbol}: no exchange to trade it at; name at least one")
        for k, name in enumerate(self.exchanges):
            if name in self.exchanges[:k]:
                raise ConfigError(f"{self.symbol}: {name} is named twice; name it once")

    @property
    def ids(self) -> tuple[InstrumentId, ...]:
        """Its instruments, one an exchange; decisions are made on the first."""
        return tuple(InstrumentId(self.symbol, each) for each in self.exchanges)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolList:
    """Everything that is to be traded.

    Parameters
    ----------
    symbols : tuple of Symbol
        In the order of the columns.
    closes_removed : bool
        Close the position of a symbol that is taken off the list; else it stays in care until it
        is flat. Nothing is opened in it either way.

    Raises
    ------
    ConfigError
        If there is none, or an instrument twice.
    """

    symbols: tuple[Symbol, ...]
    closes_removed: bool = True

    def __post_init__(self) -> None:
        if not self.symbols:
            raise ConfigError("no symbol is left to trade; keep one, or stop with tutti down")
        seen: set[InstrumentId] = set()
        for each in self.ids:
            if each in seen:
                raise ConfigError(f"{each} is on the list twice; name it once")
            seen.add(each)

    @property
    def ids(self) -> tuple[InstrumentId, ...]:
        """The instruments, in order."""
        return tuple(each for symbol in self.symbols for each in symbol.ids)

    def leaving(self, busy: Collection[InstrumentId]) -> tuple[InstrumentId, ...]:
        """Return those of ``busy`` (held, or with an order at work) that are not on the list."""
        listed = set(self.ids)
        return tuple(sorted(each for each in busy if each not in listed))


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolsChange:
    """What a new list does to the old: instruments that come and go, symbols on other terms."""

    added: tuple[InstrumentId, ...] = ()
    removed: tuple[InstrumentId, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        parts = [
            f"{what} {', '.join(map(str, which))}"
            for what, which in (
                ("added", self.added), ("removed", self.removed), ("changed", self.changed),
            )
            if which
        ]  # fmt: skip
        return "; ".join(parts) or "nothing changed"


def compare(old: SymbolList, new: SymbolList) -> SymbolsChange:
    """Return what changes when ``new`` replaces ``old``; the order of the list is no change."""
    before, after = set(old.ids), set(new.ids)
    terms = {each.symbol: each for each in old.symbols}
    return SymbolsChange(
        added=tuple(each for each in new.ids if each not in before),
        removed=tuple(each for each in old.ids if each not in after),
        changed=tuple(
            each.symbol
            for each in new.symbols
            if each.symbol in terms and each != terms[each.symbol]
        ),
    )
