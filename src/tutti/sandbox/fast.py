"""The fast tier: a whole backtest in one compiled loop, for sweeps, baselines and learning.

It decides, reviews, matches and books with the very functions that the event tier calls, and leaves
out what only a record needs: objects, order states, the ledger. The event tier is the truth; a
parity test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.engine.decide import (
    QUIET,
    Rules,
    Style,
    Trace,
    Wishes,
    begin_day,
    empty_trace,
    empty_wishes,
    intents_at,
    needs_venue,
    only_closing,
    order_terms,
    record_trace,
    wish_at,
)
from tutti.engine.rows import tradable
from tutti.execution.acceptance import objection_at
from tutti.execution.cost import Costs, fee_of
from tutti.execution.margin import liquidation_fills
from tutti.execution.matching import (
    ARRIVAL,
    COLUMN,
    FILL_LOTS,
    FILL_TICKS,
    IS_MAKER,
    KIND,
    LIMIT,
    LIMIT_TICKS,
    LOTS_LEFT,
    N_COLUMNS,
    SIDE,
    match_orders,
)
from tutti.kernel.jit import lean_njit
from tutti.model.market import FloatArray, IntArray, MarketBlock
from tutti.portfolio.accounting import apply_fill, pay_funding
from tutti.risk.breakers import UNLOCKED
from tutti.risk.review import Exposure, Findings, Proposals, no_exposure, no_findings, object_to

if TYPE_CHECKING:
    from tutti.model.arrays import Book, Signals, Terms, Tradable

# columns of the table of fills, int64 (k, 7)
FILL_T, FILL_I, FILL_SIGNED_LOTS, FILL_PRICE_TICKS, FILL_MAKER, FILL_REASON, FILL_ORDER = range(7)
FILL_LIQUIDATION = -1
"""Order number of a forced close."""

# what is kept about each working order beside the matching table, int64 (n, 5)
_REASON, _LEAD, _NUMBER, _DECIDED, _CANCEL_AT = range(5)
_NEVER = 2**63 - 1

N_ORDERS, N_REFUSED, N_REJECTED, N_DECISIONS, N_FILLS, N_WORKING, N_IN_A_ROW = range(7)


class Working(NamedTuple):
    """Working orders, oldest first: the matching table, reasons and leads, counters.

    ``counts`` is int64 (7,), indexed by N_ORDERS ... N_IN_A_ROW: orders that no venue took. ``references`` is float64 (n,): the
    close at which each instrument's order was decided.
    """

    table: IntArray
    notes: IntArray
    counts: IntArray
    references: FloatArray


class Review(NamedTuple):
    """Room that a review of orders needs: locks of shape (n,), sums, findings."""

    locks: IntArray
    exposure: Exposure
    findings: Findings


class Fills(NamedTuple):
    """Fills as arrays: int64 (k, 7), columns FILL_T ..., and float64 (k, 3): price, fee, slippage in bps."""

    whole: IntArray
    money: FloatArray


class Noise(NamedTuple):
    """What goes wrong on the way to the venue, arrays of shape (t, n); (0, 0) where nothing does.

    Parameters
    ----------
    late_ns : int64
        Added to the latency of an order decided at that tick.
    lost : int64
        1 where an order decided at that tick never arrives: it counts as sent, and nothing fills.
    half_spread_bps : float64
        Half-spread in that bar, in place of the configured one.
    """

    late_ns: IntArray
    lost: IntArray
    half_spread_bps: FloatArray


def no_noise() -> Noise:
    """Return a way to the venue on which nothing goes wrong."""
    return Noise(np.zeros((0, 0), np.int64), np.zeros((0, 0), np.int64), np.zeros((0, 0)))


@lean_njit
def _note_fill(
    k: int, fills: Fills, t: int, i: int, lots: int, ticks: int, maker: int, reason: int,
    number: int, price: float, fee: float, reference: float,
) -> None:  # fmt: skip
    row = fills.whole[k]
    row[FILL_T] = t
    row[FILL_I] = i
    row[FILL_SIGNED_LOTS] = lots
    row[FILL_PRICE_TICKS] = ticks
    row[FILL_MAKER] = maker
    row[FILL_REASON] = reason
    row[FILL_ORDER] = number
    fills.money[k, 0] = price
    fills.money[k, 1] = fee
    side = 1.0 if lots > 0 else -1.0
    fills.money[k, 2] = side * (price / reference - 1.0) * 1e4


@lean_njit
def _move(k: int, to: int, working: Working) -> None:
    """Move working order ``k`` up to row ``to``, element by element: a whole row makes an array."""
    if to == k:
        return
    for column in range(working.table.shape[1]):
        working.table[to, column] = working.table[k, column]
    for column in range(working.notes.shape[1]):
        working.notes[to, column] = working.notes[k, column]


@lean_njit
def _any(lots: IntArray) -> bool:
    for each in lots:  # noqa: SIM110 - the compiler knows no generators
        if each != 0:
            return True
    return False


@lean_njit
def _match(
    t: int, t0: int, ts: int, bars: Tradable, terms: Terms, costs: Costs, book: Book,
    working: Working, fills: Fills,
) -> None:  # fmt: skip
    counts = working.counts
    table = working.table
    count = counts[N_WORKING]
    if match_orders(t, table, count, bars, terms, costs) == 0:
        return
    kept = 0
    for k in range(count):
        i = table[k, COLUMN]
        lots = table[k, FILL_LOTS]
        if lots > 0:
            side = table[k, SIDE]
            maker = table[k, IS_MAKER]
            ticks = table[k, FILL_TICKS]
            price = ticks * terms.tick[i]
            fee = fee_of(lots, ticks, maker, i, terms)
            apply_fill(book, terms, i, side * lots, price, fee, ts, working.notes[k, _LEAD])
            book.working[i] -= side * lots
            _note_fill(
                counts[N_FILLS], fills, t0 + t, i, side * lots, ticks, maker,
                working.notes[k, _REASON], working.notes[k, _NUMBER], price, fee,
                working.references[i],
            )  # fmt: skip
            counts[N_FILLS] += 1
        if table[k, LOTS_LEFT] > 0:
            _move(k, kept, working)
            kept += 1
    counts[N_WORKING] = kept


@lean_njit
def _drop(v: int, ts: int, book: Book, terms: Terms, working: Working) -> None:
    """Take off the perpetual orders of venue ``v``; -1: those whose cancellation arrived by ``ts``."""
    kept = 0
    for k in range(working.counts[N_WORKING]):
        i = working.table[k, COLUMN]
        if v < 0:
            goes = working.notes[k, _CANCEL_AT] <= ts
        else:
            goes = terms.venue[i] == v and terms.is_perpetual[i] != 0
        if goes:
            book.working[i] = 0
            continue
        _move(k, kept, working)
        kept += 1
    working.counts[N_WORKING] = kept


@lean_njit
def _cancel_overdue(
    t: int, as_of: int, bars: Tradable, terms: Terms, costs: Costs, book: Book, working: Working,
    style: Style,
) -> None:  # fmt: skip
    """Ask to cancel limit orders whose time is over; asking takes as long as sending did."""
    for k in range(working.counts[N_WORKING]):
        # an order that the venue has not confirmed yet can't be cancelled
        if (
            working.table[k, KIND] == LIMIT
            and working.table[k, ARRIVAL] <= bars.ts[t]
            and working.notes[k, _CANCEL_AT] == _NEVER
            and as_of - working.notes[k, _DECIDED] >= style.lifetime_ns
        ):
            working.notes[k, _CANCEL_AT] = as_of + costs.latency_ns
    if costs.latency_ns == 0:
        _drop(-1, as_of, book, terms, working)


@lean_njit
def _venues(
    t: int, t0: int, bars: Tradable, terms: Terms, costs: Costs, book: Book,
    working: Working, fills: Fills, lots: IntArray, ticks: IntArray,
) -> None:  # fmt: skip
    if costs.latency_ns > 0:
        _drop(-1, bars.ts[t], book, terms, working)
    _match(t, t0, bars.ts[t], bars, terms, costs, book, working, fills)
    for v in range(book.cash.shape[0]):
        # where nothing held has a bar, nothing is closed, and the orders stay
        if not liquidation_fills(t, book, bars, terms, costs, v, lots, ticks) or not _any(lots):
            continue
        _drop(v, 0, book, terms, working)
        for i in range(lots.shape[0]):
            if lots[i] == 0:
                continue
            price = ticks[i] * terms.tick[i]
            size = abs(lots[i]) * terms.lot[i]
            fee = size * price * (terms.taker_fee[i] + costs.liquidation_fee)
            apply_fill(book, terms, i, lots[i], price, fee, bars.ts[t], -1)
            k = working.counts[N_FILLS]
            _note_fill(
                k, fills, t0 + t, i, lots[i], ticks[i], 0, 0, FILL_LIQUIDATION, price, fee, price
            )
            working.counts[N_FILLS] += 1
    # due at the end of the bar, on what is still held then
    for i in range(book.lots.shape[0]):
        if terms.is_perpetual[i] and book.lots[i] != 0 and bars.funding[t, i] != 0.0:
            price = bars.close[t, i]
            if np.isnan(price):
                price = book.mark[i]
            pay_funding(book, terms, i, bars.funding[t, i], price)


@lean_njit
def _is_halted(counts: IntArray, rules: Rules) -> bool:
    in_a_row: int = counts[N_IN_A_ROW]
    return in_a_row >= rules.limits.max_consecutive_errors


@lean_njit
def _order(  # noqa: PLR0915 - an order's way from wish to venue
    t: int, n_intents: int, as_of: int, bars: Tradable, terms: Terms, costs: Costs,
    signals: Signals, book: Book, rules: Rules, wishes: Wishes, working: Working, style: Style,
    noise: Noise, scratch: IntArray, review: Review,
) -> None:  # fmt: skip
    counts = working.counts
    noisy = noise.lost.shape[0] > 0
    for k in range(n_intents):
        i = wishes.sequence[k]
        scratch[2, k] = wishes.lots[i]
        scratch[3, k] = signals.lead[t, i]
    object_to(
        n_intents, Proposals(scratch[2], wishes.sequence, scratch[3]), book, terms, rules.limits,
        review.locks, as_of, review.exposure, review.findings,
    )  # fmt: skip
    for k in range(n_intents):
        i = wishes.sequence[k]
        if review.findings.codes[k] != 0:
            counts[N_REFUSED] += 1
            continue
        counts[N_ORDERS] += 1
        lots = wishes.lots[i]
        price = bars.close[t, i]
        kind, limit_ticks = order_terms(i, lots, wishes.reasons[i], price, terms, style)
        if kind == LIMIT:
            price = limit_ticks * terms.tick[i]
        if objection_at(i, lots, price, book, terms) != 0:
            counts[N_REJECTED] += 1
            if not _is_halted(counts, rules):
                counts[N_IN_A_ROW] += 1
            continue
        if not _is_halted(counts, rules):
            counts[N_IN_A_ROW] = 0
        late = 0
        if noisy:
            if noise.lost[t, i] != 0:
                continue
            late = noise.late_ns[t, i]
        w = counts[N_WORKING]
        row = working.table[w]
        row[COLUMN] = i
        row[KIND] = kind
        row[SIDE] = 1 if lots > 0 else -1
        row[LOTS_LEFT] = abs(lots)
        row[LIMIT_TICKS] = limit_ticks
        row[ARRIVAL] = as_of + costs.latency_ns + late
        row[FILL_LOTS] = 0
        working.notes[w, _REASON] = wishes.reasons[i]
        working.notes[w, _LEAD] = signals.lead[t, i]
        working.notes[w, _NUMBER] = counts[N_ORDERS] - 1
        working.notes[w, _DECIDED] = as_of
        working.notes[w, _CANCEL_AT] = _NEVER
        counts[N_WORKING] = w + 1
        book.working[i] = lots
        working.references[i] = bars.close[t, i]


@lean_njit
def run_block(
    start: int, t0: int, step: int, bars: Tradable, terms: Terms, costs: Costs, signals: Signals,
    book: Book, rules: Rules, wishes: Wishes, trace: Trace, working: Working, fills: Fills,
    style: Style, noise: Noise, scratch: IntArray, review: Review,
) -> int:  # fmt: skip
    """Run the ticks of a block from ``start`` on; return where it stopped.

    It stops early, to be called again, when the table of fills has no room for another tick.

    Parameters
    ----------
    t0 : int
        Number of the block's first tick in the run; enters the fills.
    noise : Noise
        Rows of the block. Where it has any, ``costs.half_spread_bps`` is written at each tick.
    scratch : int64 (4, n)
    review : Review
    """
    n = book.lots.shape[0]
    counts = working.counts
    for t in range(start, bars.ts.shape[0]):
        if counts[N_FILLS] + 3 * n > fills.whole.shape[0]:
            return t
        begin_day(book, bars.ts[t])
        if noise.lost.shape[0] > 0:
            for i in range(n):
                costs.half_spread_bps[i] = noise.half_spread_bps[t, i]
        if needs_venue(t, bars, terms, costs, book):
            _venues(t, t0, bars, terms, costs, book, working, fills, scratch[0], scratch[1])
        as_of = bars.ts[t] + step
        if style.order_type == LIMIT:
            _cancel_overdue(t, as_of, bars, terms, costs, book, working, style)
        n_intents = 0
        n_open = wish_at(t, as_of, bars, terms, signals, book, rules, wishes)
        if n_open != QUIET:
            n_intents = intents_at(t, n_open, bars, terms, signals, book, rules, style, wishes)
        record_trace(t, book, terms, trace)
        if n_intents > 0 and _is_halted(counts, rules):
            n_intents = only_closing(n_intents, book, wishes)
        if n_intents == 0:
            continue
        counts[N_DECISIONS] += 1
        _order(
            t, n_intents, as_of, bars, terms, costs, signals, book, rules, wishes, working, style,
            noise, scratch, review,
        )  # fmt: skip
    stop: int = bars.ts.shape[0]
    return stop


@dataclass(frozen=True, slots=True, kw_only=True)
class FastResult:
    """What the fast tier found.

    Parameters
    ----------
    trace : Trace
        Arrays of shape (t,).
    fills : Fills
        In the order they happened.
    """

    trace: Trace
    fills: Fills
    n_decisions: int
    n_orders: int
    n_refusals: int
    n_rejected: int


class FastTier:
    """Runs block after block; the account and the working orders are carried over.

    Parameters
    ----------
    terms, costs, rules, style
        What the event tier is given too.
    book : Book
        Written in place.
    n_ticks : int
        Length of the whole run.
    noise : Noise, optional
        Rows of the whole run.
    room : int
        Fills that are expected; there may be more.
    """

    def __init__(
        self, *, terms: Terms, costs: Costs, rules: Rules, style: Style, book: Book, n_ticks: int,
        noise: Noise | None = None, room: int = 1024,
    ) -> None:  # fmt: skip
        n = len(terms.lot)
        self._noise = noise
        if noise is not None:
            # written at each tick
            costs = costs._replace(half_spread_bps=costs.half_spread_bps.copy())
        self._style = style
        self.book = book
        self._terms, self._costs, self._rules = terms, costs, rules
        self._wishes = empty_wishes(n)
        self._trace = empty_trace(n_ticks)
        self._working = Working(
            np.zeros((n, N_COLUMNS), np.int64),
            np.zeros((n, 5), np.int64),
            np.zeros(7, np.int64),
            np.zeros(n),
        )
        room = max(room, 8 * n)
        self._fills = Fills(np.zeros((room, 7), np.int64), np.zeros((room, 3)))
        self._scratch = np.zeros((4, n), np.int64)
        self._review = Review(
            np.full(n, UNLOCKED, np.int64), no_exposure(n, len(book.cash)), no_findings(n)
        )
        self._done = 0

    def reprice(self, costs: Costs) -> None:
        """Charge and fill by other rules from the next tick on."""
        self._costs = costs

    def advance(self, block: MarketBlock, signals: Signals) -> None:
        """Run the next ticks."""
        bars = tradable(block)
        t0 = self._done
        stop = t0 + len(block)
        trace = Trace(*(array[t0:stop] for array in self._trace))
        noise = no_noise()
        if self._noise is not None:
            late_ns, lost, half_spread_bps = self._noise
            noise = Noise(late_ns[t0:stop], lost[t0:stop], half_spread_bps[t0:stop])
        start = 0
        while True:
            start = run_block(
                start, t0, block.step, bars, self._terms, self._costs, signals, self.book,
                self._rules, self._wishes, trace, self._working, self._fills, self._style,
                noise, self._scratch, self._review,
            )  # fmt: skip
            if start >= len(block):
                break
            whole, money = self._fills
            self._fills = Fills(
                np.concatenate([whole, np.zeros_like(whole)]),
                np.concatenate([money, np.zeros_like(money)]),
            )
        self._done = stop

    def result(self) -> FastResult:
        """Return what has been run so far."""
        counts = self._working.counts
        k = int(counts[N_FILLS])
        return FastResult(
            trace=Trace(*(array[: self._done] for array in self._trace)),
            fills=Fills(self._fills.whole[:k], self._fills.money[:k]),
            n_decisions=int(counts[N_DECISIONS]),
            n_orders=int(counts[N_ORDERS]),
            n_refusals=int(counts[N_REFUSED]),
            n_rejected=int(counts[N_REJECTED]),
        )
