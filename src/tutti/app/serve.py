"""Opens what a paper or live account runs on, market, venues and models, and serves until its end."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from tutti.app.account_folder import left_behind
from tutti.app.live_market import live_market
from tutti.app.metrics import Metrics
from tutti.app.model_use import RECORDS, ModelUse, followed, models_for
from tutti.app.paper import plan_for
from tutti.app.service import PaperService
from tutti.app.symbols_watch import busy_on, watched
from tutti.app.venues_live import LiveVenues
from tutti.app.voices import sight_of
from tutti.kernel.clock import LiveClock
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.settings import Config
    from tutti.app.state import LiveView, ServiceSummary
    from tutti.app.venues_live import Keys
    from tutti.kernel.clock import Clock


async def run_service(  # noqa: PLR0913 - one parameter for each choice of the caller
    config: Config,
    *,
    feed: str,
    bars: list[str],
    speed: float,
    seconds: float | None,
    out: Path,
    view: LiveView | None,
    clock: Clock | None = None,
    keys: Keys | None = None,
    use: ModelUse | None = None,
) -> ServiceSummary:
    """Trade until the time is over, the data ends, or somebody asks to stop.

    Parameters
    ----------
    feed : str
        ``sim``, ``replay`` or ``live``.
    bars : list of str
        Files or globs to replay.
    speed : float
        Market seconds in one second of the clock; a live market has its own pace.
    seconds : float or None
        Length of the session; None for no end.
    out : Path
        Folder of the account; one that holds a ledger is taken up again.
    view : LiveView or None
        Shown the state four times a second.
    keys : mapping of str to (mapping of str to SecretStr), optional
        Of each venue of the live feed: real money is traded there. None trades on paper.
    use : ModelUse, optional
        How agents may ask language models; without it nobody asks any.

    Raises
    ------
    ConfigError, DataError
        If the configuration, the files or the folder can't be used.
    VenueError
        If a venue can't be reached.
    LedgerError
        If the ledger can't be written; nothing is sent after that.
    """
    clock = clock or LiveClock()
    use = use or ModelUse(records=out / RECORDS)
    metrics = Metrics(CollectorRegistry())
    base, symbols = config, watched(config)
    if symbols is not None:
        config = symbols.configured(symbols.file, busy_on(out))
    async with AsyncExitStack() as closing:
        market = venues = None
        if feed == "live":
            opening = live_market(config, clock, metrics)
            try:
                market = await closing.enter_async_context(opening)
            except ConfigError as error:
                told = error if symbols is None else symbols.file.about(error)
                if told is error:  # nothing is its own cause
                    raise
                raise told from error
        if keys is not None and market is not None:
            venues = LiveVenues(config, keys, clock=clock, meter=metrics, market=market)
            closing.push_async_callback(venues.close)
            await venues.open(plan_for(config, market).instruments, left_behind(out))
        models = await closing.enter_async_context(
            models_for(
                config,
                use,
                metrics=metrics,
                blind=sight_of(config, followed(config)),
                always=bool(config.agents_file),
            )
        )
        service = PaperService(
            base, feed=feed, bars=bars, speed=speed, seconds=seconds, out=out, view=view,
            clock=clock, metrics=metrics, market=market, venues=venues, symbols=symbols,
            models=models, use=use,
        )  # fmt: skip
        return await service.run()
