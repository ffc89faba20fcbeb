"""Fits the cost model to recordings: each by itself, and together by venue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tutti.model.errors import DataError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.calibration.estimates import Estimate, mean_estimate, pooled, power, slope
from tutti.sandbox.calibration.recording import RecordedFile
from tutti.sandbox.calibration.samples import (
    Samples,
    bars_of,
    book_samples,
    half_spreads,
    order_samples,
)
from tutti.sandbox.calibration.verification import Verification, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.market import FloatArray
    from tutti.sandbox.calibration.recording import Recording
    from tutti.sandbox.calibration.samples import Bars

SPLIT: Final = 0.6
"""Share of a recording's bars that values are fitted on when they are tested on the rest."""

LATENCIES_MS: Final = (100.0, 1000.0)
_MS = 1e6
_BPS = 1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """How long messages took from the exchange to the recorder, milliseconds.

    Parameters
    ----------
    excess_ms : Estimate
        Median of a bar over the fastest message of the recording, mean over bars. The fastest
        message itself took a time that no recording tells.
    worst_ms : float
        The 99th percentile of the same.
    offset_ms : float
        Received minus sent time of the fastest message; below 0 the two clocks disagree.
    """

    excess_ms: Estimate
    worst_ms: float
    offset_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What one recording says about the cost of one instrument.

    Parameters
    ----------
    half_spread_bps : Estimate
        Time-weighted half of the quoted spread.
    impact_coefficient : Estimate
        Factor of the square-root law in ``execution.cost``.
    free_coefficient, exponent : Estimate
        The same law with its exponent left free: how well a square root fits.
    held_out : Verification
        Values of the first 60 % of the bars, tested on the rest, one bar between left out.
    orders : Verification or None
        The same values against the market's own orders over the whole recording; None where the
        exchange stamps no quotes.
    moved_bps : tuple of (float, Estimate)
        Latency in ms, and how far the mid moved in it, either way.
    thin : int
        Hypothetical orders that the recorded book was too small for.
    """

    instrument: InstrumentId
    name: str
    method: str
    step: int
    bars: int
    start: int
    end: int
    half_spread_bps: Estimate
    impact_coefficient: Estimate
    free_coefficient: Estimate
    exponent: Estimate
    held_out: Verification
    orders: Verification | None
    delay: Delay | None
    moved_bps: tuple[tuple[float, Estimate], ...]
    thin: int
    volume_per_bar: float
    price: float
    samples: Samples
    files: tuple[RecordedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """Values of all other recordings, tested on one that had no part in them."""

    tested: str
    fitted_on: tuple[str, ...]
    impact_coefficient: Estimate
    result: Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Everything that recordings said about the costs of trading.

    Parameters
    ----------
    taker_fees : tuple of float
        As the venue of each fit publishes them for its lowest tier, fractions of notional.
    by_step : tuple of mapping
        Of each fit: length of a bar, ns, to the impact coefficient on bars of that length.
    """

    fits: tuple[Fit, ...]
    carried: tuple[Carried, ...]
    taker_fees: tuple[float, ...]
    by_step: tuple[Mapping[int, Estimate], ...]


def fit(recording: Recording, step: int) -> Fit:
    """Fit the model to one recording, and test it on the part that was held out.

    With a book, market orders of 13 sizes are walked through it at each bar's start. Without one,
    the market's own orders take their place, and say less.

    Parameters
    ----------
    step : int
        Length of a bar, ns.

    Raises
    ------
    DataError
        If the recording is too short, or has neither a book nor stamped quotes.
    """
    bars = bars_of(recording, step)
    orders = order_samples(recording, bars)
    samples, thin = _samples(recording, bars, orders)
    spreads = half_spreads(recording.quotes, bars)
    half = mean_estimate(spreads)
    coefficient = _coefficient(samples, half.value)
    moving = samples.where(samples.unit_bps > 0.0)
    free, exponent = power(
        moving.share,
        moving.unit_bps / np.sqrt(moving.share),
        moving.cost_bps - half.value,
        moving.bar,
    )
    held_out, early = _held_out(recording, samples, spreads)
    return Fit(
        instrument=recording.instrument,
        name=recording.name,
        method="orders of the market" if recording.book is None else "book walked",
        step=step,
        bars=len(bars.ts),
        start=int(bars.ts[0]),
        end=int(bars.ts[-1]) + step,
        half_spread_bps=half,
        impact_coefficient=coefficient,
        free_coefficient=free,
        exponent=exponent,
        held_out=held_out,
        orders=None if orders is None or recording.book is None else verify(orders, *early),
        delay=_delay(recording, bars),
        moved_bps=tuple((each, _moved(recording, bars, each)) for each in LATENCIES_MS),
        thin=thin,
        volume_per_bar=float(bars.volume.mean()),
        price=float(recording.quotes.mid.mean()),
        samples=samples,
        files=recording.files,
    )


def coefficient_by_step(recording: Recording, steps: Sequence[int]) -> dict[int, Estimate]:
    """Return the impact coefficient fitted on bars of other lengths: by the law all are one."""
    found = {}
    for step in steps:
        try:
            bars = bars_of(recording, step)
        except DataError:
            continue  # too short for so long a bar
        samples, _ = _samples(recording, bars, order_samples(recording, bars))
        half = mean_estimate(half_spreads(recording.quotes, bars))
        found[step] = _coefficient(samples, half.value)
    return found


def carried_over(fits: Sequence[Fit]) -> tuple[Carried, ...]:
    """Test each recording with the impact coefficient of all others and its own spread.

    The spread is what a venue shows at any time; the coefficient is what has to be carried over to
    another day, instrument or venue. Nothing for a single recording.
    """
    if len(fits) <= 1:
        return ()
    found = []
    for each in fits:
        others = [other for other in fits if other is not each]
        coefficient = pooled([other.impact_coefficient for other in others])
        found.append(
            Carried(
                tested=label(each),
                fitted_on=tuple(map(label, others)),
                impact_coefficient=coefficient,
                result=verify(each.samples, each.half_spread_bps.value, coefficient.value),
            )
        )
    return tuple(found)


def label(each: Fit) -> str:
    """Return what a fit is called beside others: file name and venue."""
    return f"{each.name} {each.instrument.venue}"


def _samples(recording: Recording, bars: Bars, orders: Samples | None) -> tuple[Samples, int]:
    if recording.book is not None:
        return book_samples(recording, bars)
    if orders is None or not len(orders):
        raise DataError(
            f"{recording.name}: no book, and quotes without the exchange's stamps: the cost of size "
            "can't be told; name the book with --book"
        )
    return orders, 0


def _coefficient(samples: Samples, half_spread_bps: float) -> Estimate:
    return slope(samples.unit_bps, samples.cost_bps - half_spread_bps, samples.bar)


def _held_out(
    recording: Recording, samples: Samples, spreads: FloatArray
) -> tuple[Verification, tuple[float, float]]:
    cut = int(SPLIT * len(spreads))
    early, late = samples.where(samples.bar < cut), samples.where(samples.bar > cut)
    if not len(early) or not len(late):
        raise DataError(f"{recording.name}: all its samples lie in one part; record for longer")
    half = mean_estimate(spreads[:cut]).value
    values = half, _coefficient(early, half).value
    return verify(late, *values), values


def _delay(recording: Recording, bars: Bars) -> Delay | None:
    if not len(recording.delay_ns):
        return None
    fastest = int(recording.delay_ns.min())
    excess = (recording.delay_ns - fastest) / _MS
    edges = np.searchsorted(recording.received_ts, np.append(bars.ts, bars.ts[-1] + bars.step))
    medians = [
        float(np.median(excess[begin:end]))
        for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        if end > begin
    ]
    return Delay(
        excess_ms=mean_estimate(np.array(medians)),
        worst_ms=float(np.quantile(excess, 0.99)),
        offset_ms=fastest / _MS,
    )


def _moved(recording: Recording, bars: Bars, latency_ms: float) -> Estimate:
    quotes = recording.quotes
    now, later = (
        quotes.mid[np.maximum(np.searchsorted(quotes.ts, ts, side="right") - 1, 0)]
        for ts in (bars.ts, bars.ts + round(latency_ms * _MS))
    )
    return mean_estimate(np.abs(later / now - 1.0) * _BPS)
