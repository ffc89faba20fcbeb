"""The bars of a study: recorded ones, or so many of the configured simulated market."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.app.backtest import Source, read_source, run_name
from tutti.app.feed import made_up
from tutti.app.trials import admit, register_at
from tutti.kernel.clock import parse_instant
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.app.config import Config

_SIMULATED_FROM = parse_instant("2024-01-01")


def bars_of(
    config: Config,
    patterns: Sequence[str] | None,
    start: int | None,
    end: int | None,
    *,
    simulated: int | None = None,
) -> Source:
    """Return bars and funding to study a configuration on.

    Parameters
    ----------
    patterns : sequence of str or None
        Files or globs; None for those that the configuration names.
    start, end : int or None
        ns UTC, end excluded; for files.
    simulated : int or None
        Number of bars of the simulated market instead; the configuration's seed makes them.

    Raises
    ------
    ConfigError, DataError
        If there are none, or they can't be used.
    """
    if start is not None and end is not None and start >= end:
        raise ConfigError("--end must be after --start")
    if simulated is not None:
        if patterns:
            raise ConfigError("--simulated and --bars exclude each other; leave one out")
        market = made_up(config, _SIMULATED_FROM)
        block = market.history(market.start + simulated * market.step)
        assert block is not None  # there is at least one bar
        return Source(block=block, files=(), findings=())
    files = patterns or list(config.feed.bars)
    if not files:
        raise ConfigError(
            "--bars is missing: name files or patterns, such as --bars data/*.parquet, or a number "
            "of bars of the simulated market with --simulated"
        )
    return read_source(
        files,
        start,
        end,
        repair=config.feed.repair,
        timeframe=config.feed.timeframe,
        funding=list(config.feed.funding) or None,
    )


def admit_study(register: Path, config: Config, source: Source) -> Source:
    """Return ``source`` if a study of ``config`` may look at it.

    Parameters
    ----------
    register : Path
        Of trials; ``off`` for none, whose seals hold all the same.

    Raises
    ------
    GateClosed
        If its bars reach into a period that is sealed, and not open to this configuration.
    """
    if source.files:
        run_id = run_name(config, source)
        admit(register_at(register), config, source.block, source.files, run_id)
    return source
