"""What only shows beside other files: one market under two names, another market under one name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.adapters.feeds.files import LOCAL
from tutti.adapters.feeds.findings import Code, Finding, Severity
from tutti.adapters.feeds.series import PRICES, BarSeries
from tutti.universe.grid import decimals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tutti.model.market import FloatArray

_SAMPLES = 512
_MIN_COMMON = 16
_MIN_BARS = 50
_MIN_PRICES = 20
_SAME_SHARE = 0.95
_LIKELY_SHARE = 0.8
_DIFFERENT_SHARE = 0.5
_RATIO_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Two series at the bars they have in common.

    Parameters
    ----------
    n_bars : int
        Bars in common.
    equal : float
        Share of them whose four prices are equal, but for the factor.
    factor : float
        Median of the ratio of closes, the first to the second.
    """

    n_bars: int
    equal: float
    factor: float


def likeness(first: BarSeries, second: BarSeries) -> Likeness:
    """Return how alike two series are; ``equal`` is 0 where too little is in common to say."""
    _, at, there = np.intersect1d(first.ts, second.ts, assume_unique=True, return_indices=True)
    if len(at) < _MIN_BARS or len(np.unique(first.close[at])) < _MIN_PRICES:
        return Likeness(n_bars=len(at), equal=0.0, factor=1.0)
    factor = float(np.median(first.close[at] / second.close[there]))
    if abs(factor - 1.0) < _RATIO_TOLERANCE:
        factor = 1.0
    same = np.ones(len(at), dtype=np.bool_)
    for name in PRICES:
        ratio = getattr(first, name)[at] / getattr(second, name)[there]
        same &= np.abs(ratio / factor - 1.0) < _RATIO_TOLERANCE
    return Likeness(n_bars=len(at), equal=float(same.mean()), factor=factor)


def check_across(series: Sequence[BarSeries]) -> list[Finding]:
    """Return a finding for each series whose bars are those of an earlier one.

    Parameters
    ----------
    series : sequence of BarSeries
        One per instrument, without impossible rows.
    """
    findings = []
    told: set[int] = set()
    for first, second in _candidates(series):
        if second in told:
            continue
        alike = likeness(series[second], series[first])
        if alike.equal >= _SAME_SHARE:
            told.add(second)
            ours, theirs = series[second], series[first]
            is_alias = ours.instrument.venue == theirs.instrument.venue != LOCAL
            findings.append(duplicate(ours, theirs, alike, is_alias=is_alias))
    return findings


def duplicate(series: BarSeries, other: BarSeries, alike: Likeness, *, is_alias: bool) -> Finding:
    """Return the finding that ``series`` repeats ``other``, at one venue or at two."""
    times = "" if alike.factor == 1.0 else f" times {alike.factor:.6g}"
    message = (
        f"{alike.equal:.1%} of {alike.n_bars} bars equal those of {other.instrument}"
        f" ({_near(other)}){times}: one market under two names, not an independent feed"
    )
    code = Code.ALIAS if is_alias else Code.DUPLICATE_FEED
    return _report(series, code, alike.n_bars, message, share=alike.equal, factor=alike.factor)


def check_against(series: BarSeries, reference: BarSeries) -> list[Finding]:
    """Return a finding if ``series`` is not the market that ``reference`` is known to be.

    Parameters
    ----------
    series, reference : BarSeries
        Bars that should be of one market, without impossible rows.
    """
    _, at, there = np.intersect1d(series.ts, reference.ts, assume_unique=True, return_indices=True)
    if len(at) < _MIN_BARS:
        return []
    ours, theirs = series.close[at], reference.close[there]
    apart = np.abs(ours / theirs - 1.0)
    different = float((apart > _RATIO_TOLERANCE).mean())
    if different <= _DIFFERENT_SHARE:
        return []
    basis = float(np.median(apart)) * 1e4
    notes = [f"closes {basis:.3g} bps apart"]
    steps = [decimals(values) for values in (ours, theirs)]
    if steps[0] != steps[1]:
        notes.append(" against ".join("no price step" if d is None else _step(d) for d in steps))
    volume = float(np.median(reference.volume[there]))
    if volume > 0.0:
        notes.append(f"{float(np.median(series.volume[at])) / volume:.2g} times its volume")
    message = (
        f"named like {reference.instrument}, but {different:.1%} of {len(at)} closes differ from"
        f" {_near(reference)} ({', '.join(notes)}): another market under this name"
    )
    found = _report(
        series, Code.DIFFERENT_MARKET, len(at), message, share=different, basis_bps=basis
    )
    return [found]


def _step(count: int) -> str:
    return f"a price step of {10.0**-count:g}"


def _candidates(series: Sequence[BarSeries]) -> Iterator[tuple[int, int]]:
    # pairs with a constant ratio of closes at sampled times; all pairs of hundreds of series at once
    if len(series) < 2:  # noqa: PLR2004
        return
    closes = _sampled_closes(series)
    for second in range(1, len(series)):
        ratio = closes[:, :second] / closes[:, second : second + 1]
        common = np.isfinite(ratio)
        enough = common.sum(axis=0) >= _MIN_COMMON
        for first in np.flatnonzero(enough):
            known = ratio[common[:, first], first]
            close_by = np.abs(known / np.median(known) - 1.0) < _RATIO_TOLERANCE
            if close_by.mean() >= _LIKELY_SHARE:
                yield int(first), second


def _sampled_closes(series: Sequence[BarSeries]) -> FloatArray:
    times = np.unique(np.concatenate([each.ts[:: max(1, len(each) // 64)] for each in series]))
    times = times[:: max(1, len(times) // _SAMPLES)]
    closes = np.full((len(times), len(series)), np.nan)
    for column, each in enumerate(series):
        at = np.minimum(np.searchsorted(each.ts, times), len(each) - 1)
        closes[:, column] = np.where(each.ts[at] == times, each.close[at], np.nan)
    return closes


def _report(series: BarSeries, code: Code, count: int, message: str, **measures: float) -> Finding:
    return Finding(
        severity=Severity.DOUBTFUL,
        code=code,
        file=series.file,
        row=0,
        ts=0,
        count=count,
        message=message,
        measures=measures,
    )


def _near(series: BarSeries) -> str:
    # venue and file: the folders above are known
    return "/".join(series.file.split("/")[-2:])
