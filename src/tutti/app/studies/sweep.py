"""Many configurations on the same bars, on the fast tier, each of them counted as a trial."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.app.backtest import Source, run_name, terms_overrides
from tutti.app.config import Config, override, resolved
from tutti.app.opinions import opinions_over
from tutti.app.studies.fan_out import cut, fan_out
from tutti.app.studies.strategy import Strategy, ticks_at_once
from tutti.app.trials import admit, summary_of, trial_of
from tutti.ledger.trials import Trial
from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray
from tutti.sandbox.honesty import Honesty, TrialSummary, honest_statistics
from tutti.sandbox.sweep import Setting
from tutti.stats.account import daily_returns
from tutti.stats.selection import effective_trials, sharpe_spread
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tutti.agents.timeline import OpinionTimeline
    from tutti.ledger.trials import TrialRegister
    from tutti.model.arrays import Signals
    from tutti.model.instrument import Instrument

    Progress = Callable[[int, int, str], None]

OBJECTIVES = ("sharpe", "total_return", "calmar")
"""What combinations are ranked by; the highest is best."""

_BATCH = 100

# what signals depend on; the rest of a configuration acts on them afterwards
_ANALYSED = ("agents", "aggregation", "conductor", "panel", "llm", "text", "memory")
# what awaited agents say depends on; features that others need are shown to them, too
_ASKED = ("agents", "conductor", "panel", "llm", "text", "memory", "seed")
_SHOWN = ("name", "fast", "slow", "pairs", "params")
_DECIDED_LATER = (
    "entry_threshold", "exit_threshold", "exit_on_neutral", "rebalance_band", "max_positions",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One combination and what came of it.

    Parameters
    ----------
    settings : dict
        Value by dotted key.
    sharpe : float
        Of a year; NaN where it never traded.
    trial : Trial
        As the register keeps it.
    gains : ndarray of float64
        Returns that the ratio is made of; see ``stats.account.daily_returns``.
    """

    settings: dict[str, Setting]
    sharpe: float
    total_return: float
    max_drawdown: float
    fees: float
    n_fills: int
    final_equity: float
    gains: FloatArray
    trial: Trial

    @property
    def calmar(self) -> float:
        """Return of the span over its deepest fall; NaN without one."""
        return self.total_return / self.max_drawdown if self.max_drawdown > 0.0 else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; what is undefined is None."""
        figures = {
            name: getattr(self, name)
            for name in ("sharpe", "total_return", "max_drawdown", "calmar", "fees", "n_fills",
                         "final_equity")
        }  # fmt: skip
        return {
            "settings": self.settings,
            **{key: value if math.isfinite(value) else None for key, value in figures.items()},
            "configuration": self.trial.configuration,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What a grid came to, best first.

    Parameters
    ----------
    n_invalid : int
        Combinations that no configuration allows, such as a fast mean slower than the slow one.
    honest : Honesty
        What the best of them proves after all the others.
    """

    objective: str
    tried: tuple[Tried, ...]
    n_invalid: int
    invalid: str
    honest: Honesty
    symbol_bars: int
    seconds: float

    def to_dict(self, top: int) -> dict[str, Any]:
        """Return JSON values, with the ``top`` best combinations."""
        return {
            "objective": self.objective,
            "n_tried": len(self.tried),
            "n_invalid": self.n_invalid,
            "invalid": self.invalid,
            "best": self.tried[0].to_dict(),
            "top": [each.to_dict() for each in self.tried[:top]],
            "honest": self.honest.to_dict(),
            "symbol_bars": self.symbol_bars,
            "seconds": self.seconds,
            "symbol_bars_per_second": self.symbol_bars / self.seconds,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    config: Config
    source: Source
    numbers: range
    changes: tuple[dict[str, Setting], ...]


def run_sweep(  # noqa: PLR0913 - what is tried on what, and with what means
    config: Config,
    source: Source,
    changes: Sequence[dict[str, Setting]],
    objective: str,
    progress: Progress,
    *,
    register: TrialRegister | None = None,
    workers: int = 0,
    cluster: str = "",
) -> Sweep:
    """Run every combination over the bars, register it as a trial, and rank them.

    Parameters
    ----------
    changes : sequence of dict
        Values by dotted key, over ``config``; see ``sandbox.sweep``.
    objective : str
        One of ``OBJECTIVES``.
    register : TrialRegister, optional
        Where trials are counted.
    workers, cluster
        See ``fan_out``.

    Raises
    ------
    ConfigError
        If no combination can be run.
    GateClosed
        If the bars reach into a sealed period.
    """
    if objective not in OBJECTIVES:
        raise ConfigError(f"--objective must be one of {', '.join(OBJECTIVES)}, was {objective!r}")
    began = time.perf_counter()
    valid, refused = _valid(config, changes)
    if not valid:
        raise ConfigError(f"no combination of the grid can be run; the first: {refused[0]}")
    _admit(register, config, source, valid)
    parts = [
        _Work(
            config=config,
            source=source,
            numbers=numbers,
            changes=tuple(valid[number] for number in numbers),
        )
        for numbers in cut(len(valid), workers, _BATCH)
    ]
    found: dict[int, list[Tried]] = {}
    progress(0, len(valid), "combinations")
    for first, tried in fan_out(_try_all, parts, workers=workers, cluster=cluster):
        found[first] = tried
        progress(sum(map(len, found.values())), len(valid), "combinations")
    in_order = [each for first in sorted(found) for each in found[first]]
    if register is not None:
        register.record([each.trial for each in in_order])
    seconds = time.perf_counter() - began
    ranked = sorted(in_order, key=lambda each: _rank(each, objective))
    return Sweep(
        objective=objective,
        tried=tuple(ranked),
        n_invalid=len(refused),
        invalid=refused[0] if refused else "",
        honest=_honest(ranked[0], in_order, register),
        symbol_bars=int(np.isfinite(source.block.close).sum()) * len(in_order),
        seconds=seconds,
    )


def _valid(
    config: Config, changes: Sequence[dict[str, Setting]]
) -> tuple[list[dict[str, Setting]], list[str]]:
    valid, refused = [], []
    for each in changes:
        try:
            override(config, each)
        except ConfigError as error:
            refused.append(str(error).removeprefix("command line: "))
        else:
            valid.append(each)
    return valid, refused


def _admit(
    register: TrialRegister | None,
    config: Config,
    source: Source,
    changes: Sequence[dict[str, Setting]],
) -> None:
    if register is None or not register.seals():
        return
    for each in changes:
        changed = override(config, each)
        admit(register, changed, source.block, source.files, run_name(changed, source))


def _try_all(work: _Work) -> tuple[int, list[Tried]]:
    desk = _Desk(work.source)
    return work.numbers[0], [desk.attempt(work.config, changes) for changes in work.changes]


class _Desk:
    """Tries one configuration after the other; keeps the signals while they are still the same."""

    def __init__(self, source: Source) -> None:
        self._source = source
        block = source.block
        length = ticks_at_once(len(block.instruments))
        self._chunks = [
            block.rows(start, min(start + length, len(block)))
            for start in range(0, len(block), length)
        ]
        self._overrides: dict[str, dict[str, object]] | None = None
        self._terms: tuple[Instrument, ...] = ()
        self._key: object = None
        self._asked: object = None
        self._opinions: OpinionTimeline | None = None
        self._signals: list[Signals] = []

    def attempt(self, config: Config, changes: dict[str, Setting]) -> Tried:
        block = self._source.block
        changed = override(config, changes)
        strategy = Strategy(changed, block, self._terms_under(changed), hears=True)
        if strategy.awaited:
            strategy.hear(self._opinions_of(strategy))
        tier = strategy.tier(int(block.ts[0]), len(block))
        signals = self._signals_of(strategy)
        played = strategy.play(self._chunks, tier, lambda _: next(signals))
        equity = played.found.trace.equity
        trial = trial_of(
            changed,
            block,
            self._source.files,
            equity,
            run_id=run_name(changed, self._source),
            kind="sweep",
        )
        return Tried(
            settings=changes,
            sharpe=trial.sharpe * math.sqrt(trial.periods_per_year),
            total_return=float(equity[-1] / strategy.balance - 1.0),
            max_drawdown=trial.max_drawdown,
            fees=played.fees,
            n_fills=len(played.found.fills.whole),
            final_equity=float(equity[-1]),
            gains=daily_returns(block.known_at, equity, block.step)[0],
            trial=trial,
        )

    def _opinions_of(self, strategy: Strategy) -> OpinionTimeline | None:
        # nobody is asked here: what is on record counts
        values = resolved(strategy.config)
        key = [values[name] for name in _ASKED] + [values["policy"][name] for name in _SHOWN]
        if key != self._asked:
            self._asked = key
            self._opinions = opinions_over(strategy.config, strategy.plan, self._source.block)
        return self._opinions

    def _terms_under(self, config: Config) -> tuple[Instrument, ...]:
        block = self._source.block
        overrides = terms_overrides(config, block.instruments)
        if overrides != self._overrides:
            self._terms = Universe.of_block(block, overrides).instruments
            self._overrides = overrides
        return self._terms

    def _signals_of(self, strategy: Strategy) -> Iterator[Signals]:
        key = _analysed(strategy.config)
        if key != self._key:
            analysis = strategy.analysis()
            self._signals = [analysis.advance(chunk).signals for chunk in self._chunks]
            self._key = key
        return iter(self._signals)


def _analysed(config: Config) -> object:
    values = resolved(config)
    policy = {key: value for key, value in values["policy"].items() if key not in _DECIDED_LATER}
    return [values[name] for name in _ANALYSED], policy


def _rank(tried: Tried, objective: str) -> float:
    value = float(getattr(tried, objective))
    return -value if math.isfinite(value) else math.inf


def _honest(best: Tried, tried: Sequence[Tried], register: TrialRegister | None) -> Honesty:
    if register is not None:
        counted = summary_of(register, best.trial)
    else:
        sharpes = [each.trial.sharpe for each in tried if math.isfinite(each.trial.sharpe)]
        n_different = effective_trials(np.array([each.gains for each in tried]).T)
        counted = TrialSummary(
            n_trials=len(tried),
            n_effective=float(n_different),
            sharpe_variance=sharpe_spread(sharpes, max(2, best.trial.n_returns)),
        )
    return honest_statistics(
        best.gains, periods_per_year=best.trial.periods_per_year, trials=counted
    )
