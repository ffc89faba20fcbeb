"""What goes wrong between a decision and its fill, drawn at random: orders late or lost, costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.errors import ConfigError
from tutti.sandbox.fast import Noise

if TYPE_CHECKING:
    from tutti.model.arrays import Terms
    from tutti.model.market import FloatArray

_WIDEST = 9_999.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSettings:
    """How much goes wrong.

    Parameters
    ----------
    late : float
        Share of orders that miss the open they were meant for, and fill one bar later.
    lost : float
        Share of orders that never reach the venue.
    spread : float
        Deviation of the logarithm of what the half-spread is multiplied by, drawn for each bar and
        instrument; the median stays.
    fees : float
        Deviation of the logarithm of what all fees of a path are multiplied by.

    Raises
    ------
    ConfigError
        If one is out of its range.
    """

    late: float = 0.1
    lost: float = 0.02
    spread: float = 0.5
    fees: float = 0.1

    def __post_init__(self) -> None:
        for name in ("late", "lost"):
            value: float = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"noise: {name} is a share in [0, 1], was {value!r}")
        for name in ("spread", "fees"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise ConfigError(f"noise: {name} must not be negative, was {value!r}")


def draw_noise(
    settings: NoiseSettings,
    n_ticks: int,
    step: int,
    half_spread_bps: FloatArray,
    random: np.random.Generator,
) -> Noise:
    """Return what goes wrong in a run of ``n_ticks`` bars of ``step`` ns.

    Parameters
    ----------
    half_spread_bps : ndarray of float64, shape (n,)
        As configured.
    """
    shape = (n_ticks, len(half_spread_bps))
    is_late = random.random(shape) < settings.late
    # anywhere in the bar: it fills at the open of the next one
    delay = random.integers(1, step + 1, shape)
    wider = np.exp(settings.spread * random.standard_normal(shape))
    return Noise(
        late_ns=np.where(is_late, delay, 0),
        lost=(random.random(shape) < settings.lost).astype(np.int64),
        half_spread_bps=np.minimum(half_spread_bps * wider, _WIDEST),
    )


def draw_fees(settings: NoiseSettings, terms: Terms, random: np.random.Generator) -> Terms:
    """Return the terms with all fees multiplied by one random factor."""
    factor = math.exp(settings.fees * random.standard_normal())
    return terms._replace(maker_fee=terms.maker_fee * factor, taker_fee=terms.taker_fee * factor)
