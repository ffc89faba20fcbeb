"""The market that an account follows: made up from where its ledger began, or read from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.app.backtest import read_source
from tutti.app.feed import made_up, recorded
from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
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
            settings = config.feed
            source = read_source(
                bars, None, None, repair=settings.repair, timeframe=settings.timeframe,
                funding=list(settings.funding) or None,
            )  # fmt: skip
            return recorded(source)
        case _:
            raise ConfigError(f"feed must be sim, replay or live, was {feed!r}")
