"""Signals of the operating system: SIGINT and SIGTERM stop an account, SIGUSR1 closes all."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

_log = structlog.stdlib.get_logger(__name__)


def hear_signals(stop: Callable[[str], None], kill: Callable[[str, str], None]) -> None:
    """Hear the process's signals in the running loop; where that can't be, a line in the log says so.

    Parameters
    ----------
    stop : callable
        Given the reason.
    kill : callable
        Given who asked for it, and the reason.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        _hear(number, stop, f"signal {number.name}")
    _hear(signal.SIGUSR1, kill, "a signal", signal.SIGUSR1.name)


def _hear(number: signal.Signals, act: Callable[..., None], *said: str) -> None:
    # not in a thread other than the main one, where a test may run
    try:
        asyncio.get_running_loop().add_signal_handler(number, act, *said)
    except (ValueError, NotImplementedError, RuntimeError):
        _log.info("signals are not heard here", signal=number.name)
