"""Searches what a blinded run left behind for true names, tickers and dates.

Looked at are the calls of language models (what was asked, what came back, which instant it is said
to be about), what agents said on the ledger (rationale, reason, sources and what is quoted of them), and the logs. What trades
is left out: orders, fills and the columns of instruments name what they are about, and no model
sees them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.agents.llm.blinding.leaks import Leak, LeakFinder
from tutti.agents.llm.sight import asset_of
from tutti.app.logs import FILE as LOG
from tutti.ledger.kinds import Started
from tutti.ledger.records import decode
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

RECORDS = "llm.sqlite"
_SPOKEN = frozenset({"rationale", "reason", "sources", "quotes"})
_WALL = frozenset({"ts", "timestamp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLeak:
    """A leak and where it is: ``prompt``, ``answer``, ``record``, ``ledger`` or ``log``, and which."""

    where: str
    which: str
    leak: Leak


@dataclass(slots=True, kw_only=True)
class BlindingAudit:
    """What was looked at, by where, and every leak found in it."""

    looked_at: dict[str, int] = field(default_factory=dict)
    leaks: list[FoundLeak] = field(default_factory=list)
    records: str = ""

    @property
    def is_clean(self) -> bool:
        """True when something was looked at and no leak was found."""
        return not self.leaks


def audit(run: Path, records: Path | None = None) -> BlindingAudit:
    """Search a run's folder and the records of its language models.

    Parameters
    ----------
    records : Path, optional
        File of records; ``llm.sqlite`` of the run by default. Where it holds calls of other runs,
        those are searched that the run's opinions came from, and those about instants between them.

    Raises
    ------
    ConfigError
        If there are no records, or the run never began.
    LedgerError
        If the ledger or the records can't be read.
    """
    file = records or run / RECORDS
    done = BlindingAudit(records=str(file))
    with SqliteLedgerReader(run) as ledger:
        starts = [decode(row, Started) for row in ledger.rows(kinds=("started",))]
        instruments = [InstrumentId.parse(name) for start in starts for name in start.instruments]
        if not instruments:
            raise ConfigError(f"{run}: this run never began; name another")
        search = _Search(LeakFinder({asset_of(each) for each in instruments}), done)
        keys = search.ledger(ledger.rows(kinds=("opinion", "decision")))
        span = _span(ledger)
    if not file.is_file():
        raise ConfigError(f"{file}: no records of language models; name their file with --records")
    with SqliteCallRecords(file, read_only=True) as calls:
        search.records(calls, keys, span)
    for log in sorted((*run.glob(f"{LOG}*"), *run.glob("*.log"))):
        search.log(log)
    return done


class _Search:
    def __init__(self, finder: LeakFinder, done: BlindingAudit) -> None:
        self._finder = finder
        self._done = done
        self._seen: dict[str, list[Leak]] = {}

    def ledger(self, rows: Iterable[Any]) -> set[str]:
        keys: set[str] = set()
        for row in rows:
            body = json.loads(row.body)
            for text in _spoken(body):
                self._look("ledger", f"row {row.seq}", text)
            if row.kind == "opinion" and body.get("call"):
                keys.add(body["call"])
        return keys

    def records(
        self, calls: SqliteCallRecords, keys: set[str], span: tuple[int, int] | None
    ) -> None:
        outcomes = list(calls.outcomes())
        about = [found.as_of for found in outcomes if found.key in keys]
        between = (min(about), max(about)) if about else None
        asked: set[str] = set()
        for found in outcomes:
            is_ours = found.key in keys or between is None
            if not is_ours and not (between and between[0] <= found.as_of <= between[1]):
                continue
            which = f"call {found.key[:12]} of {found.agent}"
            self._look("answer", which, found.outcome.text)
            if span is not None and span[0] <= found.as_of <= span[1]:
                self._add("record", which, _date(found.as_of))
            if found.key not in asked and (call := calls.call(found.key)) is not None:
                asked.add(found.key)
                self._look("prompt", which, f"{call.system}\n{call.user}\n{call.schema}")
        self._done.looked_at.setdefault("prompt", 0)

    def log(self, path: Path) -> None:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                self._look("log", f"{path.name} line {number}", _without_wall(line))

    def _look(self, where: str, which: str, text: str) -> None:
        looked_at = self._done.looked_at
        looked_at[where] = looked_at.get(where, 0) + 1
        # the same words are said again and again
        if text not in self._seen:
            self._seen[text] = self._finder.find(text)
        for leak in self._seen[text]:
            self._add(where, which, leak)

    def _add(self, where: str, which: str, leak: Leak) -> None:
        self._done.leaks.append(FoundLeak(where=where, which=which, leak=leak))


def _spoken(body: Any) -> Iterator[str]:
    match body:
        case dict():
            for key, value in body.items():
                if key in _SPOKEN:
                    yield from _strings(value)
                elif key != "features":
                    yield from _spoken(value)
        case list():
            for value in body:
                yield from _spoken(value)
        case _:
            pass


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for part in value:
                yield from _strings(part)
        case _:
            pass


def _span(ledger: SqliteLedgerReader) -> tuple[int, int] | None:
    # of the run in true time
    first = next(iter(ledger.rows(kinds=("decision", "opinion", "segment"))), None)
    last = next(iter(ledger.rows(newest_first=True)), None)
    return None if first is None or last is None else (int(first.ts), int(last.ts))


def _date(as_of: int) -> Leak:
    return Leak(kind="date", found=str(as_of), around="the instant that the call is about")


def _without_wall(line: str) -> str:
    # when it was logged is the wall's time, and no secret
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict):
        return line
    return json.dumps({k: v for k, v in event.items() if k not in _WALL}, ensure_ascii=False)
