"""What came of many seeds in a world whose truth is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.sandbox.montecarlo.outcome import Share, share_of
from tutti.sandbox.worlds.judge import LEVEL, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.market import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How often skill was found, over many seeds.

    Parameters
    ----------
    share : Share
        Seeds in which it was, with the 95 % interval.
    z_mean, z_deviation : float
        Of the test's statistic: 0 and 1 where there is no skill.
    sharpe_gross, sharpe_net : float
        Means over the seeds, of a year.
    n_silent : int
        Seeds in which too little was held for a verdict; they count as not found.
    """

    n_seeds: int
    share: Share
    z_mean: float
    z_deviation: float
    sharpe_gross: float
    sharpe_net: float
    n_fills: float
    n_silent: int

    def to_dict(self, name: str) -> dict[str, Any]:
        """Return JSON values; the share is called ``name``."""
        return {
            name: self.share.value,
            "interval": [self.share.low, self.share.high],
            "n_seeds": self.n_seeds,
            "z_mean": _known(self.z_mean),
            "z_deviation": _known(self.z_deviation),
            "sharpe_gross": _known(self.sharpe_gross),
            "sharpe_net": _known(self.sharpe_net),
            "n_fills": self.n_fills,
            "n_silent": self.n_silent,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A strategy on the bars as recorded, against the same bars mirrored at random.

    Parameters
    ----------
    p_own : float
        Share of mirrored markets, this one counted, in which the statistic is at least as high: a
        test that assumes nothing but that up and down could be exchanged.
    """

    verdict: Verdict
    p_own: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "z": _known(self.verdict.z),
            "p_value": self.verdict.p_value,
            "p_own_null": self.p_own,
            "sharpe_gross": _known(self.verdict.sharpe_gross),
            "sharpe_net": _known(self.verdict.sharpe_net),
            "n_fills": self.verdict.n_fills,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NullStudy:
    """How a strategy fared where it had to fail.

    Parameters
    ----------
    worlds : dict of str to Found
    together : Found
        All worlds.
    observed : Observed or None
        Where recorded bars were given.
    """

    strategy: str
    worlds: dict[str, Found]
    together: Found
    observed: Observed | None
    n_instruments: int
    n_ticks: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "strategy": self.strategy,
            "level": LEVEL,
            "n_instruments": self.n_instruments,
            "n_ticks": self.n_ticks,
            **self.together.to_dict("false_positive_rate"),
            "worlds": {
                name: found.to_dict("false_positive_rate") for name, found in self.worlds.items()
            },
            "observed": self.observed.to_dict() if self.observed else None,
        }


def found_in(verdicts: Sequence[Verdict]) -> Found:
    """Return what the verdicts of many seeds, at least one, come to."""
    z = np.array([each.z for each in verdicts])
    known = z[np.isfinite(z)]
    return Found(
        n_seeds=len(verdicts),
        share=share_of(np.array([each.found for each in verdicts])),
        z_mean=_mean(known),
        z_deviation=float(known.std(ddof=1)) if len(known) > 1 else math.nan,
        sharpe_gross=_mean(np.array([each.sharpe_gross for each in verdicts])),
        sharpe_net=_mean(np.array([each.sharpe_net for each in verdicts])),
        n_fills=_mean(np.array([each.n_fills for each in verdicts], np.float64)),
        n_silent=len(z) - len(known),
    )


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
