"""How far the modelled cost is from the replayed one, by size of order."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tutti.sandbox.calibration.estimates import Estimate, by_period_mean
from tutti.sandbox.result import json_value

if TYPE_CHECKING:
    from tutti.model.market import FloatArray
    from tutti.sandbox.calibration.samples import Samples

EDGES: Final = (0.0, 0.002, 0.006, 0.02, 0.06, 0.2, 0.6, math.inf)
"""Sizes that are shown together, as shares of the mean volume of a bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRow:
    """Orders of about one size; costs in basis points against the mid at arrival.

    Parameters
    ----------
    size : float
        Mean share of the mean volume of a bar.
    replayed_error : float
        Standard error of ``replayed``, over bars.
    """

    size: float
    n: int
    replayed: float
    replayed_error: float
    modelled: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Modelled beside replayed cost, in basis points.

    Parameters
    ----------
    bias : float
        Mean of modelled minus replayed; positive is pessimistic.
    bias_error : float
        Its standard error, over bars.
    mean_absolute_error, root_mean_square_error : float
        Of single orders.
    explained : float
        Share of the variance of the replayed cost that the model explains; may be negative.
    spread_only, mean_only : float
        Root mean square error of half the spread alone, and of the one best constant.
    """

    n: int
    bars: int
    replayed: float
    modelled: float
    bias: float
    bias_error: float
    mean_absolute_error: float
    root_mean_square_error: float
    explained: float
    spread_only: float
    mean_only: float
    sizes: tuple[SizeRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; None where there is no figure."""
        values: dict[str, Any] = json_value(asdict(self))
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsCheck:
    """Values of a costs file against a recording; ``in_sample`` where they were made of it, too."""

    name: str
    in_sample: bool
    half_spread_bps: float
    impact_coefficient: float
    result: Verification


def modelled_bps(samples: Samples, half_spread_bps: float, coefficient: float) -> FloatArray:
    """Return what `execution.cost` charges for each sample, before rounding to a tick."""
    cost: FloatArray = half_spread_bps + coefficient * samples.unit_bps
    return cost


def verify(samples: Samples, half_spread_bps: float, coefficient: float) -> Verification:
    """Compare the model with samples; it is out of sample where the values come from others.

    Raises
    ------
    ValueError
        If there are no samples.
    """
    if not len(samples):
        raise ValueError("there is nothing to compare with: no samples")
    modelled, cost = modelled_bps(samples, half_spread_bps, coefficient), samples.cost_bps
    error = modelled - cost
    bias = by_period_mean(error, samples.bar)
    around = float(((cost - cost.mean()) ** 2).sum())
    return Verification(
        n=len(samples),
        bars=len(np.unique(samples.bar)),
        replayed=float(cost.mean()),
        modelled=float(modelled.mean()),
        bias=bias.value,
        bias_error=bias.standard_error,
        mean_absolute_error=float(np.abs(error).mean()),
        root_mean_square_error=_root_mean_square(error),
        explained=1.0 - float((error**2).sum()) / around if around > 0.0 else math.nan,
        spread_only=_root_mean_square(half_spread_bps - cost),
        mean_only=math.sqrt(around / len(cost)),
        sizes=tuple(_rows(samples, modelled)),
    )


def _rows(samples: Samples, modelled: FloatArray) -> list[SizeRow]:
    place = np.digitize(samples.size, EDGES[1:-1])
    rows = []
    for bucket in range(len(EDGES) - 1):
        chosen = place == bucket
        if chosen.any():
            replayed: Estimate = by_period_mean(samples.cost_bps[chosen], samples.bar[chosen])
            rows.append(
                SizeRow(
                    size=float(samples.size[chosen].mean()),
                    n=int(chosen.sum()),
                    replayed=replayed.value,
                    replayed_error=replayed.standard_error,
                    modelled=float(modelled[chosen].mean()),
                )
            )
    return rows


def _root_mean_square(values: FloatArray) -> float:
    return math.sqrt(float((values**2).mean()))
