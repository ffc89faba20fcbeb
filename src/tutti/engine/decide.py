"""The decision cycle as compiled kernels: mark, breakers, care, targets, caps, intents.

Both tiers call these functions and no others to decide; the event tier one interesting tick at a
time (``scan`` runs over the quiet ones), the fast tier inside its own loop.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tutti.execution.cost import Costs, against
from tutti.execution.margin import liquidation_due
from tutti.execution.matching import LIMIT, MARKET
from tutti.kernel.jit import lean_njit
from tutti.model.arrays import EQUITY, FLATTEN, MODE, TRADING, Book, Signals, Terms, Tradable
from tutti.model.market import FloatArray, IntArray
from tutti.model.order import Reason
from tutti.policy.targets import TargetRules, target_at
from tutti.portfolio.accounting import mark, new_day
from tutti.risk.breakers import may_lead, pause_wild, start_day, update_mode
from tutti.risk.caps import cap_targets
from tutti.risk.care import CareRules, care_at, endangered_venues, is_resting
from tutti.risk.limits import Limits

_NONE = Reason.NONE.code
_ENTRY = Reason.ENTRY.code
_RESIZE = Reason.RESIZE.code
_TAKE_PROFIT = Reason.TAKE_PROFIT.code
_DRAWDOWN_STOP = Reason.DRAWDOWN_STOP.code

END, VENUE, DECIDED = 0, 1, 2
"""Why a scan stopped: block over; a venue must see the tick first; intents or a new mode."""

QUIET = -1
"""Nothing is wanted at this tick."""

_WHOLE = 1e-9
"""Share of a lot by which a quantity may miss a whole number through rounding of floats."""


class Rules(NamedTuple):
    """Everything the cycle obeys, apart from the market and the book."""

    targets: TargetRules
    care: CareRules
    limits: Limits


class Style(NamedTuple):
    """How an intent seeks its price.

    Parameters
    ----------
    order_type : int
        ``MARKET`` or ``LIMIT`` of ``execution.matching``. What care or a breaker closes goes to
        the market whatever this says.
    limit_offset_bps : float
        Distance of a limit from the close, basis points; positive is on our side of the market.
    lifetime_ns : int
        A limit order not filled this long after it was decided is cancelled.
    """

    order_type: int
    limit_offset_bps: float
    lifetime_ns: int


class Wishes(NamedTuple):
    """What one decision wants, arrays of shape (n,), overwritten at each tick.

    ``weights``: target as a signed fraction of equity. ``reasons``: codes of ``Reason``, 0 where
    nothing changes. ``lots``: signed lots to trade. ``sequence``: instruments with an intent, in
    the order they are to be reviewed: what reduces first, then entries by falling confidence.
    """

    weights: FloatArray
    reasons: IntArray
    lots: IntArray
    sequence: IntArray


class Trace(NamedTuple):
    """Account after each tick, arrays of shape (t,): equity, gross and net exposure, mode."""

    equity: FloatArray
    gross: FloatArray
    net: FloatArray


def empty_wishes(n: int) -> Wishes:
    """Return arrays for ``n`` instruments."""
    return Wishes(np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64))


def empty_trace(t: int) -> Trace:
    """Return arrays for ``t`` ticks."""
    return Trace(np.zeros(t), np.zeros(t), np.zeros(t))


@lean_njit
def begin_day(book: Book, ts: int) -> None:
    """Begin a new UTC day if the bar that starts at ``ts`` lies in one; before its fills."""
    if new_day(book, ts):
        start_day(book)


@lean_njit
def needs_venue(t: int, bars: Tradable, terms: Terms, costs: Costs, book: Book) -> bool:
    """Return whether bar ``t`` can change the account: orders work, funding is due, margin ends."""
    held = False
    for i in range(book.lots.shape[0]):
        if book.working[i] != 0:
            return True
        if book.lots[i] != 0:
            if terms.is_perpetual[i] and bars.funding[t, i] != 0.0:
                return True
            held = held or terms.is_perpetual[i] != 0
    if held:
        for v in range(book.cash.shape[0]):
            if liquidation_due(t, book, bars, terms, costs, v):
                return True
    return False


@lean_njit
def _sequence(wishes: Wishes, book: Book, confidence: FloatArray) -> int:
    """Order the intents: reductions in column order, then entries by falling confidence."""
    count = 0
    n = wishes.lots.shape[0]
    for i in range(n):
        if wishes.lots[i] != 0 and book.lots[i] != 0 and wishes.reasons[i] != _RESIZE:
            wishes.sequence[count] = i
            count += 1
    first_entry = count
    for i in range(n):
        if wishes.lots[i] == 0 or (book.lots[i] != 0 and wishes.reasons[i] != _RESIZE):
            continue
        place = count
        while place > first_entry and confidence[wishes.sequence[place - 1]] < confidence[i]:
            wishes.sequence[place] = wishes.sequence[place - 1]
            place -= 1
        wishes.sequence[place] = i
        count += 1
    return count


@lean_njit
def _lots_to_trade(i: int, weight: float, price: float, book: Book, terms: Terms) -> int:
    """Return the signed lots from what is held to ``weight``, or 0 where too small to be sent."""
    is_spot = terms.is_perpetual[i] == 0
    if weight == 0.0:
        lots = abs(book.lots[i])
        small = lots * terms.lot[i] * price < terms.min_notional[i] * (1.0 - _WHOLE)
        # dust: a venue would refuse to sell it, tick after tick
        if is_spot and (small or lots < terms.min_lots[i]):
            return 0
        held: int = book.lots[i]
        return -held
    wanted = abs(weight) * book.account[EQUITY] / (price * terms.lot[i])
    # toward zero: rounding never takes more than the target allows
    whole = math.floor(wanted * (1.0 + _WHOLE) + _WHOLE)
    lots = whole if weight > 0.0 else -whole
    delta: int = lots - book.lots[i]
    opens = abs(lots) > abs(book.lots[i]) or lots * book.lots[i] < 0
    # a perpetual may be reduced by any amount, spot is sold in orders like any other
    if (opens or is_spot) and (
        abs(delta) < terms.min_lots[i]
        or abs(delta) * terms.lot[i] * price < terms.min_notional[i] * (1.0 - _WHOLE)
    ):
        return 0
    return delta


@lean_njit
def order_terms(
    i: int, lots: int, reason: int, price: float, terms: Terms, style: Style
) -> tuple[int, int]:
    """Return type and limit (in ticks, 0 for a market order) of the order for an intent.

    The limit is rounded away from the market: a buy down, a sell up.
    """
    if style.order_type == MARKET or reason >= _TAKE_PROFIT:
        return MARKET, 0
    side = 1 if lots > 0 else -1
    ticks = price * (1.0 - side * style.limit_offset_bps * 1e-4) / terms.tick[i]
    return LIMIT, against(-side, ticks)


@lean_njit
def _worth_a_limit(
    i: int, lots: int, reason: int, price: float, book: Book, terms: Terms, style: Style
) -> int:
    """Return ``lots``, or 0 where the order would be too small at the limit that it is sent with."""
    kind, ticks = order_terms(i, lots, reason, price, terms, style)
    if kind == MARKET:
        return lots
    held = book.lots[i]
    if terms.is_perpetual[i] and held * lots < 0 and abs(lots) <= abs(held):
        return lots
    notional = abs(lots) * terms.lot[i] * ticks * terms.tick[i]
    return 0 if notional < terms.min_notional[i] * (1.0 - _WHOLE) else lots


@lean_njit
def _limit_positions(room: int, confidence: FloatArray, book: Book, wishes: Wishes) -> None:
    """Drop the least confident entries where more are wanted than positions may be added."""
    n = book.lots.shape[0]
    entries = 0
    for i in range(n):
        if wishes.reasons[i] == _ENTRY:
            entries += 1
    while entries > max(room, 0):
        worst = -1
        for i in range(n):
            # ties fall to the last column, so that the result doesn't hang on float order
            if wishes.reasons[i] == _ENTRY and (worst < 0 or confidence[i] <= confidence[worst]):
                worst = i
        wishes.reasons[worst] = _NONE
        wishes.weights[worst] = 0.0
        entries -= 1


@lean_njit
def wish_at(
    t: int,
    as_of: int,
    bars: Tradable,
    terms: Terms,
    signals: Signals,
    book: Book,
    rules: Rules,
    wishes: Wishes,
) -> int:
    """Mark the account at the close of bar ``t`` and write what is wanted of each instrument.

    Parameters
    ----------
    as_of : int
        When the bar became known, ns UTC.
    wishes : Wishes
        Weights and reasons are written.

    Returns
    -------
    int
        ``QUIET`` when nothing is wanted, else the number of positions held or at work.

    Notes
    -----
    An instrument without a bar, or with an order still working, is left alone.
    """
    pause_wild(book, bars.close[t], rules.limits, as_of)
    mark(book, terms, bars.close[t], as_of)
    update_mode(book, rules.limits, as_of)
    equity = book.account[EQUITY]
    mode = book.account[MODE]
    n = book.lots.shape[0]
    n_open = 0
    for i in range(n):
        if book.lots[i] != 0 or book.working[i] != 0:
            n_open += 1
    endangered = endangered_venues(book, terms, rules.care)
    wants = False
    for i in range(n):
        price = bars.close[t, i]
        held = book.lots[i]
        wishes.lots[i] = 0
        wishes.reasons[i] = _NONE
        # an unpriced holding has no weight of its own; caps take it at its last mark
        wishes.weights[i] = 0.0
        if held != 0 and equity > 0.0:
            wishes.weights[i] = held * terms.lot[i] * book.mark[i] / equity
        if math.isnan(price) or book.working[i] != 0:
            continue
        if mode == FLATTEN or not equity > 0.0:
            reason = _DRAWDOWN_STOP if held != 0 else _NONE
            weight = 0.0
        else:
            weight = 0.0
            reason = care_at(i, as_of, book, price, terms, rules.care, endangered)
            if reason == _NONE:
                may_enter = (
                    mode == TRADING
                    and may_lead(signals.lead[t, i], book, rules.limits)
                    and not is_resting(i, as_of, book, rules.care)
                    and as_of >= book.paused_until[i]
                )
                weight, reason = target_at(
                    i, t, signals, book, terms, price, rules.targets, may_enter
                )
        if reason != _NONE:
            wishes.weights[i] = weight
            wishes.reasons[i] = reason
            wants = True
    return n_open if wants else QUIET


@lean_njit
def intents_at(
    t: int,
    n_open: int,
    bars: Tradable,
    terms: Terms,
    signals: Signals,
    book: Book,
    rules: Rules,
    style: Style,
    wishes: Wishes,
) -> int:
    """Cut what is wanted to the limits, turn it into lots, and return the number of intents.

    Parameters
    ----------
    n_open : int
        What ``wish_at`` returned.
    wishes : Wishes
        Read and written.
    """
    room = int(rules.targets.max_positions) - n_open
    _limit_positions(room, signals.confidence[t], book, wishes)
    cap_targets(wishes.weights, book, bars.close[t], terms, rules.limits)
    for i in range(book.lots.shape[0]):
        if wishes.reasons[i] != _NONE:
            price = bars.close[t, i]
            lots = _lots_to_trade(i, wishes.weights[i], price, book, terms)
            if lots != 0 and style.order_type == LIMIT:
                lots = _worth_a_limit(i, lots, wishes.reasons[i], price, book, terms, style)
            wishes.lots[i] = lots
    return _sequence(wishes, book, signals.confidence[t])


@lean_njit
def only_closing(n_intents: int, book: Book, wishes: Wishes) -> int:
    """Leave of what is wanted only what closes, and return the number of intents that are left.

    After too many errors in a row nothing is opened, but what is held can still be got rid of. An
    order that would turn a position round only closes it.
    """
    kept = 0
    for k in range(n_intents):
        i = wishes.sequence[k]
        held = book.lots[i]
        if held * wishes.lots[i] < 0:
            if abs(wishes.lots[i]) > abs(held):
                wishes.lots[i] = -held
            wishes.sequence[kept] = i
            kept += 1
    return kept


@lean_njit
def record_trace(t: int, book: Book, terms: Terms, trace: Trace) -> None:
    """Write equity and exposure after tick ``t``."""
    gross = 0.0
    net = 0.0
    for i in range(book.lots.shape[0]):
        if book.lots[i] != 0:
            value = book.lots[i] * terms.lot[i] * book.mark[i]
            gross += abs(value)
            net += value
    trace.equity[t] = book.account[EQUITY]
    trace.gross[t] = gross
    trace.net[t] = net


@lean_njit
def scan(
    start: int,
    stop: int,
    venue_done: bool,
    step: int,
    bars: Tradable,
    terms: Terms,
    costs: Costs,
    signals: Signals,
    book: Book,
    rules: Rules,
    style: Style,
    wishes: Wishes,
    trace: Trace,
) -> tuple[int, int, int]:
    """Decide tick after tick until something has to become an object.

    Parameters
    ----------
    venue_done : bool
        The venues have already seen bar ``start``.
    step : int
        Length of a bar, ns.
    trace : Trace
        Written at each decided tick.

    Returns
    -------
    code : int
        ``END``, ``VENUE`` or ``DECIDED``.
    t : int
        The tick it stopped at.
    n_intents : int
    """
    for t in range(start, stop):
        mode = book.account[MODE]
        begin_day(book, bars.ts[t])
        if (t > start or not venue_done) and needs_venue(t, bars, terms, costs, book):
            return VENUE, t, 0
        as_of = bars.ts[t] + step
        n_intents = 0
        n_open = wish_at(t, as_of, bars, terms, signals, book, rules, wishes)
        if n_open != QUIET:
            n_intents = intents_at(t, n_open, bars, terms, signals, book, rules, style, wishes)
        record_trace(t, book, terms, trace)
        if n_intents > 0 or book.account[MODE] != mode:
            return DECIDED, t, n_intents
    return END, stop, 0
