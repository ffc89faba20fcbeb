"""What a run under stress came to, beside the same run without."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tutti.kernel.clock import iso
from tutti.model.market import FloatArray, IntArray
from tutti.sandbox.scenarios.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Breaker that acted: the mode from ``ts`` (ns UTC) on, and why."""

    ts: int
    mode: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """How an account fared while a scenario lasted.

    Parameters
    ----------
    change : float
        Of its value, as a fraction of what it was before; a loss is negative.
    max_drawdown : float
        Deepest fall from a peak, the value before being the first; above 1 where it owes money.
    """

    change: float
    max_drawdown: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a scenario did that struck at ``ts`` (ns UTC), while it lasted.

    Parameters
    ----------
    during, unstressed : Stretch
        Of the account, with the scenario and without.
    holding : Stretch
        Of buying everything at the start of the bars and holding it, with the scenario.
    exposure : float
        Gross, as a fraction of equity, when it struck; 0 where nothing was held.
    """

    ts: int
    during: Stretch
    holding: Stretch
    unstressed: Stretch
    exposure: float
    liquidations: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "at": iso(self.ts),
            "change": self.during.change,
            "max_drawdown": self.during.max_drawdown,
            "unstressed_change": self.unstressed.change,
            "holding_change": self.holding.change,
            "exposure": self.exposure,
            "liquidations": self.liquidations,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one run came to.

    Parameters
    ----------
    final_equity : float
        Quote currency.
    metrics : mapping of str to float
        Keys of ``stats.performance``.
    during : Stretch
        While the scenario lasted.
    holding : Stretch
        What buying everything at the start and holding it did while the scenario lasted.
    orders : mapping of str to int
        Orders by why they were sent: entry, stop_loss, drawdown_stop and so on.
    unfilled : mapping of str to int
        Orders that ended otherwise than filled, by status: failed, rejected, cancelled, expired.
    refusals : mapping of str to int
        Intents that risk refused, by rule.
    components : mapping of str to float
        What the profit is made of: signal, timing, slippage, cost, funding.
    breakers : tuple of Change
        Each change of what the account was allowed to do.
    worth : Stretch or None
        While it lasted, counted in a currency that kept its worth; None where all did.
    final_worth : float or None
        Value at the end, counted so.
    """

    final_equity: float
    metrics: Mapping[str, float]
    during: Stretch
    holding: Stretch
    n_fills: int
    liquidations: int
    fees: float
    funding: float
    orders: Mapping[str, int] = field(default_factory=dict)
    unfilled: Mapping[str, int] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)
    components: Mapping[str, float] = field(default_factory=dict)
    breakers: tuple[Change, ...] = ()
    halted: str = ""
    worth: Stretch | None = None
    final_worth: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return them as JSON values; what is not finite becomes None."""
        values = asdict(self)
        values["breakers"] = [
            {"at": iso(each.ts), "mode": each.mode, "reason": each.reason} for each in self.breakers
        ]
        found: dict[str, Any] = _plain(values)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Equity of both runs at the same times.

    Parameters
    ----------
    known_at : ndarray of int64, shape (t,)
        Ends of the baseline's bars, ns UTC.
    baseline, stressed : ndarray of float64, shape (t,)
        Quote currency; where the stressed run has no bar, its last equity.
    """

    known_at: IntArray
    baseline: FloatArray
    stressed: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Stressed:
    """One scenario: when it struck, and a run with and without it.

    Parameters
    ----------
    starts, ends : int
        ns UTC.
    changed_bars : int
        Symbol-bars that the scenario altered or took away.
    folder : str
        Where the stressed run's ledger lies.
    moments : tuple of Moment
        The same scenario at other times, the oldest first; empty where nobody asked.
    """

    scenario: Scenario
    starts: int
    ends: int
    changed_bars: int
    baseline: Figures
    stressed: Figures
    folder: str = ""
    parity: Mapping[str, Any] | None = None
    moments: tuple[Moment, ...] = ()
    curves: Curves | None = None

    @property
    def is_cut_short(self) -> bool:
        """True where the bars end before the scenario does."""
        return self.curves is not None and self.ends > int(self.curves.known_at[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        before, after = self.baseline, self.stressed
        differences = {
            "final_equity": after.final_equity - before.final_equity,
            "change_during": after.during.change - before.during.change,
            "max_drawdown_during": after.during.max_drawdown - before.during.max_drawdown,
        } | {name: after.metrics[name] - before.metrics[name] for name in before.metrics}
        return {
            "scenario": self.scenario.to_dict(),
            "starts": iso(self.starts),
            "ends": iso(self.ends),
            "is_cut_short": self.is_cut_short,
            "changed_bars": self.changed_bars,
            "baseline": before.to_dict(),
            "stressed": after.to_dict(),
            "difference": _plain(differences),
            "run": self.folder,
            "parity": self.parity,
            "moments": _moments(self.moments),
        }


def _moments(moments: tuple[Moment, ...]) -> dict[str, Any] | None:
    if not moments:
        return None
    ranked = sorted(moments, key=lambda each: each.during.change)
    return {
        "count": len(moments),
        "flat": sum(each.exposure == 0.0 for each in moments),
        "worst": ranked[0].to_dict(),
        "median_change": float(np.median([each.during.change for each in moments])),
        "best": ranked[-1].to_dict(),
        "all": [each.to_dict() for each in moments],
    }


def curves_of(
    known_at: IntArray, baseline: FloatArray, struck_at: IntArray, stressed: FloatArray
) -> Curves:
    """Return both equities at ``known_at``; ``stressed`` has a value at each of ``struck_at``."""
    rows = np.searchsorted(struck_at, known_at, side="right") - 1
    # an outage at the very start leaves nothing to show yet
    return Curves(
        known_at=known_at,
        baseline=baseline,
        stressed=np.where(rows < 0, baseline[0], stressed[np.maximum(rows, 0)]),
    )


def stretch(known_at: IntArray, value: FloatArray, begin: int, end: int) -> Stretch:
    """Return how ``value`` (shape (t,), known at ``known_at``) fared in ``[begin, end]``, ns UTC."""
    first = max(int(np.searchsorted(known_at, begin, side="right")) - 1, 0)
    # to the end of the bar in which it ends
    last = max(min(int(np.searchsorted(known_at, end)), len(known_at) - 1), first)
    part = value[first : last + 1]
    peaks = np.maximum.accumulate(part)
    return Stretch(
        change=float(part[-1] / part[0] - 1.0), max_drawdown=float((1.0 - part / peaks).max())
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
