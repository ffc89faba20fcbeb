"""What a journal row can be: the kinds of record and the type of each one's body.

A body is a frozen dataclass, encoded as JSON. A float that isn't finite would be written as null,
so a field that may have no value says so in its type. Where the model has the value already
(intent, order, fill, position ...) it is the body.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from tutti.model.difference import Difference
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, AggregatedContext, Opinion
from tutti.model.order import (
    ApprovedOrder,
    ChildOrder,
    Fill,
    FundingPaid,
    Liquidated,
    Order,
    OrderIntent,
    Position,
    Reason,
    Refusal,
    Settlement,
)

Kind: TypeAlias = Literal[
    "started",
    "opinion",
    "decision",
    "intent",
    "approval",
    "refusal",
    "route",
    "order",
    "fill",
    "position",
    "funding",
    "liquidation",
    "mode",
    "account",
    "segment",
    "reconciled",
    "difference",
    "adopted",
    "transfer",
    "command",
    "settlement",
    "stopped",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """File that a run reads, and the SHA-256 of its bytes."""

    path: str
    sha256: str
    rows: int = 0
    instrument: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process began to write: everything that a replay needs.

    Parameters
    ----------
    configuration : str
        SHA-256 of the configuration as resolved.
    commit : str
        Version-control commit of the code; empty when unknown.
    instruments, agents : tuple of str
        In the order of the array axes.
    balances : dict of str to Decimal
        Cash by venue, quote currency, at this start. The first start of a ledger is where its cash
        begins; a later one only notes what was restored.
    """

    run_id: str
    configuration: str
    seed: int
    versions: dict[str, str]
    instruments: tuple[str, ...]
    agents: tuple[str, ...]
    balances: dict[str, Decimal]
    data: tuple[DataSource, ...] = ()
    commit: str = ""
    step: int = 0


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent that was waited for said; it counts from the tick of its row on.

    Parameters
    ----------
    bias, confidence : float or None
        None for an abstention.
    rationale : str
        Why it thinks so, or why it abstains.

    See `tutti.model.opinion.Opinion` for the others.
    """

    agent: str
    instrument: InstrumentId
    as_of: int
    bias: float | None
    confidence: float | None
    rationale: str
    time_to_live: int = 0
    horizon: int = 0
    sources: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    call: str = ""
    knowledge: str = ""

    @classmethod
    def of(cls, answer: Opinion | Abstention) -> Told:
        """Return the record of an answer."""
        if isinstance(answer, Abstention):
            return cls(
                agent=answer.agent,
                instrument=answer.instrument,
                as_of=answer.as_of,
                bias=None,
                confidence=None,
                rationale=answer.reason,
                call=answer.call,
            )
        return cls(
            agent=answer.agent,
            instrument=answer.instrument,
            as_of=answer.as_of,
            bias=answer.bias,
            confidence=answer.confidence,
            rationale=answer.rationale,
            time_to_live=answer.time_to_live,
            horizon=answer.horizon,
            sources=answer.sources,
            quotes=answer.quotes,
            call=answer.call,
            knowledge=answer.knowledge,
        )

    @property
    def answer(self) -> Opinion | Abstention:
        """What was said."""
        if self.bias is None or self.confidence is None:
            return Abstention(
                agent=self.agent,
                instrument=self.instrument,
                as_of=self.as_of,
                reason=self.rationale,
                call=self.call,
            )
        return Opinion(
            agent=self.agent,
            instrument=self.instrument,
            bias=self.bias,
            confidence=self.confidence,
            as_of=self.as_of,
            rationale=self.rationale,
            time_to_live=self.time_to_live,
            horizon=self.horizon,
            sources=self.sources,
            quotes=self.quotes,
            call=self.call,
            knowledge=self.knowledge,
        )


class DecisionItem(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one instrument and what was wanted of it.

    Parameters
    ----------
    context : AggregatedContext or None
        None where no agent had a view.
    features : dict of str to float
        Those that the opinions rest on; None for one that is still warming up.
    close : float
        Last known close, quote currency; ``open``, ``high``, ``low`` (quote currency) and
        ``volume`` (base units) are of the same bar.
    score, confidence : float or None
        Of the policy's signal; None for no view.
    weight : float
        Target, signed fraction of equity.
    reason : Reason
        Why the target is what it is.
    lead : str
        Agent (or policy) that the position would be booked to.
    """

    instrument: str
    context: AggregatedContext | None
    features: dict[str, float | None]
    close: float
    score: float | None
    confidence: float | None
    weight: float
    reason: Reason
    lead: str = ""
    open: float | None = None
    high: float | None = None
    low: float | None = None
    volume: float | None = None

    def __post_init__(self) -> None:
        context = self.context
        numbers = [self.close, self.weight]
        if context is not None:
            numbers += [context.bias, context.confidence, context.regime_confidence]
        if not all(map(math.isfinite, numbers)):
            raise ValueError(
                f"{self.instrument}: close, weight and context must be finite, were {numbers}; "
                "pass None for a context that nobody gave"
            )


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One tick that led to an intent or changed the mode.

    Parameters
    ----------
    as_of : int
        When the tick's bars became known, ns UTC.
    equity : float
        Quote currency, marked at the tick's closes.
    items : tuple of DecisionItem
        One for each instrument that something is done about; the views of the others are in a
        segment.
    flags : tuple of str
        What stood out in the risk of the whole portfolio when it was last looked at.
    """

    as_of: int
    equity: float
    mode: str
    items: tuple[DecisionItem, ...]
    flags: tuple[str, ...] = ()


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """The intent of this id passed these rules."""

    intent: str
    approved_at: int
    rules: tuple[str, ...]

    @classmethod
    def of(cls, order: ApprovedOrder) -> Approval:
        """Return the record of ``order``; its intent is a row of its own."""
        return cls(intent=order.intent.id, approved_at=order.approved_at, rules=order.rules)


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """The intent of this id was refused by this rule, and why."""

    intent: str
    refused_at: int
    rule: str
    reason: str

    @classmethod
    def of(cls, refusal: Refusal) -> Objection:
        """Return the record of ``refusal``; its intent is a row of its own."""
        return cls(
            intent=refusal.intent.id,
            refused_at=refusal.refused_at,
            rule=refusal.rule,
            reason=refusal.reason,
        )


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    """The order of this id was split over venues.

    Parameters
    ----------
    strategy : str
        How: see `tutti.execution.router.split.Strategy`.
    arrival_price : Decimal
        Price at which it was decided; the children's slippage counts from it.
    children : tuple of ChildOrder
        One a venue; each has order rows of its own, under its own id.
    left : Decimal
        Base units that fit no venue.
    detail : str
        Why it was split again; empty the first time.
    """

    parent: str
    strategy: str
    arrival_price: Decimal
    children: tuple[ChildOrder, ...]
    left: Decimal
    detail: str = ""


HALTED_MODE: Final = "halted"
"""Mode after too many errors in a row: until somebody resumes, or the next start, only closing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChange:
    """What the account may do: ``trading``, ``reduce_only``, ``flatten`` or `HALTED_MODE`."""

    mode: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """Figures of the account that can't be added up from fills; a restart takes the latest.

    Parameters
    ----------
    day : int
        Days since the epoch, UTC.
    agent_day : dict of str to float
        P&L of each agent's positions since the day began, quote currency; of one that has left
        the panel, too, as long as there is any.
    """

    equity: float
    peak_equity: float
    day: int
    day_start_equity: float
    fees: float
    funding: float
    turnover: float
    agent_day: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Array of a segment: its name, NumPy type and shape; the first axis is time."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Block of ticks whose contexts and opinions lie in a file beside the journal.

    Parameters
    ----------
    file : str
        Name inside the ledger's ``segments`` folder.
    content : str
        SHA-256 over names, types, shapes and values: see `tutti.ledger.segments.content_hash`.
    """

    file: str
    first_ts: int
    last_ts: int
    count: int
    content: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """Our open orders were compared with the venue's answers; one line for each difference."""

    venue: str
    checked: int
    differences: tuple[str, ...] = ()


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue held and no order of ours explained was booked as ours.

    Parameters
    ----------
    quantity : Decimal
        Signed base units by which the position changed.
    price : Decimal
        Quote currency; the cash changed as if it had been traded there, without a fee.
    """

    instrument: InstrumentId
    ts: int
    quantity: Decimal
    price: Decimal
    detail: str = ""


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Cash at a venue changed by ``amount`` (quote currency) that no order of ours explains."""

    venue: str
    ts: int
    amount: Decimal
    detail: str = ""


PAUSE: Final = "pause"
RESUME: Final = "resume"
FLATTEN: Final = "flatten"
KILL: Final = "kill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A person (or a program with the token) asked for something: one of the names above."""

    name: str
    by: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The process ended on purpose; ``totals`` counts ticks, orders, fills and the like.

    Parameters
    ----------
    deployment_status : str
        ``stopped`` after a kill; empty after any other end.
    not_closed : tuple of str
        What a kill could neither cancel nor close, and why.
    """

    reason: str
    totals: dict[str, int]
    equity: float | None = None
    deployment_status: str = ""
    not_closed: tuple[str, ...] = ()


Body: TypeAlias = (
    Started
    | Told
    | Decision
    | OrderIntent
    | Approval
    | Objection
    | Routed
    | Order
    | Fill
    | Position
    | FundingPaid
    | Liquidated
    | ModeChange
    | AccountState
    | Segment
    | Reconciled
    | Difference
    | Adopted
    | Transfer
    | Command
    | Settlement
    | Stopped
)

BODIES: Final[dict[str, type[Body]]] = {
    "started": Started,
    "opinion": Told,
    "decision": Decision,
    "intent": OrderIntent,
    "approval": Approval,
    "refusal": Objection,
    "route": Routed,
    "order": Order,
    "fill": Fill,
    "position": Position,
    "funding": FundingPaid,
    "liquidation": Liquidated,
    "mode": ModeChange,
    "account": AccountState,
    "segment": Segment,
    "reconciled": Reconciled,
    "difference": Difference,
    "adopted": Adopted,
    "transfer": Transfer,
    "command": Command,
    "settlement": Settlement,
    "stopped": Stopped,
}
"""Type of the body by kind of record."""

KINDS: Final[dict[type, str]] = {body: kind for kind, body in BODIES.items()}
"""Kind of record by type of the body."""
