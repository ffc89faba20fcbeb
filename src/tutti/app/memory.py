"""Memory filled from what a run decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.account_folder import kept_configuration
from tutti.app.remembering import situation
from tutti.app.studies.recorded_bars import bars_again
from tutti.kernel.clock import SECOND
from tutti.ledger.kinds import Decision
from tutti.ledger.records import decode
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.saved_shapes import read_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.adapters.stores.memory import SqliteMemory
    from tutti.ledger.kinds import Started
    from tutti.ledger.store import LedgerReader
    from tutti.ledger.trace import Trace
    from tutti.model.market import IntArray, MarketBlock, Situation


_ALL = 2**63 - 1


def remember_run(memory: SqliteMemory, folder: Path, *, horizon_s: float | None = None) -> int:
    """Keep what a run decided, with what the market did next; return how many situations that are.

    A decision whose outcome lies beyond the run's last bar is left out.

    Parameters
    ----------
    folder : Path
        Of a backtest or of a run on paper.
    horizon_s : float, optional
        Seconds after which the outcome counts; else what the run's configuration says.

    Raises
    ------
    ConfigError
        If the run's bars can't be had again.
    """
    with SqliteLedgerReader(folder) as ledger:
        seen = bars_again(folder, ledger)
        if seen.block is None:
            raise ConfigError(f"{folder}: its bars can't be had again, so no outcome: {seen.why}")
        if horizon_s is None:
            horizon_s = seen.config.memory.horizon_s if seen.config is not None else 86_400.0
        found = list(situations(ledger, seen.block, round(horizon_s * SECOND)))
    memory.remember_all(found)
    return len(found)


def kept_for(folder: Path, started: Started | None) -> tuple[Path, int] | None:
    """Return the file in which a run kept situations and how many it showed; None for none.

    Parameters
    ----------
    folder : Path
        Of the run.
    started : Started or None
        Of the session that is asked about.
    """
    path = folder / "run.json"
    if path.is_file():
        settings = read_run(path)["configuration"]
    else:
        settings = kept_configuration(folder, started.configuration if started else "") or {}
    memory = settings.get("memory")
    # other versions recorded other settings, and what is told here is only an aside
    file = memory.get("file") if isinstance(memory, dict) else None
    if not file or not isinstance(file, str):
        return None
    nearest = memory.get("nearest")
    return Path(file), max(nearest, 1) if isinstance(nearest, int) else 1


def recalled(memory: SqliteMemory, trace: Trace, count: int) -> tuple[Situation, ...]:
    """Return the past situations nearest to the decision that an order follows from.

    None of them has an outcome that was not known then. What a later run kept of the time before
    is among them: it is what memory has now, not what it had.
    """
    if trace.decision is None or trace.item is None:
        return ()
    features = {name: value for name, value in trace.item.features.items() if value is not None}
    about = InstrumentId.parse(trace.item.instrument)
    return memory.nearest(about, features, trace.decision.body.as_of, count)


def situations(ledger: LedgerReader, market: MarketBlock, horizon: int) -> Iterator[Situation]:
    """Yield what was decided, oldest first, with the return over ``horizon`` nanoseconds.

    The outcome is that of the first bar which was known ``horizon`` after the decision or later, and
    known when that bar was.
    """
    known_at = market.known_at
    columns = {instrument: i for i, instrument in enumerate(market.instruments)}
    rows = {instrument: np.flatnonzero(np.isfinite(market.close[:, i])) for instrument, i in
            columns.items()}  # fmt: skip
    for row in ledger.rows(kinds=("decision",)):
        decision = decode(row, Decision)
        for item in decision.items:
            instrument = InstrumentId.parse(item.instrument)
            if instrument not in columns:
                continue
            end = _first_known(known_at, rows[instrument], decision.as_of + horizon)
            if end is not None:
                close = float(market.close[end, columns[instrument]])
                yield situation(instrument, decision.as_of, item, close, int(known_at[end]))


def _first_known(known_at: IntArray, rows: IntArray, instant: int) -> int | None:
    place = int(np.searchsorted(known_at[rows], instant))
    return int(rows[place]) if place < len(rows) else None


def last_seen(memory: SqliteMemory, instrument: InstrumentId, as_of: int | None) -> Situation:
    """Return the newest situation seen at ``as_of`` or before; the newest of all where that is None.

    Raises
    ------
    ConfigError
        If there is none.
    """
    kept = memory.past.situations(instrument, _ALL)
    seen = [each for each in kept if as_of is None or each.as_of <= as_of]
    if not seen:
        raise ConfigError(f"nothing was seen of {instrument} by then; give --feature NAME=VALUE")
    return max(seen, key=_seen_at)


def _seen_at(situation: Situation) -> int:
    return situation.as_of
