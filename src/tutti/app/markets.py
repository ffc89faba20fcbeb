"""The market that an account follows: made up from where its ledger began, or read from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.app.backtest import read_source, run_name
from tutti.app.feed import made_up, recorded
from tutti.app.trials import admit, register_at
from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.app.backtest import Source
    from tutti.app.feed import Market
    from tutti.app.settings import Config
    from tutti.ledger.fold import LedgerState


def open_market(config: Config, feed: str, bars: list[str], state: LedgerState, now: int) -> Market:
    """Return the market that an account follows, from where its ledger began.

    Raises
    ------
    ConfigError
        If the feed is of no known kind.
    """
    match feed:
        case "sim":
            step = round(config.feed.tick_s * SECOND)
            begin = now // step * step if state.started is None else state.began
            return made_up(config, begin - config.feed.warm_up_bars * step)
        case "replay":
            return recorded(_replayed(config, bars))
        case _:
            raise ConfigError(f"feed must be sim, replay or live, was {feed!r}")


def admit_replay(register: Path, config: Config, candidate: Config) -> None:
    """Refuse to replay bars of a period that is sealed: what comes of it would be seen.

    Parameters
    ----------
    register : Path
        Of trials; ``off`` for none, whose seals hold all the same.
    config : Config
        As the account will run, with the files that it replays.
    candidate : Config
        As its file says, without what the command line adds: what a seal is opened for.

    Raises
    ------
    ConfigError, DataError
        If the files can't be used.
    GateClosed
        If they reach into a sealed period that isn't open to the candidate.
    """
    kept = register_at(register)
    if kept is None or not kept.seals():
        return
    source = _replayed(config, config.feed.bars)
    admit(kept, candidate, source.block, source.files, run_name(candidate, source))


def _replayed(config: Config, bars: Sequence[str]) -> Source:
    settings = config.feed
    return read_source(
        bars, None, None, repair=settings.repair, timeframe=settings.timeframe,
        funding=list(settings.funding) or None,
    )  # fmt: skip
