"""Intents to approvals and refusals: the one place that makes an ``ApprovedOrder``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.kernel.clock import SECOND
from tutti.kernel.jit import lean_njit
from tutti.model.arrays import (
    DAY_START_EQUITY,
    EQUITY,
    MODE,
    PEAK_EQUITY,
    TRADING,
    Book,
    Terms,
)
from tutti.model.errors import InvariantBroken
from tutti.model.market import FloatArray, IntArray
from tutti.model.order import ApprovedOrder, OrderIntent, Refusal
from tutti.risk.breakers import HALTED, UNLOCKED, UNRESOLVED, drawdown, reaches
from tutti.risk.caps import margin_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Exposure(NamedTuple):
    """Most that can be held once any of the approved and working orders filled.

    By instrument, shape (n,): lots at work, and the margin that a unit of exposure needs. By venue,
    shape (v,): gross exposure, margin it needs, equity.
    """

    buys: IntArray
    sells: IntArray
    rates: FloatArray
    gross: FloatArray
    margin: FloatArray
    equity: FloatArray


def no_findings(count: int) -> Findings:
    """Return room for what the rules say of ``count`` proposals."""
    return Findings(np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros((count, 2)))


def no_exposure(n_instruments: int, n_venues: int) -> Exposure:
    """Return room for the sums of a review."""
    return Exposure(
        np.zeros(n_instruments, np.int64),
        np.zeros(n_instruments, np.int64),
        np.zeros(n_instruments),
        np.zeros(n_venues),
        np.zeros(n_venues),
        np.zeros(n_venues),
    )


class _Outcome(NamedTuple):
    """What an order would leave: position, exposures and margin in quote currency."""

    lots: int
    position: float
    venue_gross: float
    gross: float
    margin: float
    venue_equity: float
    positions: int


@lean_njit
def _most_lots(held: int, buys: int, sells: int) -> int:
    return max(abs(held + buys), abs(held - sells))


@lean_njit
def _take_in(exposure: Exposure, book: Book, terms: Terms, limits: Limits) -> int:
    """Write what is held and at work into ``exposure``; return the number of positions."""
    positions = 0
    for v in range(book.cash.shape[0]):
        exposure.gross[v] = 0.0
        exposure.margin[v] = 0.0
        exposure.equity[v] = book.cash[v]
    for i in range(book.lots.shape[0]):
        exposure.rates[i] = margin_rate(
            terms.max_leverage[i],
            terms.maintenance_margin[i],
            limits.liquidation_margin,
            terms.taker_fee[i],
        )
        exposure.buys[i] = max(book.working[i], 0)
        exposure.sells[i] = max(-book.working[i], 0)
        if book.lots[i] == 0 and book.working[i] == 0:
            continue
        value = terms.lot[i] * book.mark[i]
        most = _most_lots(book.lots[i], exposure.buys[i], exposure.sells[i]) * value
        v = terms.venue[i]
        exposure.gross[v] += most
        exposure.margin[v] += most * exposure.rates[i]
        exposure.equity[v] += book.lots[i] * value
        positions += 1
    return positions


@lean_njit
def _within(value: float, limit: float) -> bool:
    # false for NaN: what can't be known is not approved
    return value < math.inf and (limit == math.inf or value <= limit - abs(limit) * _EXACT)


@lean_njit
def _objection_to_any(
    locked: int, price: float, age: int, lots: int, limits: Limits
) -> tuple[int, float, float]:
    """Check what every order must pass, one that only reduces included."""
    if locked == UNRESOLVED:
        return _UNRESOLVED_ORDER, 0.0, 0.0
    if locked == HALTED:
        return _HALT, 0.0, 0.0
    if not 0.0 < price < math.inf:
        return _PRICE, price, 0.0
    if age > limits.max_data_age_ns:
        return _STALE_DATA, age / SECOND, limits.max_data_age_ns / SECOND
    if -age > limits.max_clock_skew_ns:
        return _CLOCK_SKEW, -age / SECOND, limits.max_clock_skew_ns / SECOND
    if lots == 0 or abs(lots) > _MOST_LOTS:
        return _QUANTITY, float(lots), float(_MOST_LOTS)
    return _APPROVED, 0.0, 0.0


@lean_njit
def _objection_to_opening(
    paused: bool,  # noqa: FBT001 (kernels take no keywords)
    account: FloatArray,
    lead_loss: float,
    limits: Limits,
) -> tuple[int, float, float]:
    """Check whether the account may open or add anything at all."""
    if paused:
        return _MARKET_PAUSE, 0.0, 0.0
    if account[MODE] != TRADING:
        return _TRADING_MODE, account[MODE], TRADING
    if not 0.0 < account[EQUITY] < math.inf:
        return _EQUITY, account[EQUITY], 0.0
    fall = drawdown(account[EQUITY], account[PEAK_EQUITY])
    if reaches(fall, limits.max_drawdown):
        return _DRAWDOWN, fall, limits.max_drawdown
    loss = account[DAY_START_EQUITY] - account[EQUITY]
    if reaches(loss, limits.max_daily_loss):
        return _DAILY_LOSS, loss, limits.max_daily_loss
    if reaches(lead_loss, limits.max_agent_daily_loss):
        return _AGENT_DAILY_LOSS, lead_loss, limits.max_agent_daily_loss
    return _APPROVED, 0.0, 0.0


@lean_njit
def _objection_to_own_size(
    i: int, position: float, equity: float, limits: Limits
) -> tuple[int, float, float]:
    """Check a position against the limits that its instrument has of its own."""
    if limits.own_notional.shape[0] > 0:
        if not _within(position, limits.own_notional[i]):
            return _POSITION_SIZE, position, limits.own_notional[i]
        if not _within(position, limits.own_fraction[i] * equity):
            return _INSTRUMENT_EXPOSURE, position / equity, limits.own_fraction[i]
    return _APPROVED, 0.0, 0.0


@lean_njit
def _objection_to_size(
    outcome: _Outcome, perpetual: int, equity: float, limits: Limits
) -> tuple[int, float, float]:
    """Check what would be held if the order, and everything at work before it, filled."""
    if outcome.lots < 0 and perpetual == 0:
        return _SHORT_SPOT, float(outcome.lots), 0.0
    if outcome.positions > limits.max_positions:
        return _POSITION_COUNT, float(outcome.positions), float(limits.max_positions)
    most = limits.max_notional_multiple * limits.base_notional
    if not _within(outcome.position, most):
        return _POSITION_SIZE, outcome.position, most
    if not _within(outcome.position, limits.max_instrument_fraction * equity):
        return _INSTRUMENT_EXPOSURE, outcome.position / equity, limits.max_instrument_fraction
    if not _within(outcome.venue_gross, limits.max_venue_fraction * equity):
        return _VENUE_EXPOSURE, outcome.venue_gross / equity, limits.max_venue_fraction
    if not _within(outcome.gross, limits.max_gross_fraction * equity):
        return _GROSS_EXPOSURE, outcome.gross / equity, limits.max_gross_fraction
    if not _within(outcome.margin, outcome.venue_equity):
        return _VENUE_MARGIN, outcome.margin, outcome.venue_equity
    return _APPROVED, 0.0, 0.0


def objections(
    proposals: Proposals, book: Book, terms: Terms, limits: Limits, locks: IntArray, ts: int
) -> Findings:
    """Return what the rules say of each order, in the order given.

    Parameters
    ----------
    proposals : Proposals
        Those that come first take the room of those that come after.
    locks : ndarray of int64, shape (n,)
        By instrument: ``UNLOCKED``, ``UNRESOLVED`` or ``HALTED`` of
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
    count = len(proposals.lots)
    findings, exposure = no_findings(count), no_exposure(len(book.lots), len(book.cash))
    object_to(count, proposals, book, terms, limits, locks, ts, exposure, findings)
    return findings


@lean_njit
def object_to(  # noqa: PLR0913 (a kernel takes its arrays one by one)
    count: int,
    proposals: Proposals,
    book: Book,
    terms: Terms,
    limits: Limits,
    locks: IntArray,
    ts: int,
    exposure: Exposure,
    findings: Findings,
) -> None:
    """Write what ``objections`` would return for the first ``count`` proposals, without making room.

    Parameters
    ----------
    exposure : Exposure
        Written over.
    findings : Findings
        Its first ``count`` rows are written.
    """
    buys, sells, rates = exposure.buys, exposure.sells, exposure.rates
    positions = _take_in(exposure, book, terms, limits)
    for k in range(count):
        i, lots, lead = proposals.column[k], proposals.lots[k], proposals.lead[k]
        v, held = terms.venue[i], book.lots[i]
        end = held + lots + (buys[i] if lots > 0 else -sells[i])
        reducing = end <= 0 if lots > 0 else end >= 0
        # a halt keeps nothing from being closed
        lock = UNLOCKED if reducing and locks[i] == HALTED else locks[i]
        code, value, limit = _objection_to_any(
            lock, book.mark[i], ts - book.marked_at[i], lots, limits
        )
        if code == _APPROVED and not reducing:
            lead_loss = -book.agent_day[lead] if lead >= 0 else -math.inf
            code, value, limit = _objection_to_opening(
                ts < book.paused_until[i], book.account, lead_loss, limits
            )
        if code == _APPROVED and not reducing:
            lot_value = terms.lot[i] * book.mark[i]
            more = max(abs(end) - _most_lots(held, buys[i], sells[i]), 0) * lot_value
            gross = more
            for at_venue in exposure.gross:
                gross += at_venue
            idle = held == 0 and buys[i] == 0 and sells[i] == 0
            outcome = _Outcome(
                end,
                abs(end) * lot_value,
                exposure.gross[v] + more,
                gross,
                exposure.margin[v] + more * rates[i],
                exposure.equity[v],
                positions + 1 if idle else positions,
            )
            code, value, limit = _objection_to_size(
                outcome, terms.is_perpetual[i], book.account[EQUITY], limits
            )
            if code == _APPROVED:
                code, value, limit = _objection_to_own_size(
                    i, outcome.position, book.account[EQUITY], limits
                )
            if code == _APPROVED:
                exposure.gross[v] = outcome.venue_gross
                exposure.margin[v] = outcome.margin
                positions = outcome.positions
        if code == _APPROVED:
            # one that reduces adds only this: it leaves the worst case as it is
            buys[i] += max(lots, 0)
            sells[i] += max(-lots, 0)
        findings.codes[k] = code
        findings.reduces[k] = reducing
        findings.figures[k, 0] = value
        findings.figures[k, 1] = limit


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
    codes, reduces = findings.codes.tolist(), findings.reduces.tolist()
    for k, intent in enumerate(intents):
        code = codes[k]
        if code == _APPROVED:
            rules = _EVERY_ORDER if reduces[k] else _EVERY_OPENING
            answers.append(ApprovedOrder(intent=intent, approved_at=ts, rules=rules))
        else:
            value, limit = findings.figures[k].tolist()
            reason = _REASONS[code].format(value=value, limit=limit)
            answers.append(Refusal(intent=intent, refused_at=ts, rule=RULES[code], reason=reason))
    return answers
