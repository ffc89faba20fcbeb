"""What a running service shows of itself: to the terminal, the HTTP API and the end of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Mode(StrEnum):
    """What the breakers let the service do; in the order of the codes in ``Book.account``."""

    TRADING = "trading"
    REDUCE_ONLY = "reduce_only"
    FLATTEN = "flatten"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """One open position, in numbers for display.

    Parameters
    ----------
    quantity : float
        Base units, negative when short.
    unrealised : float
        Quote currency, at ``mark``.
    weight : float
        Signed fraction of equity.
    lead : str
        Agent, or policy, that it is booked to.
    """

    instrument: str
    quantity: float
    average_price: float
    mark: float
    unrealised: float
    weight: float
    opened_at: int
    lead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision: what was done about an instrument, or not done, and why.

    Parameters
    ----------
    action : str
        ``buy``, ``sell``, ``hold`` or ``refused``.
    order_id : str
        Empty when no order came of it.
    """

    ts: int
    instrument: str
    action: str
    reason: str
    confidence: float
    order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalRow:
    """One intent that risk refused, with the rule and its reason."""

    ts: int
    instrument: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """One order and what is known of it, in numbers for display; ``price`` is None at market."""

    order_id: str
    ts: int
    instrument: str
    side: str
    quantity: float
    type: str
    price: float | None
    status: str
    filled: float
    average_price: float
    reason: str
    lead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One agent's state and record.

    Parameters
    ----------
    calls, abstentions, timeouts : int
        Opinions asked for, those not given, and those not given in time.
    last_seen : int
        ns UTC of its last opinion; 0 for none yet.
    day_pnl : float
        Of the positions booked to it since the day began, in quote currency.
    instruments : tuple of str or None
        What it may speak about; None for everything.
    model : str
        Language model that it asks; empty for none.
    information_ratio : float or None
        A year, against the baseline, in the newest window that says something; None before.
    bad_windows : int
        Windows in a row, up to that one, in which it was negative.
    is_failing : bool
        True where these are too many.
    """

    name: str
    display_name: str
    active: bool
    daily_loss_breached: bool
    weight: float
    calls: int
    abstentions: int
    timeouts: int
    last_seen: int
    day_pnl: float
    instruments: tuple[str, ...] | None = None
    model: str = ""
    information_ratio: float | None = None
    bad_windows: int = 0
    is_failing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpinionRow:
    """One agent's part in a prediction; bias and confidence are None for an abstention."""

    agent: str
    bias: float | None
    confidence: float | None
    weight: float
    rationale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the panel thinks of an instrument and what would be held; acts on nothing.

    Parameters
    ----------
    bias, confidence : float or None
        Aggregated, in [-1, 1] and [0, 1]; None when every agent abstains.
    regime : str or None
        None while its classifier warms up.
    target_weight : float or None
        Signed fraction of equity that the policy would hold; None for no view.
    """

    instrument: str
    as_of: int
    bias: float | None
    confidence: float | None
    regime: str | None
    regime_confidence: float | None
    target_weight: float | None
    target_reason: str
    opinions: tuple[OpinionRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """Snapshot of a running service.

    Parameters
    ----------
    as_of : int
        Market time of the last tick, ns UTC; 0 before the first.
    started_at : int
        Wall time, ns UTC.
    equity, start_equity : float
        Quote currency.
    drawdown : float
        Fraction from the peak, in [0, 1].
    regime : mapping of str to str
        Instrument to regime; an instrument still warming up is absent.
    decisions, refusals : tuple
        The latest, newest first.
    speed : float
        Market seconds per wall second.
    market_data_age_s : float
        Wall seconds since the last market event.
    api_url : str
        Empty when the API is off.
    symbols_refused : str
        Why the list of symbols as it is on disk is not in force; empty when it is.
    agents_refused : str
        The same of the list of agents.
    halted : str
        Why nothing is opened any more after too many errors in a row; empty otherwise.
    locked : tuple of str
        Instruments in which nothing is sent: an order of unknown fate, or holdings that no order
        explains.
    """

    run_id: str
    as_of: int
    feed: str
    started_at: int
    ticks: int
    equity: float
    start_equity: float
    drawdown: float
    mode: Mode
    regime: Mapping[str, str]
    positions: tuple[PositionRow, ...]
    decisions: tuple[DecisionRow, ...]
    refusals: tuple[RefusalRow, ...]
    agents: tuple[AgentRow, ...]
    n_orders: int
    n_fills: int
    n_refusals: int
    speed: float
    market_data_age_s: float
    api_url: str = ""
    symbols_refused: str = ""
    agents_refused: str = ""
    halted: str = ""
    locked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsState:
    """The agents that are in force, and what became of the file of them.

    Parameters
    ----------
    agents : tuple of AgentRow
        Of the running session; one that is switched off is among them.
    file : str
        That is watched; empty where the agents can't change.
    read, in_force : str
        SHA-256 of the file as it was last read, and as it was when it last came into force.
    refused : str
        Why what was read is not in force; empty when it is.
    """

    agents: tuple[AgentRow, ...]
    file: str = ""
    read: str = ""
    in_force: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRow:
    """One symbol that is traded: where, within which limits of its own, and who speaks on it."""

    symbol: str
    exchanges: tuple[str, ...]
    strategy: str
    max_fraction: float | None = None
    max_notional: float | None = None
    agents: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolsState:
    """The list of symbols that is in force, and what became of the file of it.

    Parameters
    ----------
    traded : tuple of str
        Instruments of the running session.
    leaving : tuple of str
        Those among them that were taken off and are not flat yet.
    file : str
        That is watched; empty where the symbols can't change.
    read, in_force : str
        SHA-256 of the file as it was last read, and as it was when it last came into force.
    refused : str
        Why what was read is not in force; empty when it is.
    """

    symbols: tuple[SymbolRow, ...]
    traded: tuple[str, ...]
    leaving: tuple[str, ...] = ()
    on_removal: str = ""
    file: str = ""
    read: str = ""
    in_force: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSummary:
    """What a service did from start to stop; ``stopped_by`` says who or what ended it.

    ``not_closed`` names what a kill could neither cancel nor close, and why.
    """

    run_id: str
    ledger_hash: str
    feed: str
    folder: str
    stopped_by: str
    seconds: float
    ticks: int
    start_equity: float
    final_equity: float
    n_decisions: int
    n_orders: int
    n_fills: int
    n_refusals: int
    open_positions: tuple[PositionRow, ...] = ()
    not_closed: tuple[str, ...] = ()
    written: tuple[str, ...] = field(default=())


class LiveView(Protocol):
    """Something that shows a service while it runs."""

    def update(self, state: ServiceState) -> None:
        """Show ``state``; called about four times a second, must not block."""
        ...
