"""Changes in a file that last: another unit of volume, another price grid, another market."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tutti.adapters.feeds.findings import Code, Finding, Severity
from tutti.adapters.feeds.series import PRICES
from tutti.kernel.clock import iso
from tutti.universe.grid import decimals, off_grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.adapters.feeds.series import BarSeries
    from tutti.model.market import FloatArray, IntArray

Mask = NDArray[np.bool_]

_UNIT_FACTOR = 50.0
# a change by just the price is from base to quote units, and told from moods of the market sooner
_PRICE_FACTOR = 12.0
_PRICE_TOLERANCE = 0.25  # logarithm
_SIDE_BLOCKS = 3
_BLOCK_ROWS = 48
_MIN_ROWS = 8
_GRID_SAMPLE = 2000
_GRID_BLOCK = 100
_FINE_SHARE = 0.3
_SWITCH_FACTOR = 3.0
_SWITCH_ROWS = 500
# no venue quotes in steps this small a part of the price; such decimals come from a conversion
_FINEST_STEP = 1e-8


def level_changes(series: BarSeries) -> Iterator[Finding]:
    """Yield lasting changes of the volume's level and of the price grid.

    The level of volume changes 50-fold, or 12-fold where the factor is about the price.
    A price grid that changes together with the level of volume (3-fold) is another market, such as
    spot bars after those of a perpetual; alone it is a venue's new tick size.
    """
    yield from _volume_units(series)
    yield from _grid_changes(series)


def _volume_units(series: BarSeries) -> Iterator[Finding]:
    volume = series.volume
    size = min(_BLOCK_ROWS, len(volume) // (4 * _SIDE_BLOCKS))
    if size < _MIN_ROWS:
        return
    n_blocks = len(volume) // size
    blocks = volume[: n_blocks * size].reshape(n_blocks, size)
    # where nothing trades there is no level to compare
    active = np.where(blocks > 0.0, blocks, np.nan)
    alive = (blocks > 0.0).mean(axis=1) >= 0.5  # noqa: PLR2004
    level = np.full(n_blocks, np.nan)
    level[alive] = np.log(np.nanmedian(active[alive], axis=1))
    shift = _separation(level)
    shift[(shift <= np.log(_UNIT_FACTOR)) & ~_by_the_price(series, level, size)] = 0.0
    found = []
    while (shift > np.log(_PRICE_FACTOR)).any():
        block = int(np.argmax(shift))
        found.append(block)
        shift[max(0, block - _SIDE_BLOCKS) : block + _SIDE_BLOCKS + 1] = 0.0
    for block in sorted(found):
        yield _unit_change(series, block * size, size)


def _by_the_price(series: BarSeries, level: FloatArray, size: int) -> Mask:
    # whether the medians of the three blocks before and after lie apart by the price
    n_blocks = len(level)
    price = np.log(np.median(series.close[: n_blocks * size].reshape(n_blocks, size), axis=1))
    out = np.zeros(n_blocks, dtype=np.bool_)
    windows = np.lib.stride_tricks.sliding_window_view(level, _SIDE_BLOCKS)
    if len(windows) > _SIDE_BLOCKS + 1:
        medians = np.median(windows, axis=1)
        change = np.abs(medians[_SIDE_BLOCKS + 1 :] - medians[: -_SIDE_BLOCKS - 1])
        inner = slice(_SIDE_BLOCKS, -_SIDE_BLOCKS)
        out[inner] = np.abs(change - np.abs(price[inner])) < _PRICE_TOLERANCE
    return out


def _separation(level: FloatArray) -> FloatArray:
    # how far the three blocks before each block lie from the three after it; the block itself may
    # hold the change
    out = np.zeros(len(level))
    windows = np.lib.stride_tricks.sliding_window_view(level, _SIDE_BLOCKS)
    if len(windows) > _SIDE_BLOCKS + 1:
        before, after = windows[: -_SIDE_BLOCKS - 1], windows[_SIDE_BLOCKS + 1 :]
        up = after.min(axis=1) - before.max(axis=1)
        down = before.min(axis=1) - after.max(axis=1)
        out[_SIDE_BLOCKS:-_SIDE_BLOCKS] = np.fmax(up, down)
    return np.nan_to_num(out)


def _unit_change(series: BarSeries, around: int, size: int) -> Finding:
    first = around - size
    window = series.volume[first : around + 2 * size]
    positive = np.flatnonzero(window > 0.0)
    logs = np.log(window[positive])
    # the split that leaves the least scatter on both sides
    n = np.arange(1, len(logs))
    left = np.cumsum(logs)[:-1]
    between = left**2 / n + (logs.sum() - left) ** 2 / (len(logs) - n)
    at = first + int(positive[int(np.argmax(between)) + 1])
    reach = slice(max(0, at - _SIDE_BLOCKS * size), at), slice(at, at + _SIDE_BLOCKS * size)
    before, after = (_median_volume(series.volume[side]) for side in reach)
    factor = max(before, after) / min(before, after)
    price = float(np.median(series.close[reach[0]]))
    hint = ""
    if price / 3.0 < factor < price * 3.0:
        first_unit = "quote" if before > after else "base"
        hint = f"; the factor is about the price, so it was in {first_unit} units before"
    message = (
        f"volume goes from about {before:.3g} to {after:.3g} a bar ({factor:.3g}-fold) at"
        f" {iso(int(series.ts[at]))} and stays: another unit{hint}"
    )
    return _report(series, Code.VOLUME_UNIT, at, message, before=before, after=after, factor=factor)


def _median_volume(volume: FloatArray) -> float:
    positive = volume[volume > 0.0]
    return float(np.median(positive)) if len(positive) else 0.0


def _grid_changes(series: BarSeries) -> Iterator[Finding]:
    traded = np.flatnonzero((series.volume > 0.0) & (series.high > series.low))
    if len(traded) < 4 * _GRID_BLOCK:
        return
    sides = [getattr(series, name) for name in PRICES]
    sample = traded[:: max(1, len(traded) // _GRID_SAMPLE)]
    fine = decimals(np.stack([side[sample] for side in sides]))
    if not fine:
        return
    off = np.zeros(len(traded), dtype=np.bool_)
    for side in sides:
        off |= off_grid(side if len(traded) == len(series) else side[traded], fine - 1)
    n_blocks = len(off) // _GRID_BLOCK
    share = off[: n_blocks * _GRID_BLOCK].reshape(n_blocks, _GRID_BLOCK).mean(axis=1)
    for at in _turns(share, off):
        yield from _grid_change(series, traded, at, fine, to_fine=bool(off[at]))


def _turns(share: FloatArray, off: Mask) -> list[int]:
    # between two blocks on the coarse grid and two on the fine one, with at most one mixed between
    kind = np.where(share == 0.0, -1, np.where(share >= _FINE_SHARE, 1, 0))
    pairs = np.flatnonzero((kind[1:] == kind[:-1]) & (kind[1:] != 0))
    turns = []
    for left, right in itertools.pairwise(pairs):
        if kind[left] == kind[right] or right - left > 3:  # noqa: PLR2004
            continue
        start, stop = left * _GRID_BLOCK, (right + 2) * _GRID_BLOCK
        inside = np.flatnonzero(off[start:stop])
        turns.append(int(start + (inside[0] if kind[right] > 0 else inside[-1] + 1)))
    return turns


def _grid_change(
    series: BarSeries, traded: IntArray, turn: int, fine: int, *, to_fine: bool
) -> Iterator[Finding]:
    at = int(traded[turn])
    coarse_side, fine_side = slice(max(0, at - _GRID_BLOCK), at), slice(at, at + _GRID_BLOCK)
    if not to_fine:
        coarse_side, fine_side = fine_side, coarse_side
    if _is_no_tick(series, coarse_side, fine_side, fine):
        return
    old, new = (fine - 1, fine) if to_fine else (fine, fine - 1)
    grid = f"price step goes from {10.0**-old:g} to {10.0**-new:g} at {iso(int(series.ts[at]))}"
    before, after = _levels_around(series, at, _SWITCH_ROWS)
    factor = max(before, after) / min(before, after)
    soon_before, soon_after = _levels_around(series, at, _BLOCK_ROWS)
    soon = max(soon_before, soon_after) / min(soon_before, soon_after)
    same_way = (before > after) == (soon_before > soon_after)
    if min(factor, soon) < _SWITCH_FACTOR or not same_way:
        yield _report(
            series, Code.TICK_CHANGE, at, f"{grid}: a new tick size",
            step_before=10.0**-old, step_after=10.0**-new,
        )  # fmt: skip
        return
    message = (
        f"{grid} and volume with it from about {before:.3g} to {after:.3g} a bar"
        f" ({factor:.3g}-fold): another market from here on, such as spot after a perpetual"
    )
    yield _report(
        series, Code.MARKET_SWITCH, at, message, before=before, after=after, factor=factor
    )


def _is_no_tick(series: BarSeries, coarse_side: slice, fine_side: slice, fine: int) -> bool:
    # decimals of a conversion, or a venue that quotes five significant figures and so has a finer
    # step below 1, 10, 100 ...
    low, high = float(series.low[fine_side].min()), float(series.high[coarse_side].max())
    cheap, dear = (float(np.median(series.close[side])) for side in (fine_side, coarse_side))
    return (
        low * _FINEST_STEP > 10.0**-fine
        or _crosses_power_of_ten(low, high)
        or _crosses_power_of_ten(cheap, dear)
    )


def _crosses_power_of_ten(cheap: float, dear: float) -> bool:
    return bool(np.floor(np.log10(cheap)) < np.floor(np.log10(dear)) and dear < 2.0 * cheap)


def _levels_around(series: BarSeries, at: int, reach: int) -> tuple[float, float]:
    before = _median_volume(series.volume[max(0, at - reach) : at])
    return before, _median_volume(series.volume[at : at + reach])


def _report(series: BarSeries, code: Code, at: int, message: str, **measures: float) -> Finding:
    return Finding(
        severity=Severity.DOUBTFUL,
        code=code,
        file=series.file,
        row=int(series.row[at]),
        ts=int(series.ts[at]),
        count=len(series) - at,
        message=message,
        measures=measures | {"share": (len(series) - at) / len(series)},
    )
