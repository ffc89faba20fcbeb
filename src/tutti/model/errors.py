"""The error tree, sorted by how the caller must react.

::

    TuttiError
    ├── ConfigError           the operator acts; refuse to start
    ├── DataError             skip this datum and count it; halt the instrument if it goes stale
    ├── AgentError            the agent abstains
    │   ├── AgentLate         the same, counted as a timeout
    │   ├── BudgetSpent       the same; nothing is asked until the budget is renewed
    │   └── ModelError        the model gave no answer; try its fallback, then abstain
    │       ├── ModelBusy     wait ``retry_after_s``, then retry
    │       ├── ModelDown     may pass; retry with back-off
    │       ├── ModelRefused  key, request or content is refused: do not retry
    │       └── NotRecorded   a replay found no record of the call
    ├── VenueError
    │   ├── Transient         retry with back-off
    │   │   └── RateLimited   wait ``retry_after_s``, then retry
    │   ├── OrderRejected     do not retry
    │   │   └── InsufficientFunds
    │   └── OutcomeUnknown    reconcile with the venue; never resend blindly
    ├── GateClosed            a check that must pass did not: nothing is done, a person decides
    ├── LedgerError           the journal can't be read or does not verify
    └── InvariantBroken       halt trading and keep the evidence
"""

from __future__ import annotations


class TuttiError(Exception):
    """Root of every error that Tutti raises on purpose."""


class ConfigError(TuttiError):
    """Configuration or command that a person has to correct before anything starts."""


class DataError(TuttiError):
    """Datum that can't be true, with the file and row it came from."""


class AgentError(TuttiError):
    """Agent that could not form an opinion."""


class AgentLate(AgentError):
    """Agent whose answer did not come in time."""


class BudgetSpent(AgentError):
    """Call that would have cost more than the agent may spend; it was not made."""


class ModelError(AgentError):
    """Language model that gave no answer."""


class ModelBusy(ModelError):
    """Too many requests; wait ``retry_after_s`` seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ModelDown(ModelError):
    """Model that can't be reached or failed in a way that may pass; retry."""


class ModelRefused(ModelError):
    """Request that the model's provider will not answer, however often it is asked."""


class NotRecorded(ModelError):
    """Call that a replay has no record of."""


class VenueError(TuttiError):
    """Venue that did not do what was asked.

    Parameters
    ----------
    message : str
        What the venue said, without secrets.
    venue : str
        Name of the venue.
    """

    def __init__(self, message: str, *, venue: str) -> None:
        super().__init__(f"{venue}: {message}")
        self.venue = venue


class Transient(VenueError):
    """Failure that is certain to have changed nothing and may pass; retry."""


class RateLimited(Transient):
    """Too many requests; wait ``retry_after_s`` seconds."""

    def __init__(self, message: str, *, venue: str, retry_after_s: float) -> None:
        super().__init__(message, venue=venue)
        self.retry_after_s = retry_after_s


class OrderRejected(VenueError):
    """Definitive refusal of an order by a venue; do not retry."""


class InsufficientFunds(OrderRejected):
    """Refusal because the account can't carry the order."""


class OutcomeUnknown(VenueError):
    """Order that may or may not exist at the venue; reconcile it."""


class GateClosed(TuttiError):
    """Step that a check forbids; nothing was done."""


class LedgerError(TuttiError):
    """Journal that can't be read, or whose chain of hashes is broken."""


class InvariantBroken(TuttiError):
    """State that must be impossible; trading halts and the evidence stays."""
