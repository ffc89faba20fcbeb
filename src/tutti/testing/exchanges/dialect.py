"""What a dialect has to say: requests understood, answers worded, streams spoken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    import numpy as np

    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.values import Listing, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request as it arrived.

    Parameters
    ----------
    path : str
        Without the query.
    query : str
        As sent, still encoded.
    headers : mapping of str to str
        Case-insensitive.
    ts : int
        Venue's time at arrival, ns UTC.
    """

    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]
    ts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer; the body is encoded as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """Request that was understood.

    Parameters
    ----------
    where : str
        Endpoint, in the words of faults: ``order.create``, ``book``, ``balances`` ...
    listing : str
        Unified name of the listing it is about; empty for none or several.
    run : callable
        Does it and returns the answer, or raises ``Refused``.
    """

    where: str
    listing: str
    run: Callable[[], Answer]


class Stream(Protocol):
    """One websocket connection, as the dialect sees it."""

    def send(self, where: str, message: Any, *, listing: str = "") -> None:
        """Send a message (text, or an object as JSON), subject to faults at ``where``.

        ``where`` is ``stream.trades``, ``stream.book``, ``stream.ticker``, ``stream.candles``,
        ``stream.orders``, ``stream.balances`` or ``stream.answers``.
        """
        ...

    def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        ...


class Session(Protocol):
    """What a dialect does with one websocket connection."""

    def receive(self, text: str) -> None:
        """Take a message of the client."""
        ...

    def beat(self, ts: int) -> None:
        """Do what is due by time: heartbeats, tickers, candles."""
        ...

    def close(self) -> None:
        """Forget the connection."""
        ...


class Dialect(Protocol):
    """How one exchange speaks; stands on a marketplace."""

    def route(self, call: Call) -> Routed:
        """Understand a request, without checking who sent it.

        Raises
        ------
        Refused
            If there is no such endpoint.
        """
        ...

    def refuse(self, call: Call, refused: Refused) -> Answer:
        """Word a refusal as the venue does."""
        ...

    def fail(self, status: int, retry_after_s: float) -> Answer:
        """Word an outage as the venue does."""
        ...

    def open_stream(self, path: str, stream: Stream) -> Session:
        """Begin to talk over a websocket connection that was opened at ``path``.

        Raises
        ------
        Refused
            If nothing is streamed there.
        """
        ...

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        """Return what ``urls['api']`` of a ccxt client has to be."""
        ...

    def credentials(self, account: Account) -> dict[str, str]:
        """Return the settings of a ccxt client that belong to an account."""
        ...


class DialectTerms(Protocol):
    """What a dialect's exchange is made with."""

    reuses_client_ids: bool

    def listings(self) -> Sequence[Listing]:
        """Return what is traded unless told otherwise."""
        ...

    def account(
        self,
        name: str,
        generator: np.random.Generator,
        spot: dict[str, Decimal],
        margin: dict[str, Decimal],
    ) -> Account:
        """Make an account with keys of the dialect's form."""
        ...
