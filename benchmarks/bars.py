"""Make one-minute bars for measurements: the same seed gives the same bars, byte for byte."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

YEAR_OF_MINUTES = 525_600
_START_NS = 1_704_067_200_000_000_000  # 2024-01-01T00:00:00Z
_MINUTE_NS = 60_000_000_000
_TICK = 0.01


def make_bars(
    n_bars: int = YEAR_OF_MINUTES, *, seed: int = 7, gap_bps: float = 1.0
) -> dict[str, np.ndarray]:
    """Return a geometric random walk in ticks of 0.01, starting at 100.

    Parameters
    ----------
    n_bars : int
        How many minutes, starting with 2024.
    seed : int
        Of the generator.
    gap_bps : float
        Standard deviation of the open against the close before it. With 0 a fill at a bar's close
        and one at the next bar's open are the same, which makes engines comparable whose rules
        differ in that.

    Returns
    -------
    dict of str to ndarray of shape (n_bars,)
        ``ts`` (int64, ns UTC, start of the bar), ``open``, ``high``, ``low``, ``close``,
        ``volume`` (float64).
    """
    rng = np.random.default_rng(seed)
    gap, body, up, down = rng.standard_normal((4, n_bars)) * np.array(
        [[gap_bps * 1e-4], [4e-4], [2e-4], [2e-4]]
    )
    gap[0] = 0.0
    log_close = np.cumsum(gap + body)
    close = 100.0 * np.exp(log_close)
    open_ = 100.0 * np.exp(log_close - body)
    high = np.maximum(open_, close) * np.exp(np.abs(up))
    low = np.minimum(open_, close) * np.exp(-np.abs(down))
    prices = {"open": open_, "high": high, "low": low, "close": close}
    return {
        "ts": _START_NS + _MINUTE_NS * np.arange(n_bars, dtype=np.int64),
        **{name: _in_ticks(price) for name, price in prices.items()},
        "volume": np.round(rng.lognormal(6.0, 0.5, n_bars)) + 10.0,
    }


def _in_ticks(price: np.ndarray) -> np.ndarray:
    return np.round(np.round(price / _TICK) * _TICK, 2)


def main() -> None:
    """Write the bars to a file that ``numpy.load`` reads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="where to write, *.npz")
    parser.add_argument("--bars", type=int, default=YEAR_OF_MINUTES)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--gap-bps", type=float, default=1.0)
    options = parser.parse_args()
    np.savez(options.out, **make_bars(options.bars, seed=options.seed, gap_bps=options.gap_bps))


if __name__ == "__main__":
    main()
