"""Recorded bars as the frames that models are shown, to train them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.agents.models.frames import frame_of_bars
from tutti.agents.models.port import span
from tutti.agents.models.resample import Resampler
from tutti.app.backtest import read_source

if TYPE_CHECKING:
    from collections.abc import Sequence


def frames_of(
    bars: Sequence[str],
    timeframe: str,
    needs: Sequence[str] = (),
    *,
    start: int | None = None,
    end: int | None = None,
) -> dict[str, Any]:
    """Return a frame an instrument, made as analysts make them.

    Parameters
    ----------
    bars : sequence of str
        Files or patterns.
    timeframe : str
        Of the rows; the bars' own or a multiple of it.
    needs : sequence of str
        Features beside open, high, low, close, volume; rows begin where all are known.
    start, end : int or None
        ns UTC, end excluded.

    Raises
    ------
    ConfigError, DataError
        If the files, the timeframe or a feature can't be used.
    """
    block = read_source(bars, start, end, repair=False, timeframe=None, funding=()).block
    closed = Resampler(span(timeframe, "timeframe"), "frames").advance(block).bars
    return {
        str(instrument): frame_of_bars(closed, needs, i)
        for i, instrument in enumerate(closed.instruments)
    }
