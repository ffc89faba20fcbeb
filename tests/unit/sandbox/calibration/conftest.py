"""A market that was made up: trades, quotes and a book whose costs are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tutti.kernel.clock import SECOND

START = 1_704_067_200 * SECOND
TICK = 0.1
SPREAD_TICKS = 2
LEVEL_SIZE = 5.0
N_LEVELS = 400


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where the three streams were written."""

    trades: Path
    quotes: Path
    book: Path


def stamps(values: np.ndarray) -> pl.Series:
    return pl.Series(values.astype(np.int64)).cast(pl.Datetime("ns", "UTC"))


def made(folder: Path, *, seconds: int = 300, seed: int = 3, lag_ms: float = 5.0) -> Files:
    """Write a walk of the mid once a second, a flat book around it, and random trades at the touch.

    The recorder's clock is 1 s behind the exchange's.
    """
    rng = np.random.default_rng(seed)
    mid = 1000.0 + TICK * np.cumsum(rng.integers(-3, 4, seconds))
    sent = START + SECOND * np.arange(seconds, dtype=np.int64)
    delay = round(lag_ms * 1e6) - SECOND + rng.integers(0, 2_000_000, seconds)
    half = TICK * SPREAD_TICKS / 2
    for name in ("trades", "quotes", "book"):
        (folder / name / "testex").mkdir(parents=True, exist_ok=True)
    name = "BTC-USDT_20240101.parquet"
    files = Files(
        trades=folder / "trades" / "testex" / name,
        quotes=folder / "quotes" / "testex" / name,
        book=folder / "book" / "testex" / name,
    )
    pl.DataFrame(
        {
            "ts": stamps(sent),
            "ts_recv": stamps(sent + delay),
            "bid": mid - half,
            "bid_qty": np.full(seconds, LEVEL_SIZE),
            "ask": mid + half,
            "ask_qty": np.full(seconds, LEVEL_SIZE),
        }
    ).write_parquet(files.quotes)
    side = rng.integers(0, 2, seconds) * 2 - 1
    later = sent + 300_000_000
    pl.DataFrame(
        {
            "ts": stamps(later),
            "ts_recv": stamps(later + delay),
            "price": mid + side * half,
            "qty": rng.uniform(0.5, 1.5, seconds),
            "side": ["buy" if each > 0 else "sell" for each in side],
        }
    ).write_parquet(files.trades)
    _book(mid, sent, delay, half).write_parquet(files.book)
    return files


def _book(mid: np.ndarray, sent: np.ndarray, delay: np.ndarray, half: float) -> pl.DataFrame:
    # a whole book every second: no state to get wrong, and every level of the same size
    steps = TICK * np.arange(N_LEVELS)
    rows = []
    for at, (price, ts, late) in enumerate(zip(mid, sent, delay, strict=True)):
        for side, sign in (("bid", -1.0), ("ask", 1.0)):
            rows.append(
                pl.DataFrame(
                    {
                        "ts": stamps(np.full(N_LEVELS, ts)),
                        "ts_recv": stamps(np.full(N_LEVELS, ts + late)),
                        "event": ["snapshot"] * N_LEVELS,
                        "last_id": [at + 1] * N_LEVELS,
                        "side": [side] * N_LEVELS,
                        "price": price + sign * (half + steps),
                        "qty": np.full(N_LEVELS, LEVEL_SIZE),
                    }
                )
            )
    return pl.concat(rows)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return five minutes of a made-up market."""
    return made(tmp_path_factory.mktemp("recorded"))
