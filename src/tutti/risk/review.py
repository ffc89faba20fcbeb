"""Intents to approvals and refusals: the one place that makes an ``ApprovedOrder``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.kernel.clock import SECOND
from tutti.kernel.jit import njit
from tutti.model.arrays import DAY_START_EQUITY, EQUITY, MODE, TRADING, Book, Terms
from tutti.model.errors import InvariantBroken
from tutti.model.market import FloatArray, IntArray
from tutti.model.order import ApprovedOrder, OrderIntent, Refusal
from tutti.risk.breakers import HALTED, PAUSED, UNRESOLVED, drawdown, may_lead
from tutti.risk.caps import margin_rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.model.instrument import InstrumentId
    from tutti.risk.limits import Limits

RULES = (
    "approved",
    "unresolved_order",
    "halt",
    "price",
    "stale_data",
    "clock_skew",
    "quantity",
    "market_pause",
    "trading_mode",
    "equity",
    "drawdown",
    "daily_loss",
    "agent_daily_loss",
    "short_spot",
    "position_count",
    "position_size",
    "instrument_exposure",
    "venue_exposure",
    "gross_exposure",
    "venue_margin",
)
"""Names of the rules; the position is the code in ``Findings``, and the order of checking."""

_APPROVED = 0
_UNRESOLVED_ORDER = RULES.index("unresolved_order")
_HALT = RULES.index("halt")
_PRICE = RULES.index("price")
_STALE_DATA = RULES.index("stale_data")
_CLOCK_SKEW = RULES.index("clock_skew")
_QUANTITY = RULES.index("quantity")
_MARKET_PAUSE = RULES.index("market_pause")
_TRADING_MODE = RULES.index("trading_mode")
_EQUITY = RULES.index("equity")
_DRAWDOWN = RULES.index("drawdown")
_DAILY_LOSS = RULES.index("daily_loss")
_AGENT_DAILY_LOSS = RULES.index("agent_daily_loss")
_SHORT_SPOT = RULES.index("short_spot")
_POSITION_COUNT = RULES.index("position_count")
_POSITION_SIZE = RULES.index("position_size")
_INSTRUMENT_EXPOSURE = RULES.index("instrument_exposure")
_VENUE_EXPOSURE = RULES.index("venue_exposure")
_GROSS_EXPOSURE = RULES.index("gross_exposure")
_VENUE_MARGIN = RULES.index("venue_margin")

_EVERY_ORDER = RULES[1 : _QUANTITY + 1]
_EVERY_OPENING = RULES[1:]

_EXACT = 1e-12
"""Fraction of a limit kept back, so that sums in floating point never hide a breach."""
_MOST_LOTS = 2**53
"""Lots beyond which a float no longer counts one by one."""

_REASONS = {
    _UNRESOLVED_ORDER: "an earlier order of the instrument has an unknown fate; reconcile it first",
    _HALT: "trading is halted",
    _PRICE: "the last price is {value:g}; nothing can be valued at it",
    _STALE_DATA: "the last close is {value:.1f} s old, limit {limit:.1f} s",
    _CLOCK_SKEW: "the last close is {value:.1f} s in the future, limit {limit:.1f} s",
    _QUANTITY: "the quantity is {value:g} lots; it must be a whole number from 1 to {limit:g}",
    _MARKET_PAUSE: "the market is too wild to add to a position",
    _TRADING_MODE: "positions may only be reduced now",
    _EQUITY: "equity is {value:,.2f}; it must be positive",
    _DRAWDOWN: "drawdown is {value:.2%}, limit {limit:.2%}",
    _DAILY_LOSS: "today's loss is {value:,.2f}, limit {limit:,.2f}",
    _AGENT_DAILY_LOSS: "today's loss of its lead is {value:,.2f}, limit {limit:,.2f}",
    _SHORT_SPOT: "position would be {value:g} lots; spot is never sold short",
    _POSITION_COUNT: "positions would be {value:.0f}, limit {limit:.0f}",
    _POSITION_SIZE: "position would be {value:,.2f}, limit {limit:,.2f}",
    _INSTRUMENT_EXPOSURE: "instrument exposure would be {value:.4g} x equity, limit {limit:.4g}",
    _VENUE_EXPOSURE: "venue exposure would be {value:.4g} x equity, limit {limit:.4g}",
    _GROSS_EXPOSURE: "gross exposure would be {value:.4g} x equity, limit {limit:.4g}",
    _VENUE_MARGIN: "margin needed at the venue would be {value:,.2f}, equity there {limit:,.2f}",
}


class Proposals(NamedTuple):
    """Orders to be reviewed, arrays of shape (k,).

    ``lots`` signed, ``column`` of the instrument, ``lead`` the agent's index or -1.
    """

    lots: IntArray
    column: IntArray
    lead: IntArray


class Findings(NamedTuple):
    """What the rules say of each proposal, arrays of length k.

    ``codes`` index ``RULES``, 0 for approved; ``reduces`` is 1 for an order that can only bring a
    position toward flat; ``figures`` (k, 2) hold the value objected to and its limit.
    """

    codes: IntArray
    reduces: IntArray
    figures: FloatArray


class _Exposure(NamedTuple):
    """Most that can be held once any of the approved and working orders filled.

    ``buys`` and ``sells``: lots at work, shape (n,). By venue, shape (v,): gross exposure, margin
    it needs, equity. ``positions``, shape (1,): instruments held or at work.
    """

    buys: IntArray
    sells: IntArray
    gross: FloatArray
    margin: FloatArray
    equity: FloatArray
    positions: IntArray


@njit
def _worst(i: int, exposure: _Exposure, book: Book, terms: Terms) -> float:
    most = max(abs(book.lots[i] + exposure.buys[i]), abs(book.lots[i] - exposure.sells[i]))
    return most * terms.lot[i] * book.mark[i] if most != 0 else 0.0


@njit
def _exposure(book: Book, terms: Terms, limits: Limits) -> _Exposure:
    exposure = _Exposure(
        np.maximum(book.working, 0),
        np.maximum(-book.working, 0),
        np.zeros(book.cash.shape[0]),
        np.zeros(book.cash.shape[0]),
        book.cash.copy(),
        np.zeros(1, np.int64),
    )
    for i in range(book.lots.shape[0]):
        if book.lots[i] == 0 and book.working[i] == 0:
            continue
        v = terms.venue[i]
        worst = _worst(i, exposure, book, terms)
        exposure.gross[v] += worst
        exposure.margin[v] += worst * margin_rate(i, terms, limits)
        if book.lots[i] != 0:
            exposure.equity[v] += book.lots[i] * terms.lot[i] * book.mark[i]
        exposure.positions[0] += 1
    return exposure


@njit
def _within(value: float, limit: float) -> bool:
    # false for NaN: what can't be known is not approved
    return (
        value <= limit - abs(limit) * _EXACT and value < math.inf
        if limit < math.inf
        else (value < math.inf)
    )


@njit
def _objection_to_any(
    i: int, lots: int, book: Book, limits: Limits, locks: IntArray, ts: int
) -> tuple[int, float, float]:
    """Check what every order must pass, one that only reduces included."""
    if locks[i] == UNRESOLVED:
        return _UNRESOLVED_ORDER, 0.0, 0.0
    if locks[i] == HALTED:
        return _HALT, 0.0, 0.0
    if not 0.0 < book.mark[i] < math.inf:
        return _PRICE, book.mark[i], 0.0
    age = ts - book.marked_at[i]
    if age > limits.max_data_age_ns:
        return _STALE_DATA, age / SECOND, limits.max_data_age_ns / SECOND
    if -age > limits.max_clock_skew_ns:
        return _CLOCK_SKEW, -age / SECOND, limits.max_clock_skew_ns / SECOND
    if lots == 0 or abs(lots) > _MOST_LOTS:
        return _QUANTITY, float(lots), float(_MOST_LOTS)
    return _APPROVED, 0.0, 0.0


@njit
def _objection_to_opening(
    i: int, lead: int, book: Book, limits: Limits, locks: IntArray
) -> tuple[int, float, float]:
    """Check whether the account may open or add anything at all."""
    account = book.account
    if locks[i] == PAUSED:
        return _MARKET_PAUSE, 0.0, 0.0
    if account[MODE] != TRADING:
        return _TRADING_MODE, account[MODE], TRADING
    if not 0.0 < account[EQUITY] < math.inf:
        return _EQUITY, account[EQUITY], 0.0
    fall = drawdown(book)
    if fall >= limits.max_drawdown:
        return _DRAWDOWN, fall, limits.max_drawdown
    loss = account[DAY_START_EQUITY] - account[EQUITY]
    if loss >= limits.max_daily_loss:
        return _DAILY_LOSS, loss, limits.max_daily_loss
    if not may_lead(lead, book, limits):
        return _AGENT_DAILY_LOSS, -book.agent_day[lead], limits.max_agent_daily_loss
    return _APPROVED, 0.0, 0.0


@njit
def _objection_to_size(
    i: int, lots: int, exposure: _Exposure, book: Book, terms: Terms, limits: Limits
) -> tuple[int, float, float]:
    """Check what would be held if the order, and everything at work before it, filled."""
    equity = book.account[EQUITY]
    end = book.lots[i] + (exposure.buys[i] if lots > 0 else -exposure.sells[i]) + lots
    if end < 0 and terms.is_perpetual[i] == 0:
        return _SHORT_SPOT, float(end), 0.0
    idle = book.lots[i] == 0 and exposure.buys[i] == 0 and exposure.sells[i] == 0
    if idle and exposure.positions[0] >= limits.max_positions:
        return _POSITION_COUNT, exposure.positions[0] + 1.0, float(limits.max_positions)
    value = abs(end) * terms.lot[i] * book.mark[i]
    most = limits.max_notional_multiple * limits.base_notional
    if not _within(value, most):
        return _POSITION_SIZE, value, most
    if not _within(value, limits.max_instrument_fraction * equity):
        return _INSTRUMENT_EXPOSURE, value / equity, limits.max_instrument_fraction
    v = terms.venue[i]
    more = max(value - _worst(i, exposure, book, terms), 0.0)
    gross = exposure.gross[v] + more
    if not _within(gross, limits.max_venue_fraction * equity):
        return _VENUE_EXPOSURE, gross / equity, limits.max_venue_fraction
    gross = exposure.gross.sum() + more
    if not _within(gross, limits.max_gross_fraction * equity):
        return _GROSS_EXPOSURE, gross / equity, limits.max_gross_fraction
    margin = exposure.margin[v] + more * margin_rate(i, terms, limits)
    if not _within(margin, exposure.equity[v]):
        return _VENUE_MARGIN, margin, exposure.equity[v]
    return _APPROVED, 0.0, 0.0


@njit
def _add(i: int, lots: int, exposure: _Exposure, book: Book, terms: Terms, limits: Limits) -> None:
    before = _worst(i, exposure, book, terms)
    if book.lots[i] == 0 and exposure.buys[i] == 0 and exposure.sells[i] == 0:
        exposure.positions[0] += 1
    if lots > 0:
        exposure.buys[i] += lots
    else:
        exposure.sells[i] -= lots
    more = _worst(i, exposure, book, terms) - before
    exposure.gross[terms.venue[i]] += more
    exposure.margin[terms.venue[i]] += more * margin_rate(i, terms, limits)


@njit
def objections(
    proposals: Proposals, book: Book, terms: Terms, limits: Limits, locks: IntArray, ts: int
) -> Findings:
    """Return what the rules say of each order, in the order given.

    Parameters
    ----------
    proposals : Proposals
        Those that come first take the room of those that come after.
    locks : ndarray of int64, shape (n,)
        By instrument: ``UNLOCKED``, ``UNRESOLVED``, ``HALTED`` or ``PAUSED`` of
        ``tutti.risk.breakers``.
    ts : int
        Now, ns UTC.

    Notes
    -----
    Everything is valued at the mark. Exposure is the worst that any subset of the orders at work
    and the orders approved can leave, filled in any order; an order that reduces makes no room
    until it is filled. An order reduces when, with all that is at work on its side, it can't carry
    the position past flat; it passes all but the first rules (locks, price, age of data, quantity).
    An order that turns a position round is held to every rule, with what it would leave open.
    """
    count = proposals.lots.shape[0]
    findings = Findings(np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros((count, 2)))
    exposure = _exposure(book, terms, limits)
    for k in range(count):
        i = proposals.column[k]
        lots = proposals.lots[k]
        if lots > 0:
            reduces = book.lots[i] + exposure.buys[i] + lots <= 0
        else:
            reduces = book.lots[i] - exposure.sells[i] + lots >= 0
        code, value, limit = _objection_to_any(i, lots, book, limits, locks, ts)
        if code == _APPROVED and not reduces:
            code, value, limit = _objection_to_opening(i, proposals.lead[k], book, limits, locks)
        if code == _APPROVED and not reduces:
            code, value, limit = _objection_to_size(i, lots, exposure, book, terms, limits)
        if code == _APPROVED:
            _add(i, lots, exposure, book, terms, limits)
        findings.codes[k] = code
        findings.reduces[k] = reduces
        findings.figures[k, 0] = value
        findings.figures[k, 1] = limit
    return findings


def propose(
    intents: Sequence[OrderIntent],
    columns: Mapping[InstrumentId, int],
    leads: Mapping[str, int],
    terms: Terms,
) -> Proposals:
    """Return intents as arrays; a quantity that is not a whole number of lots becomes 0 lots.

    Parameters
    ----------
    columns : mapping
        Instrument to its column.
    leads : mapping
        Agent to its index; a lead that is not in it is the policy itself, -1.

    Raises
    ------
    KeyError
        If an instrument has no column.
    """
    column = np.array([columns[intent.instrument] for intent in intents], np.int64)
    exact = np.array([float(intent.quantity) for intent in intents]) / terms.lot[column]
    whole = np.rint(exact)
    fits = (np.abs(exact - whole) <= 1e-9 * np.maximum(whole, 1.0)) & (whole <= _MOST_LOTS)
    signs = np.array([intent.side.sign for intent in intents], np.int64)
    return Proposals(
        lots=np.where(fits, whole, 0.0).astype(np.int64) * signs,
        column=column,
        lead=np.array([leads.get(intent.lead, -1) for intent in intents], np.int64),
    )


def review(
    intents: Sequence[OrderIntent], findings: Findings, ts: int
) -> list[ApprovedOrder | Refusal]:
    """Return an approval or a refusal for each intent, in their order.

    Parameters
    ----------
    findings : Findings
        What ``objections`` returned for the same intents.
    ts : int
        Now, ns UTC.

    Raises
    ------
    InvariantBroken
        If the findings are of other intents.
    """
    if len(intents) != len(findings.codes):
        raise InvariantBroken(
            f"{len(intents)} intents were reviewed as {len(findings.codes)}; nothing may be sent"
        )
    answers: list[ApprovedOrder | Refusal] = []
    for k, intent in enumerate(intents):
        code = int(findings.codes[k])
        if code == _APPROVED:
            rules = _EVERY_ORDER if findings.reduces[k] else _EVERY_OPENING
            answers.append(ApprovedOrder(intent=intent, approved_at=ts, rules=rules))
        else:
            value, limit = findings.figures[k].tolist()
            reason = _REASONS[code].format(value=value, limit=limit)
            answers.append(Refusal(intent=intent, refused_at=ts, rule=RULES[code], reason=reason))
    return answers
