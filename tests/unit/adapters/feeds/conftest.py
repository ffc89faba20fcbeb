"""Made-up bars for the tests of the feeds: as series, as text, as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from tutti.adapters.feeds.series import BarSeries
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.model.market import FloatArray

HOUR = 3_600_000_000_000
START = 1_704_067_200_000_000_000


class SeriesMaker(Protocol):
    """Makes a clean series from closes; any column can be replaced."""

    def __call__(
        self,
        close: object,
        *,
        step: int = HOUR,
        name: str = "BTC-USDT.BINANCE",
        file: str = "bars.parquet",
        **columns: object,
    ) -> BarSeries: ...


class BarWriter(Protocol):
    """Writes a CSV of bars and returns its path."""

    def __call__(
        self,
        name: str,
        rows: Sequence[Sequence[object]],
        header: str = "ts,open,high,low,close,volume",
    ) -> Path: ...


class Walk(Protocol):
    """Makes n closes of a random walk, to two decimals."""

    def __call__(
        self, n: int, *, seed: int = 0, start: float = 100.0, scale: float = 0.002
    ) -> FloatArray: ...


class Hourly(Protocol):
    """Makes n plain hourly rows for a CSV: epoch seconds and prices around ``price``."""

    def __call__(self, n: int, *, first: int = 0, price: float = 100.0) -> list[list[object]]: ...


@pytest.fixture
def walk() -> Walk:
    """Return a maker of closes."""

    def make(n: int, *, seed: int = 0, start: float = 100.0, scale: float = 0.002) -> FloatArray:
        moves = np.random.default_rng(seed).normal(0.0, scale, n)
        closes: FloatArray = np.round(start * np.exp(np.cumsum(moves)), 2)
        return closes

    return make


@pytest.fixture
def make_series() -> SeriesMaker:
    """Return a maker of series with a tidy open, high, low and volume around the closes."""

    def make(
        close: object,
        *,
        step: int = HOUR,
        name: str = "BTC-USDT.BINANCE",
        file: str = "bars.parquet",
        **columns: object,
    ) -> BarSeries:
        c = np.array(close, dtype=np.float64)
        o = np.append(c[:1], c[:-1])
        values: dict[str, Any] = {
            "row": np.arange(1, len(c) + 1),
            "ts": START + step * np.arange(len(c)),
            "open": o,
            "high": np.round(np.maximum(o, c) + 0.05, 2),
            "low": np.round(np.minimum(o, c) - 0.05, 2),
            "close": c,
            "volume": np.random.default_rng(1).lognormal(3.0, 0.5, len(c)),
        }
        values |= {key: np.asarray(value) for key, value in columns.items()}
        return BarSeries(instrument=InstrumentId.parse(name), file=file, step=step, **values)

    return make


@pytest.fixture
def write_bars(tmp_path: Path) -> BarWriter:
    """Return a writer of CSV files below a temporary folder."""

    def write(
        name: str,
        rows: Sequence[Sequence[object]],
        header: str = "ts,open,high,low,close,volume",
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [header, *(",".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def hourly() -> Hourly:
    """Return a maker of rows."""

    def make(n: int, *, first: int = 0, price: float = 100.0) -> list[list[object]]:
        stamp = START // 1_000_000_000
        return [
            [stamp + 3600 * i, price + i % 3, price + 5, price - 5, price + (i + 1) % 3, 10 + i]
            for i in range(first, first + n)
        ]

    return make
