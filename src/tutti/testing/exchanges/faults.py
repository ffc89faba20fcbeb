"""Faults on command: what goes wrong, where, how often, for how long."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError
from tutti.testing.exchanges.values import Reason
from tutti.testing.listed import listed, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np


class FaultKind(StrEnum):
    """What can go wrong.

    Of a request: ``latency`` answers late, ``hang`` never answers and does nothing, ``drop`` closes
    the connection and does nothing, ``status`` answers an HTTP status and does nothing, ``html``
    answers 200 with a web page and does nothing, ``refuse`` refuses in the dialect's own words,
    ``answer_lost`` does what was asked and then closes the connection (``how`` "hang", "html" or
    "status" to lose the answer otherwise), ``refuse_later`` accepts an order and ends it as
    rejected ``seconds`` later, ``rate_limit`` answers with the venue's own rate limit error,
    ``clock_skew`` shifts the venue's clock by ``seconds``.

    Of a stream: ``silent`` swallows messages, ``duplicate`` sends them twice, ``reorder`` swaps a
    message with the next, ``gap`` loses a message, ``late`` delays messages by ``seconds``,
    ``drop`` closes the connection at a message.
    """

    LATENCY = "latency"
    HANG = "hang"
    DROP = "drop"
    STATUS = "status"
    HTML = "html"
    REFUSE = "refuse"
    ANSWER_LOST = "answer_lost"
    REFUSE_LATER = "refuse_later"
    RATE_LIMIT = "rate_limit"
    CLOCK_SKEW = "clock_skew"
    SILENT = "silent"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    GAP = "gap"
    LATE = "late"


OF_STREAMS = frozenset(
    {
        FaultKind.SILENT,
        FaultKind.DUPLICATE,
        FaultKind.REORDER,
        FaultKind.GAP,
        FaultKind.LATE,
        FaultKind.DROP,
    }
)
_STREAMS_ONLY = OF_STREAMS - {FaultKind.DROP}
_NEEDS_SECONDS = frozenset({FaultKind.LATENCY, FaultKind.LATE, FaultKind.CLOCK_SKEW})
_WAYS_TO_LOSE = ("drop", "hang", "html", "status")
_STATUSES = range(100, 600)

REQUESTS = (
    "order.create", "order.test", "order.amend", "order.cancel", "order.cancel_all", "order.fetch",
    "orders.open", "orders.all", "trades.mine", "funding.mine", "balances", "positions", "fees",
    "permissions", "settings", "listen_key", "cancel_after", "leverage", "markets", "currencies",
    "book", "trades", "ticker", "candles", "funding", "time", "info", "exchange", "connect",
)  # fmt: skip
"""What requests are called, in all dialects: each of :attr:`Routed.where`, and ``connect``."""

STREAMS = (
    "stream.orders", "stream.fills", "stream.balances", "stream.book", "stream.quotes",
    "stream.trades", "stream.ticker", "stream.candles", "stream.answers",
)  # fmt: skip
"""What streams are called, in all dialects."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong; counts itself down.

    Parameters
    ----------
    kind : FaultKind
        What.
    where : str
        Endpoints, with wildcards: ``order.create``, ``order.*``, ``book``, ``stream.orders``, ``*``.
    listing : str
        Unified name, with wildcards; requests that name no listing match ``*`` only.
    count : int
        How often; -1 for as long as it is there.
    after : int
        Matches that are let through first, whatever the chance.
    seconds : float
        Of latency, of a late stream, of a skew, until a late refusal. A hang with seconds ends
        by closing the connection. Only a skew may be negative.
    chance : float
        In [0, 1], drawn from the exchange's generator for each match after those.
    status : int
        HTTP status of ``status``, and of ``answer_lost`` with ``how`` "status"; 100 to 599.
    retry_after_s : float
        Sent as a header where the venue does so.
    reason : str
        Of ``refuse``: a :class:`~tutti.testing.exchanges.values.Reason`.
    how : str
        Of ``answer_lost``: "drop", "hang", "html" or "status".

    Raises
    ------
    ConfigError
        If a value is out of its range, or no request or stream is called so.

    Attributes
    ----------
    n_seen, n_done : int
        How often it matched, and how often it was met.
    """

    kind: FaultKind
    where: str = "*"
    listing: str = "*"
    count: int = -1
    after: int = 0
    seconds: float = 0.0
    chance: float = 1.0
    status: int = 503
    retry_after_s: float = 0.0
    reason: str = "unavailable"
    how: str = "drop"
    n_seen: int = field(default=0)
    n_done: int = field(default=0)

    def __post_init__(self) -> None:
        self.kind = FaultKind(self.kind)
        if not (_is_number(self.chance) and 0.0 <= self.chance <= 1.0):
            raise ConfigError(f"a fault's chance must be in [0, 1], was {self.chance!r}")
        for name, least in (("count", -1), ("after", 0), ("n_seen", 0), ("n_done", 0)):
            value = getattr(self, name)
            if not _is_whole(value) or value < least:
                raise ConfigError(f"{name} must be a whole number from {least} on, was {value!r}")
        if not _is_whole(self.status) or self.status not in _STATUSES:
            raise ConfigError(f"status must be one of HTTP's, 100 to 599, was {self.status!r}")
        self._check_seconds()
        if self.reason not in tuple(Reason):
            raise ConfigError(f"no reason {self.reason!r}; there are {', '.join(Reason)}")
        if self.how not in _WAYS_TO_LOSE:
            raise ConfigError(f"an answer is lost by one of {_WAYS_TO_LOSE}, not {self.how!r}")
        self._check_place()

    def _check_seconds(self) -> None:
        for name in ("seconds", "retry_after_s"):
            value = getattr(self, name)
            may_be_negative = name == "seconds" and self.kind is FaultKind.CLOCK_SKEW
            if not _is_number(value) or (value < 0.0 and not may_be_negative):
                raise ConfigError(f"{name} must be a number from 0 on, was {value!r}")
        if self.kind in _NEEDS_SECONDS and not self.seconds:
            raise ConfigError(f"{self.kind} needs seconds, and does nothing without")

    def _check_place(self) -> None:
        named: tuple[Any, ...] = (self.where, self.listing)
        if not all(isinstance(each, str) for each in named):
            raise ConfigError("where and listing are texts, with wildcards")
        known: tuple[str, ...] = ()
        if self.kind not in _STREAMS_ONLY:
            known += REQUESTS
        if self.kind in OF_STREAMS:
            known += STREAMS
        if not any(fnmatchcase(each, self.where) for each in known):
            raise ConfigError(
                f"{self.kind} has no where {self.where!r}; there are {', '.join(known)}"
            )

    def fits(self, where: str, listing: str) -> bool:
        """Return whether it concerns this endpoint and listing, and isn't used up."""
        if 0 <= self.count <= self.n_done:
            return False
        return fnmatchcase(where, self.where) and (
            self.listing == "*" or fnmatchcase(listing, self.listing)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as the control endpoint takes it, with how often it was met."""
        return asdict(self)


class FaultPlan:
    """The faults of one exchange; changeable at any time.

    Parameters
    ----------
    faults : iterable of Fault
        Those to begin with.
    generator : numpy.random.Generator
        Decides about chances.
    """

    def __init__(self, faults: Iterable[Fault], generator: np.random.Generator) -> None:
        self.faults = list(faults)
        self._generator = generator

    def replace(self, faults: Iterable[Fault]) -> None:
        """Put these in the place of all others."""
        self.faults = list(faults)

    def add(self, *faults: Fault) -> None:
        """Add some."""
        self.faults.extend(faults)

    def clear(self) -> None:
        """Heal everything."""
        self.faults.clear()

    def of_request(self, where: str, listing: str = "") -> list[Fault]:
        """Return what goes wrong with a request, each counted."""
        return self._met(where, listing, streams=False)

    def of_message(self, where: str, listing: str = "") -> list[Fault]:
        """Return what goes wrong with a stream's message, each counted."""
        return self._met(where, listing, streams=True)

    def skew_ns(self) -> int:
        """Return how far the venue's clock is ahead."""
        return sum(
            int(each.seconds * SECOND) for each in self.faults if each.kind is FaultKind.CLOCK_SKEW
        )

    def _met(self, where: str, listing: str, *, streams: bool) -> list[Fault]:
        if not self.faults:
            return []
        met = []
        for fault in self.faults:
            concerns = fault.kind in OF_STREAMS if streams else fault.kind not in _STREAMS_ONLY
            if not concerns or fault.kind is FaultKind.CLOCK_SKEW:
                continue
            if not fault.fits(where, listing):
                continue
            fault.n_seen += 1
            if fault.n_seen <= fault.after:
                continue
            if fault.chance < 1.0 and self._generator.random() >= fault.chance:
                continue
            fault.n_done += 1
            met.append(fault)
        return met


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_one and math.isfinite(value)


def parse_faults(text: str, *, source: str = "faults") -> list[Fault]:
    """Return the faults of a JSON list of objects.

    Raises
    ------
    ConfigError
        If it is no such list, or a fault is not understood.
    """
    return listed(text, source, "fault", Fault, ", ".join(FaultKind))


def read_faults(path: Path) -> list[Fault]:
    """Return the faults of a file.

    Raises
    ------
    ConfigError
        If it can't be read or understood.
    """
    return parse_faults(text_of(path, "faults"), source=str(path))
