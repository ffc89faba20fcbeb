"""The file of symbols: read whole or refused whole, and made part of a configuration.

What a list of symbols means is written into the configuration that a session runs with, so the
ledger names it by its hash and a replay needs no other file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from tutti.app.config import override
from tutti.app.document import Document, read_document
from tutti.app.settings import DEFAULT_VENUE, Number, Section, about, refuse_twice
from tutti.app.validation import text_of, validated
from tutti.model.errors import ConfigError, TuttiError
from tutti.model.instrument import InstrumentId
from tutti.risk.caps import most_held
from tutti.universe.symbols import Symbol, SymbolList

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tutti.app.build import Plan
    from tutti.app.settings import AgentSettings, Config
    from tutti.model.market import FloatArray


def _exchange(text: str) -> str:
    InstrumentId("A", text)
    return text


def _symbol_name(text: str) -> str:
    if not text or any(each.isspace() for each in text):
        raise ValueError(f"{text!r} is no symbol; write for example BTC-USDT or BTC-USDT-PERP")
    return text


Exchange = Annotated[str, AfterValidator(_exchange)]


class SymbolLimits(Section):
    """Limits of one symbol, on top of those for all."""

    max_fraction: Number | None = Field(None, gt=0, examples=[0.05])
    max_notional: Number | None = Field(None, gt=0, examples=[500])


class SymbolEntry(Section):
    """One entry of the list."""

    symbol: Annotated[str, AfterValidator(_symbol_name)] = Field(examples=["BTC-USDT"])
    exchanges: tuple[Exchange, ...] = Field(examples=[["BINANCE"]])
    strategy: Literal["best_price", "equal_split", "priority", "liquidity"] = "priority"
    limits: SymbolLimits = SymbolLimits()
    agents: tuple[str, ...] | None = Field(None, examples=[["momentum_hunter"]])

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        # not a bound of the field: where an entry is wrong, pydantic counts none
        if not self.exchanges:
            raise about("exchanges", "must name an exchange; write for example [BINANCE]")
        refuse_twice(self.exchanges, key="exchanges")
        return self


class SymbolsSettings(Section):
    """The whole file."""

    on_removal: Literal["close", "keep"] = "close"
    symbols: tuple[SymbolEntry, ...] = Field(
        examples=["[{symbol: BTC-USDT, exchanges: [BINANCE]}]"]
    )

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if not self.symbols:
            raise about(
                "symbols", "must hold one symbol at least; to trade nothing, stop with tutti down"
            )
        refuse_twice([each.symbol for each in self.symbols], key="symbols")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolsFile:
    """A list of symbols, the lines that it was read from, and the SHA-256 of the text."""

    document: Document
    listed: SymbolList
    sha256: str

    def says_the_same_as(self, other: SymbolsFile) -> bool:
        """Tell whether both list the same symbols, for the same that are taken off."""
        return self.listed == other.listed

    def refuse_missing_agents(self, known: Sequence[str]) -> None:
        """Check that every agent that a symbol names is there.

        Raises
        ------
        ConfigError
            With file, line, key, and the names that there are.
        """
        for k, symbol in enumerate(self.listed.symbols):
            for j, agent in enumerate(symbol.agents or ()):
                if agent not in known:
                    raise ConfigError(
                        f"{self.document.where(('symbols', k, 'agents', j))}:"
                        f" symbols[{k}].agents[{j}] names {agent!r}, which is not in agents; there"
                        f" are {', '.join(known)}"
                    )

    def about(self, error: TuttiError) -> TuttiError:
        """Return an error with the line of the symbol that it is about in front, if it is of one."""
        message, name = str(error), self.document.name
        for k, symbol in enumerate(self.listed.symbols):
            if not message.startswith(name) and any(_names(message, each) for each in symbol.ids):
                place = self.document.where(("symbols", k, "exchanges"))
                return ConfigError(f"{place}: symbols[{k}]: {message}; correct it, or take it off")
        return error

    def refuse_small_caps(self, plan: Plan, prices: FloatArray, equity: float) -> None:
        """Check that what each symbol may hold is enough for its smallest order.

        Parameters
        ----------
        prices : ndarray of float64, shape (n,)
            Of the plan's columns; one that is NaN is not looked at.
        equity : float
            Quote currency.

        Raises
        ------
        ConfigError
            With file, line, key, and what to write instead.
        """
        columns = {each.id: i for i, each in enumerate(plan.instruments)}
        for k, symbol in enumerate(self.listed.symbols):
            first = columns[symbol.ids[0]]
            most = float(most_held(first, equity, plan.setup.rules.limits))
            for instrument in symbol.ids:
                i = columns[instrument]
                terms = plan.instruments[i]
                lots = max(float(terms.min_quantity), float(terms.quantity_step))
                least = max(float(terms.min_notional), lots * float(prices[i]))
                # false for NaN
                if most < least:
                    own = f"symbols[{k}].limits" if _is_own(symbol, most, equity) else "risk"
                    key = ("symbols", k, "limits" if own != "risk" else "symbol")
                    raise ConfigError(
                        f"{self.document.where(key)}: {own} allows {symbol.symbol} a position of"
                        f" {most:,.2f}, and the smallest order at {instrument.venue} is"
                        f" {least:,.2f}; raise the limit, or take the symbol off"
                    )


def symbols_path(config: Config) -> Path | None:
    """Return the file of symbols that a configuration names, None for none.

    Raises
    ------
    ConfigError
        If it names one for a market whose symbols can't change.
    """
    if not config.feed.symbols:
        return None
    if config.feed.kind == "replay":
        raise ConfigError(
            "feed.symbols: recorded bars have the symbols that they have; use a simulated or live "
            "market, or remove it"
        )
    return Path(config.feed.symbols).expanduser()


def load_symbols(path: Path, agents: Sequence[AgentSettings]) -> SymbolsFile:
    """Return what a file of symbols says.

    Parameters
    ----------
    agents : sequence of AgentSettings
        Those that it may name.

    Raises
    ------
    ConfigError
        If it can't be read or used; one line with file, line, key, and what to do.
    """
    missing = "make it with tutti symbols add, or leave out feed.symbols"
    return parse_symbols(text_of(path, missing), str(path), agents)


def parse_symbols(text: str, name: str, agents: Sequence[AgentSettings]) -> SymbolsFile:
    """Return what the text of a file of symbols says; see `load_symbols`.

    Raises
    ------
    ConfigError
        As `load_symbols`.
    """
    document = read_document(text, name)
    settings = validated(document, SymbolsSettings)
    listed = SymbolList(
        symbols=tuple(map(_symbol, settings.symbols)),
        closes_removed=settings.on_removal == "close",
    )
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    file = SymbolsFile(document=document, listed=listed, sha256=sha256)
    file.refuse_missing_agents([agent.name for agent in agents])
    return file


def with_symbols(
    config: Config, listed: SymbolList, leaving: Collection[InstrumentId] = ()
) -> Config:
    """Return ``config`` with what a list of symbols means: market, routes, limits, who speaks.

    Parameters
    ----------
    leaving : collection of InstrumentId
        What is still held and not on the list any more; in it nothing is opened.

    Raises
    ------
    ConfigError
        If a setting does not go together with the list.
    """
    ids = [str(each) for each in (*listed.ids, *leaving)]
    venues = {each.venue for each in (*listed.ids, *leaving)}
    market = "live" if config.feed.kind == "live" else "simulated"
    own: dict[str, Any] = {
        name: each.model_dump() for name, each in config.risk.instruments.items() if name in ids
    }
    routes: dict[str, Any] = {
        name: each.model_dump(mode="json")
        for name, each in config.routes.items()
        if {name, *each.instruments} <= set(ids)
    }
    for symbol in listed.symbols:
        first = str(symbol.ids[0])
        if symbol.max_fraction is not None or symbol.max_notional is not None:
            own[first] = {
                "max_fraction": symbol.max_fraction, "max_notional": symbol.max_notional,
            }  # fmt: skip
        if len(symbol.ids) > 1:
            routes[first] = {
                "strategy": symbol.strategy, "instruments": [str(each) for each in symbol.ids],
            }  # fmt: skip
    for each in leaving:
        own[str(each)] = {"leaving": "close" if listed.closes_removed else "keep"}
    return override(
        config,
        {
            f"feed.{market}.symbols": ids,
            "risk.instruments": own,
            "routes": routes,
            "agents": [_restricted(each, listed, leaving) for each in config.agents],
            "instruments": {
                name: each.model_dump(exclude_unset=True)
                for name, each in config.instruments.items()
                if name in ids
            },
            "venues": {
                name: each.model_dump(exclude_unset=True)
                for name, each in config.venues.items()
                if name in (*venues, DEFAULT_VENUE)
            },
        },
    )


def closing(config: Config) -> tuple[str, ...]:
    """Return the instruments whose positions are to be closed, because they were taken off."""
    return tuple(name for name, each in config.risk.instruments.items() if each.leaving == "close")


def last_closes(closes: FloatArray) -> FloatArray:
    """Return the last known close of each column, NaN for none; ``closes`` of shape (t, n)."""
    found: FloatArray = np.full(closes.shape[1], np.nan)
    for row in closes:
        np.copyto(found, row, where=np.isfinite(row))
    return found


def _names(message: str, instrument: InstrumentId) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(str(instrument))}(?!\w)", message) is not None


def _symbol(entry: SymbolEntry) -> Symbol:
    return Symbol(
        symbol=entry.symbol,
        exchanges=entry.exchanges,
        strategy=entry.strategy,
        max_fraction=entry.limits.max_fraction,
        max_notional=entry.limits.max_notional,
        agents=entry.agents,
    )


def _restricted(
    agent: AgentSettings, listed: SymbolList, leaving: Collection[InstrumentId]
) -> dict[str, Any]:
    given = agent.model_dump(exclude_unset=True)
    spoken = [
        str(each)
        for symbol in listed.symbols
        if symbol.agents is None or agent.name in symbol.agents
        for each in symbol.ids
    ]
    spoken += map(str, leaving)
    if agent.instruments is not None:
        return given | {"instruments": [each for each in spoken if each in agent.instruments]}
    if all(symbol.agents is None for symbol in listed.symbols):
        return given
    return given | {"instruments": spoken}


def _is_own(symbol: Symbol, most: float, equity: float) -> bool:
    limits = [symbol.max_notional]
    limits.append(None if symbol.max_fraction is None else symbol.max_fraction * equity)
    return any(each is not None and each <= most for each in limits)
