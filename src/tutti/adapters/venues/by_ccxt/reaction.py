"""What a failed request asks for: the reactions, and the tables that lead to them.

A request that changes something is only ever repeated where it is certain that the venue did not
take it. ccxt's own sorting does not say that: it calls a 400 without a known body a network error,
a clock that runs wrong one as well, and a broken answer an ``ExchangeError``. So every one of its
classes is listed here, and what is not listed is reconciled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Reaction(Enum):
    """What to do about an order whose request failed."""

    RETRY = "retry"
    """The venue certainly did not take it, and may the next time."""

    WAIT = "wait"
    """The same, after a pause: there were too many requests."""

    REJECT = "reject"
    """The venue certainly did not take it, and won't."""

    FUNDS = "funds"
    """The same, because the account can't carry it."""

    RECONCILE = "reconcile"
    """Nobody knows: look for it, never send it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What a venue's own words or numbers mean.

    Parameters
    ----------
    pattern : str
        Regular expression to be found in the message, case ignored.
    """

    pattern: str
    reaction: Reaction

    def matches(self, message: str) -> bool:
        """Tell whether the message holds it."""
        return re.search(self.pattern, message, re.IGNORECASE) is not None


BY_CLASS: dict[str, Reaction] = {
    "BaseError": Reaction.RECONCILE,
    "ExchangeError": Reaction.RECONCILE,
    "AuthenticationError": Reaction.REJECT,
    "PermissionDenied": Reaction.REJECT,
    "AccountNotEnabled": Reaction.REJECT,
    "AccountSuspended": Reaction.REJECT,
    "ArgumentsRequired": Reaction.REJECT,
    "BadRequest": Reaction.REJECT,
    "BadSymbol": Reaction.REJECT,
    "OperationRejected": Reaction.REJECT,
    "NoChange": Reaction.REJECT,
    "MarginModeAlreadySet": Reaction.REJECT,
    "MarketClosed": Reaction.REJECT,
    "ManualInteractionNeeded": Reaction.REJECT,
    "RestrictedLocation": Reaction.REJECT,
    "InsufficientFunds": Reaction.FUNDS,
    "InvalidAddress": Reaction.REJECT,
    "AddressPending": Reaction.REJECT,
    "InvalidOrder": Reaction.REJECT,
    "OrderNotFound": Reaction.REJECT,
    "OrderNotCached": Reaction.RECONCILE,
    "OrderImmediatelyFillable": Reaction.REJECT,
    "OrderNotFillable": Reaction.REJECT,
    "DuplicateOrderId": Reaction.RECONCILE,
    "ContractUnavailable": Reaction.REJECT,
    "NotSupported": Reaction.REJECT,
    "InvalidProxySettings": Reaction.REJECT,
    "ExchangeClosedByUser": Reaction.RECONCILE,
    "OperationFailed": Reaction.RECONCILE,
    "NetworkError": Reaction.RECONCILE,
    "DDoSProtection": Reaction.RECONCILE,
    "RateLimitExceeded": Reaction.RECONCILE,
    "ExchangeNotAvailable": Reaction.RECONCILE,
    "OnMaintenance": Reaction.RECONCILE,
    "InvalidNonce": Reaction.RETRY,
    "ChecksumError": Reaction.RECONCILE,
    "RequestTimeout": Reaction.RECONCILE,
    "BadResponse": Reaction.RECONCILE,
    "NullResponse": Reaction.RECONCILE,
    "CancelPending": Reaction.RECONCILE,
    "UnsubscribeError": Reaction.RECONCILE,
}
"""ccxt's classes of 4.5.90, by name, for a request that left. A test holds the list complete."""

LIMITS = frozenset({"DDoSProtection", "RateLimitExceeded"})
"""Classes of a request limit: a refusal where the venue is known to count before it acts."""

DUPLICATE = Code(
    pattern=r"duplicate|already (exists?|in use|been used|used)|client_?o(rde)?r?_?id.{0,20}exist",
    reaction=Reaction.RECONCILE,
)
"""The client order id is taken: so the order, or one like it, is there."""


def reaction_to(
    lineage: tuple[str, ...], message: str, codes: tuple[Code, ...], *, refuses_at_limit: bool
) -> Reaction:
    """Return what to do about a request to place an order that left and failed.

    Parameters
    ----------
    lineage : tuple of str
        Names of the error's class and those above it, nearest first.
    message : str
        What the venue said.
    codes : tuple of Code
        The venue's own, which go before the classes.
    refuses_at_limit : bool
        Whether a request over the limit is certain not to have been looked at.
    """
    if DUPLICATE.matches(message):
        return Reaction.RECONCILE
    for code in codes:
        if code.matches(message):
            is_short = code.reaction is Reaction.REJECT and "InsufficientFunds" in lineage
            return Reaction.FUNDS if is_short else code.reaction
    for name in lineage:
        if name in LIMITS and refuses_at_limit:
            return Reaction.WAIT
        if name in BY_CLASS:
            return BY_CLASS[name]
    return Reaction.RECONCILE
