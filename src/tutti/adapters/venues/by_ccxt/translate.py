"""ccxt's errors in our words: one place, and nothing in them that has to stay secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tutti.adapters.venues.by_ccxt.reaction import LIMITS, Reaction, reaction_to
from tutti.model.errors import (
    InsufficientFunds,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Transient,
    VenueError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tutti.adapters.venues.by_ccxt.dialect import Dialect

_LONGEST = 300
_QUERY = re.compile(r"(https?://[^\s?]+)\?\S*")
_LONG_TOKEN = re.compile(r"\b(?:[0-9a-fA-F]{40,}|[A-Za-z0-9+/_-]{60,}={0,2})\b")
_RETRY_AFTER_S = 1.0
_NOT_CONNECTED = frozenset(
    {
        "ClientConnectorError",
        "ClientConnectorDNSError",
        "ClientConnectorSSLError",
        "ClientConnectorCertificateError",
        "ClientProxyConnectionError",
        "ConnectionTimeoutError",
        "UnixClientConnectorError",
        "gaierror",
    }
)
"""aiohttp's and the system's errors after which certainly no byte of a request left."""


def lineage(error: BaseException) -> tuple[str, ...]:
    """Return the names of the error's class and of those above it, nearest first."""
    return tuple(kind.__name__ for kind in type(error).__mro__)


def never_connected(error: BaseException) -> bool:
    """Tell whether the error, or what caused it, says that no connection was made."""
    cause: BaseException | None = error
    while cause is not None:
        if not _NOT_CONNECTED.isdisjoint(lineage(cause)):
            return True
        cause = cause.__cause__
    return False


def cleaned(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a message without queries, signatures and secrets, on one line, and short."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[redacted]")
    text = _QUERY.sub(r"\1", text)
    text = _LONG_TOKEN.sub("[...]", " ".join(text.split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def said(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """Return what an error says, with its class, without secrets."""
    return cleaned(f"{type(error).__name__}: {error}", secrets)


def failed_order(
    error: BaseException, dialect: Dialect, *, left: bool, secrets: Iterable[str] = ()
) -> VenueError:
    """Return what a failed request to place an order means.

    Parameters
    ----------
    left : bool
        Whether a byte of it may have left. If not, whatever went wrong, the venue does not have it.
    """
    names, text = lineage(error), said(error, secrets)
    reaction = reaction_to(
        names, str(error), dialect.codes, refuses_at_limit=dialect.refuses_at_limit
    )
    if not left and reaction not in (Reaction.REJECT, Reaction.FUNDS):
        reaction = Reaction.RETRY
    match reaction:
        case Reaction.RETRY:
            return Transient(text, venue=dialect.venue)
        case Reaction.WAIT:
            return RateLimited(text, venue=dialect.venue, retry_after_s=_RETRY_AFTER_S)
        case Reaction.REJECT:
            return OrderRejected(text, venue=dialect.venue)
        case Reaction.FUNDS:
            return InsufficientFunds(text, venue=dialect.venue)
        case Reaction.RECONCILE:
            return OutcomeUnknown(text, venue=dialect.venue)


def failed_question(
    error: BaseException, dialect: Dialect, secrets: Iterable[str] = ()
) -> VenueError:
    """Return what a failed request that changes nothing means: asking again does no harm."""
    names, text = lineage(error), said(error, secrets)
    if not LIMITS.isdisjoint(names):
        return RateLimited(text, venue=dialect.venue, retry_after_s=_RETRY_AFTER_S)
    if "OperationFailed" in names or "BaseError" not in names:
        # a broken answer shows as any Python error
        return Transient(text, venue=dialect.venue)
    return VenueError(text, venue=dialect.venue)


def says_unknown(error: BaseException) -> bool:
    """Tell whether the venue says that it has no such order."""
    return "OrderNotFound" in lineage(error)
