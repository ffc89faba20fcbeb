"""A paper service on a quick made-up market, and recorded bars to replay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tutti.app.config import Config, override
from tutti.app.feed import made_up
from tutti.app.service import PaperService
from tutti.kernel.clock import HOUR, LiveClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tutti.app.model_use import ModelUse
    from tutti.kernel.clock import Clock

_START = 1_704_067_200_000_000_000  # 2024-01-01

# Trades within its first ticks, an hour each.
QUICK: dict[str, object] = {
    "agents": [{"name": "momentum_hunter"}, {"name": "mean_reversion"}],
    "api.enabled": False,
    "feed.tick_s": 3600,
    "feed.warm_up_bars": 120,
    "feed.simulated.symbols": ["BTC-USDT-PERP.SIM", "ETH-USDT-PERP.SIM"],
    "feed.simulated.regime_ticks": 10,
    "policy.name": "ema_cross",
    "policy.fast": 2,
    "policy.slow": 5,
    "policy.long_only": False,
    "policy.sizing.method": "fixed_fraction",
    "policy.sizing.fraction": 0.1,
    "risk.max_notional_multiple": None,
    "risk.care.cooldown_s": 0,
}


@pytest.fixture
def make_config() -> Callable[..., Config]:
    """Return a function of changed settings, with two underscores for each dot."""

    def make(**changes: object) -> Config:
        given = {key.replace("__", "."): value for key, value in changes.items()}
        return override(Config(), {**QUICK, **given})

    return make


@pytest.fixture
def make_service(make_config: Callable[..., Config], tmp_path: Path) -> Callable[..., PaperService]:
    """Return a function of changed settings, and of what a service is started with."""

    def make(
        *,
        feed: str = "sim",
        bars: tuple[Path, ...] = (),
        speed: float = float("inf"),
        seconds: float | None = None,
        out: Path | None = None,
        view: Any = None,
        clock: Clock | None = None,
        use: ModelUse | None = None,
        **changes: object,
    ) -> PaperService:
        paths = [str(path) for path in bars]
        return PaperService(
            make_config(feed__kind=feed, feed__bars=paths, **changes),
            feed=feed,
            bars=paths,
            speed=speed,
            seconds=seconds,
            out=out or tmp_path / "paper",
            view=view,
            clock=clock or LiveClock(),
            use=use,
        )

    return make


@pytest.fixture
def ticked() -> Callable[[PaperService, int], Awaitable[None]]:
    """Return a coroutine function that waits until a service has lived through so many ticks."""

    async def wait(service: PaperService, count: int) -> None:
        async with asyncio.timeout(90):
            while service.ticks < count:  # noqa: ASYNC110 - a service tells nobody of its ticks
                await asyncio.sleep(0)

    return wait


@pytest.fixture
def recorded_bars(make_config: Callable[..., Config], tmp_path: Path) -> tuple[Path, ...]:
    """Return files of 300 hours of two perpetuals, as a venue would have left them."""
    block = made_up(make_config(), _START).history(_START + 300 * HOUR)
    assert block is not None
    folder = tmp_path / "ohlcv" / "sim"
    folder.mkdir(parents=True)
    paths = []
    for i, instrument in enumerate(block.instruments):
        frame = pl.DataFrame({"ts": block.ts}).select(
            pl.from_epoch("ts", "ns").dt.replace_time_zone("UTC")
        )
        sides = ("open", "high", "low", "close", "volume")
        columns = [pl.Series(side, getattr(block, side)[:, i]) for side in sides]
        path = folder / f"{instrument.symbol}_1h.parquet"
        frame.with_columns(columns).write_parquet(path)
        paths.append(path)
    return tuple(paths)
