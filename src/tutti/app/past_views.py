"""What the agents of an account said before it was taken up again, as its ledger has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.agents.outcome import opens_of_closes
from tutti.ledger.kinds import Segment, Started
from tutti.ledger.records import decode
from tutti.ledger.segments import load
from tutti.model.market import FloatArray, IntArray
from tutti.model.opinion import Views

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tutti.ledger.store import AnyArray, LedgerReader


class PastViews(NamedTuple):
    """Some ticks in a row.

    Parameters
    ----------
    ts : ndarray of int64, shape (t,)
        When each became known, ns UTC.
    opens : ndarray of float64, shape (t, N)
        The close before each bar, for its open is not kept; NaN where there was no bar.
    views : Views
        Arrays of shape (A, t, N); NaN where nothing was said.
    regime : ndarray of int64, shape (t, N)
        -1 where it was not known.
    """

    ts: IntArray
    opens: FloatArray
    views: Views
    regime: IntArray


def past_views(
    ledger: LedgerReader,
    names: Sequence[str],
    instruments: Sequence[str],
    *,
    after: int,
    last_seq: int,
) -> Iterator[PastViews]:
    """Yield what was said, segment by segment, of these agents and instruments.

    Parameters
    ----------
    names, instruments : sequence of str
        The A agents and N columns; those that were not there at a time said nothing then.
    after : int
        Ticks up to this one are left out, ns UTC.
    last_seq : int
        Rows behind this one are not read.

    Raises
    ------
    LedgerError
        If the ledger can't be read.
    """
    started: Started | None = None
    closes = np.full((1, len(instruments)), np.nan)
    for row in ledger.rows(kinds=["started", "segment"], before=last_seq + 1):
        if row.kind == "started":
            started = decode(row, Started)
            continue
        segment = decode(row, Segment)
        if started is None or segment.last_ts <= after:
            continue
        arrays = load(ledger, segment)
        if "bias_by_agent" not in arrays:  # nobody was on the panel
            continue
        ts = arrays["ts"].astype(np.int64)
        new = ts > after  # a restart may have written a tick twice
        after = segment.last_ts
        agents, columns = _places(started.agents, names), _places(started.instruments, instruments)
        here = np.full((int(new.sum()), len(instruments)), np.nan)
        _fill(here.T, arrays["close"][new].T, columns)
        closes = np.vstack([closes[-1:], here])
        opens = opens_of_closes(closes)[1:]
        closes = _last_known(closes)
        regime = np.full(here.shape, -1, np.int64)
        _fill(regime.T, arrays["regime"][new].T, columns)
        yield PastViews(
            ts[new],
            opens,
            Views(
                *(
                    _views(arrays[kept][new], agents, columns, opens.shape, len(names))
                    for kept in ("bias_by_agent", "confidence_by_agent")
                )
            ),
            regime,
        )


def _places(there: Sequence[str], wanted: Sequence[str]) -> list[tuple[int, int]]:
    # where each that is wanted stands among those that were there
    return [(there.index(name), k) for k, name in enumerate(wanted) if name in there]


def _fill(target: AnyArray, source: AnyArray, places: Sequence[tuple[int, int]]) -> None:
    for old, new in places:
        target[new] = source[old]


def _views(
    said: AnyArray,
    agents: Sequence[tuple[int, int]],
    columns: Sequence[tuple[int, int]],
    shape: tuple[int, ...],
    n_agents: int,
) -> FloatArray:
    # from (t, a, n) as kept to (A, t, N) as wanted
    found = np.full((n_agents, *shape), np.nan)
    for old, new in agents:
        _fill(found[new].T, said[:, old].T, columns)
    return found


def _last_known(closes: FloatArray) -> FloatArray:
    last = np.full((1, closes.shape[1]), np.nan)
    for i in range(closes.shape[1]):
        known = closes[np.isfinite(closes[:, i]), i]
        if len(known):
            last[0, i] = known[-1]
    return last
