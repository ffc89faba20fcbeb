"""Fills the memory while an account trades: what was decided, once it is known what came of it."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tutti.adapters.stores.memory import SqliteMemory
from tutti.ledger.kinds import Decision, DecisionItem
from tutti.ledger.records import decode
from tutti.model.instrument import InstrumentId
from tutti.model.market import Situation

if TYPE_CHECKING:
    from tutti.app.settings import Config
    from tutti.app.wires import Decided
    from tutti.ledger.store import LedgerReader
    from tutti.model.market import MarketBlock


def open_memory(config: Config) -> SqliteMemory | None:
    """Return the memory that the configuration names; None where it names none.

    Raises
    ------
    ConfigError, DataError
        If the file can't be used.
    """
    return SqliteMemory(Path(config.memory.file)) if config.memory.file else None


def situation(
    instrument: InstrumentId, as_of: int, item: DecisionItem, close: float, known_at: int
) -> Situation:
    """Return what was decided of an instrument, and what had come of it at ``known_at`` (ns UTC)."""
    context = item.context
    return Situation(
        instrument=instrument,
        as_of=as_of,
        features={
            name: math.nan if value is None else value for name, value in item.features.items()
        },
        bias=None if context is None else context.bias,
        confidence=None if context is None else context.confidence,
        decision=f"{item.reason} {item.weight:+.4f}",
        outcome=math.log(close / item.close),
        known_at=known_at,
    )


class _Open(NamedTuple):
    instrument: InstrumentId
    as_of: int
    item: DecisionItem


class Remembering:
    """Keeps each decision until its outcome is known, and then hands both to the memory.

    Parameters
    ----------
    memory : SqliteMemory
    horizon : int
        After which the outcome counts, ns.
    """

    def __init__(self, memory: SqliteMemory, horizon: int) -> None:
        self._memory = memory
        self._horizon = horizon
        self._open: deque[_Open] = deque()

    def __len__(self) -> int:
        """Return how many outcomes are not known yet."""
        return len(self._open)

    def resume(self, ledger: LedgerReader, last_ts: int) -> None:
        """Take up what an earlier process decided and did not live to see the outcome of."""
        found: deque[_Open] = deque()
        for row in ledger.rows(kinds=("decision",), newest_first=True):
            if row.ts + self._horizon <= last_ts:
                break
            found.extendleft(reversed(_items(decode(row, Decision))))
        self._open = found

    def decided(self, event: Decided) -> None:
        """Keep what was decided."""
        self._open.extend(_items(event.decision))

    def passed(self, tick: MarketBlock) -> None:
        """Remember what a tick shows the outcome of; what has no bar in it waits for its next."""
        now, known, waits = int(tick.known_at[-1]), [], deque[_Open]()
        closes = dict(zip(tick.instruments, tick.close[-1].tolist(), strict=True))
        while self._open and self._open[0].as_of + self._horizon <= now:
            each = self._open.popleft()
            # of what trades no more nothing will be known
            close = closes.get(each.instrument)
            if close is None:
                continue
            if math.isnan(close):
                waits.append(each)
                continue
            known.append(situation(each.instrument, each.as_of, each.item, close, now))
        self._open.extendleft(reversed(waits))
        if known:
            self._memory.remember_all(known)


def _items(decision: Decision) -> list[_Open]:
    return [
        _Open(InstrumentId.parse(item.instrument), decision.as_of, item) for item in decision.items
    ]
