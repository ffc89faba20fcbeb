"""What agents said and what the market did next, from a run's ledger or by asking them anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.agents.aggregation import Aggregation
from tutti.agents.outcome import opens_of_closes
from tutti.app.account_folder import kept_weights
from tutti.app.backtest import terms_overrides
from tutti.app.build import analysis_of, plan_of
from tutti.app.config import Config
from tutti.app.opinions import opinions_over
from tutti.app.studies.recorded_bars import bars_again
from tutti.conductor.weights import regime_weights
from tutti.kernel.clock import MINUTE, SECOND
from tutti.ledger.kinds import Segment, Started, Told
from tutti.ledger.records import decode
from tutti.ledger.segments import load
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, IntArray
from tutti.model.opinion import Abstention, Opinion, Regime, Views
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from tutti.app.model_use import ModelUse
    from tutti.ledger.store import AnyArray
    from tutti.model.market import MarketBlock

_ANALYSED = 65_536
_BPS = 1e-4
_UNKNOWN_COST = 0.0006


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OpinionRecord:
    """What each agent of a panel said at each tick.

    Parameters
    ----------
    names : tuple of str
        The A agents.
    ts : ndarray of int64, shape (t,)
        When each tick's bars became known, ns UTC, rising.
    step : int
        Length of a bar, ns.
    views : Views
        As they were said, not corrected: arrays of shape (A, t, n).
    fresh : ndarray of bool, shape (A, t, n)
        True where the opinion was given at that tick, not where an earlier one goes on fading.
    regime : ndarray of int64, shape (t, n)
    opens : ndarray of float64, shape (t, n)
        First price of each bar.
    weights, current : ndarray of float64, shape (A,)
        As the run began with, by which opinions are pooled here, and as they are now.
    regime_weights : ndarray of float64, shape (5, A)
    active : ndarray of int64, shape (A, n)
    cost : ndarray of float64, shape (n,)
        Fee of a taker and half the spread, a fraction of the notional.
    config : Config
        The defaults where the run's was not kept.
    stated : dict of str to int
        The median horizon of the opinions of an awaited agent that said one, ns.
    since : int
        When the newest session began, with the weights that are in force, ns UTC; 0 for no run.
    """

    names: tuple[str, ...]
    instruments: tuple[InstrumentId, ...]
    ts: IntArray
    step: int
    views: Views
    fresh: NDArray[np.bool_]
    regime: IntArray
    opens: FloatArray
    weights: FloatArray
    current: FloatArray
    regime_weights: FloatArray
    active: IntArray
    method: Aggregation
    cost: FloatArray
    config: Config
    stated: dict[str, int]
    since: int = 0

    def horizon(self, name: str, default: int = 1) -> int:
        """Return over how many bars an agent's opinions are judged, at least 1.

        What is configured, else what the agent says of most of its opinions, else ``default``.
        """
        for each in self.config.agents:
            if each.name == name and each.horizon_s > 0.0:
                return max(1, round(each.horizon_s * SECOND / self.step))
        said = self.stated.get(name, 0)
        return max(1, round(said / self.step)) if said else default


def record_of_bars(
    config: Config,
    block: MarketBlock,
    use: ModelUse | None = None,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> OpinionRecord:
    """Return what the configured agents say about bars.

    Parameters
    ----------
    use : ModelUse, optional
        How language models may be asked; see `tutti.app.opinions.opinions_over`.

    Raises
    ------
    ConfigError
        If there are no agents, or one can't be asked.
    GateClosed
        If it would cost more than was agreed to.
    """
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    plan = plan_of(config, universe.instruments, block.step)
    opinions = opinions_over(config, plan, block, use, progress)
    analysis = analysis_of(config, universe.instruments, late=opinions)
    if not analysis.agent_names:
        raise ConfigError("agents: there are none, so there is nothing to report on")
    length = max(1, _ANALYSED // len(block.instruments))
    parts = [
        analysis.advance(block.rows(begin, min(begin + length, len(block))))
        for begin in range(0, len(block), length)
    ]
    views = Views(
        np.concatenate([part.views.bias for part in parts], axis=1),
        np.concatenate([part.views.confidence for part in parts], axis=1),
    )
    how = analysis.weighting
    given = _Given(
        (heard.ts, heard.answer) for heard in (() if opinions is None else opinions.answers)
    )
    return OpinionRecord(
        names=analysis.agent_names,
        instruments=block.instruments,
        ts=block.known_at,
        step=block.step,
        views=views,
        fresh=given.only(
            fresh_of(views, _paced(config, analysis.agent_names)),
            analysis.agent_names, block.known_at, block.instruments,
        ),
        regime=np.concatenate([part.regime.code for part in parts]),
        opens=block.open,
        weights=how.weights,
        current=how.weights,
        regime_weights=how.regime_weights,
        active=how.active,
        method=how.method,
        cost=plan.setup.terms.taker_fee + plan.setup.costs.half_spread_bps * _BPS,
        config=config,
        stated=given.horizons(),
    )  # fmt: skip


def record_of_run(folder: Path) -> OpinionRecord:
    """Return what was said in a run, as its ledger has it.

    Raises
    ------
    ConfigError
        If the ledger holds no opinions.
    LedgerError
        If it can't be read.
    """
    with SqliteLedgerReader(folder) as ledger:
        again = bars_again(folder, ledger)
        kept = _Kept()
        for row in ledger.rows(kinds=["started", "segment"]):
            if row.kind == "started":
                kept.start(row.ts, decode(row, Started))
            else:
                kept.take(load(ledger, decode(row, Segment)))
        given = _Given((row.ts, decode(row, Told).answer) for row in ledger.rows(kinds=["opinion"]))
    if not kept.parts:
        raise ConfigError(
            f"{folder}: no opinions on its ledger; let it run for longer, or set "
            "ledger.keep_opinions: true"
        )
    config = again.config or Config()
    views, regime, closes, ts = kept.whole()
    opens = opens_of_closes(closes)
    if again.block is not None:
        opens = _opens(again.block, ts, kept.instruments, opens)
    weights = {each.name: each.weight for each in config.agents}
    names = tuple(kept.names)
    ids = tuple(map(InstrumentId.parse, kept.instruments))
    return OpinionRecord(
        names=names,
        instruments=ids,
        ts=ts,
        step=again.block.step if again.block is not None else kept.step or _step(ts),
        views=views,
        fresh=given.only(fresh_of(views, _paced(config, names)), names, ts, ids),
        regime=regime,
        opens=opens,
        weights=np.array([weights.get(name, 1.0) for name in names]),
        current=np.array([kept.weights(folder).get(n, weights.get(n, 1.0)) for n in names]),
        regime_weights=regime_weights(
            names, {Regime[name]: table for name, table in config.conductor.weights.items()}
        ),
        active=np.ones((len(names), len(ids)), np.int64),
        method=Aggregation[config.aggregation.method.upper()],
        cost=_costs(config, again.block, ids),
        config=config,
        stated=given.horizons(),
        since=kept.since,
    )


class _Given:
    """Opinions of awaited agents, one by one, and the ticks from which on they count."""

    def __init__(self, answers: Iterable[tuple[int, Opinion | Abstention]]) -> None:
        self._cells: dict[str, list[tuple[int, InstrumentId]]] = {}
        self._horizons: dict[str, list[int]] = {}
        for ts, answer in answers:
            # an abstention is no opinion, but says that the agent is one of those
            cells = self._cells.setdefault(answer.agent, [])
            if isinstance(answer, Opinion):
                cells.append((ts, answer.instrument))
                self._horizons.setdefault(answer.agent, []).append(answer.horizon)

    def only(
        self,
        fresh: NDArray[np.bool_],
        names: Sequence[str],
        ts: IntArray,
        instruments: Sequence[InstrumentId],
    ) -> NDArray[np.bool_]:
        """Return where opinions were given: of an awaited agent where it is on record."""
        rows = {each: t for t, each in enumerate(ts.tolist())}
        columns = {each: i for i, each in enumerate(instruments)}
        for a, name in enumerate(names):
            if name not in self._cells:
                continue
            given = np.zeros(fresh.shape[1:], bool)
            for at, instrument in self._cells[name]:
                if at in rows and instrument in columns:
                    given[rows[at], columns[instrument]] = True
            fresh[a] &= given
        return fresh

    def horizons(self) -> dict[str, int]:
        """Return the median horizon of each agent, ns; 0 where most opinions have none."""
        return {name: int(np.median(each)) for name, each in self._horizons.items()}


class _Kept:
    """Segments of a ledger, put together; agents and instruments may change between them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.instruments: list[str] = []
        self.parts: list[tuple[Sequence[int], Sequence[int], Mapping[str, AnyArray]]] = []
        self.step = self.since = 0
        self._rows: Sequence[int] = ()
        self._columns: Sequence[int] = ()
        self._configuration = ""

    def weights(self, folder: Path) -> dict[str, float]:
        """Return the weights of the newest session, as far as its configuration was kept."""
        return kept_weights(folder, self._configuration)

    def start(self, ts: int, started: Started) -> None:
        self.since = ts
        self.step = started.step or self.step
        self._configuration = started.configuration
        self._rows = _places(self.names, started.agents)
        self._columns = _places(self.instruments, started.instruments)

    def take(self, arrays: Mapping[str, AnyArray]) -> None:
        if "bias_by_agent" in arrays:
            self.parts.append((self._rows, self._columns, arrays))

    def whole(self) -> tuple[Views, IntArray, FloatArray, IntArray]:
        """Return views, regimes, closes and instants, of all agents and instruments ever there."""
        ts = np.concatenate([arrays["ts"] for *_, arrays in self.parts])
        n, a = len(self.instruments), len(self.names)
        views = Views(np.full((a, len(ts), n), np.nan), np.full((a, len(ts), n), np.nan))
        regime, closes = np.full((len(ts), n), -1, np.int64), np.full((len(ts), n), np.nan)
        begin = 0
        for rows, columns, arrays in self.parts:
            here = slice(begin, begin + len(arrays["ts"]))
            for k, row in enumerate(rows):
                views.bias[row, here, columns] = arrays["bias_by_agent"][:, k, :].T
                views.confidence[row, here, columns] = arrays["confidence_by_agent"][:, k, :].T
            regime[here, columns] = arrays["regime"]
            closes[here, columns] = arrays["close"]
            begin = here.stop
        order = np.argsort(ts, kind="stable")
        # a restart may have written a tick twice: the last one stands
        last = np.append(np.diff(ts[order]) > 0, True)
        keep = order[last]
        return (
            Views(views.bias[:, keep], views.confidence[:, keep]),
            regime[keep],
            closes[keep],
            ts[keep],
        )


def _places(known: list[str], names: Iterable[str]) -> list[int]:
    found = []
    for name in names:
        if name not in known:
            known.append(name)
        found.append(known.index(name))
    return found


def _opens(
    block: MarketBlock, ts: IntArray, instruments: Sequence[str], closes: FloatArray
) -> FloatArray:
    # where a bar is found again, its own open; else the close before it
    opens = closes.copy()
    rows = np.searchsorted(block.known_at, ts)
    found = rows < len(block)
    found[found] = block.known_at[rows[found]] == ts[found]
    for i, name in enumerate(instruments):
        columns = [k for k, each in enumerate(block.instruments) if str(each) == name]
        if columns:
            opens[found, i] = block.open[rows[found], columns[0]]
    return opens


def _step(ts: IntArray) -> int:
    # not all ledgers say how long a bar was: nearly all ticks are a bar apart
    return int(np.median(np.diff(ts))) if len(ts) > 1 else MINUTE


def _paced(config: Config, names: Sequence[str]) -> tuple[bool, ...]:
    # who has a cadence or a time to live speaks less often than its opinion is heard
    paced = {each.name for each in config.agents if each.cadence_s > 0 or each.time_to_live_s > 0}
    return tuple(name in paced for name in names)


def fresh_of(views: Views, paced: Sequence[bool]) -> NDArray[np.bool_]:
    """Return where opinions were given, bool (A, t, n): not where one of ``paced`` agents fades on."""
    fresh = np.isfinite(views.bias) & np.isfinite(views.confidence)
    for a in np.flatnonzero(paced).tolist():
        bias, confidence = views.bias[a], views.confidence[a]
        # one that fades keeps its side and loses confidence at every tick
        fades = (bias[1:] == bias[:-1]) & (confidence[1:] < confidence[:-1])
        fresh[a, 1:] &= ~fades
    return fresh


def _costs(config: Config, block: MarketBlock | None, ids: Sequence[InstrumentId]) -> FloatArray:
    if block is None:
        return np.full(len(ids), _UNKNOWN_COST)
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    plan = plan_of(config, universe.instruments, block.step)
    each = plan.setup.terms.taker_fee + plan.setup.costs.half_spread_bps * _BPS
    known = {str(one.id): float(cost) for one, cost in zip(plan.instruments, each, strict=True)}
    return np.array([known.get(str(one), _UNKNOWN_COST) for one in ids])
