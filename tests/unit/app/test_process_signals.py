"""Signals of the operating system, as a running account hears them."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tutti.app.process_signals import hear_signals

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Told:
    def __init__(self) -> None:
        self.heard: list[tuple[str, ...]] = []
        self.news = asyncio.Event()

    def stop(self, reason: str) -> None:
        self.heard.append((reason,))
        self.news.set()

    def kill(self, by: str, reason: str) -> None:
        self.heard.append((by, reason))
        self.news.set()


@pytest.fixture
def _left_alone() -> Iterator[None]:
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("_left_alone")
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGINT, ("signal SIGINT",)),
        (signal.SIGTERM, ("signal SIGTERM",)),
        (signal.SIGUSR1, ("a signal", "SIGUSR1")),
    ],
)
async def test_signal_asks_to_stop_or_to_close_everything(
    number: signal.Signals, said: tuple[str, ...]
) -> None:
    told, loop = _Told(), asyncio.get_running_loop()
    hear_signals(told.stop, told.kill)
    try:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5.0):
            await told.news.wait()
    finally:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            loop.remove_signal_handler(each)
    assert told.heard == [said]


async def test_thread_that_can_not_hear_signals_goes_on_without() -> None:
    async def hear() -> None:
        told = _Told()
        hear_signals(told.stop, told.kill)

    await asyncio.to_thread(lambda: asyncio.run(hear()))
