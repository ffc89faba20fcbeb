"""Two engines' fills and equity side by side, and what each difference comes from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.kernel.clock import iso

if TYPE_CHECKING:
    from tutti.adapters.second_opinion.request import Replay, ReplayFill, ReplayRequest
    from tutti.model.market import FloatArray

MOST_BPS = 1.0
"""Largest difference of equity, in basis points, at which two engines agree."""

_MOST_EXAMPLES = 3
_BPS = 10_000.0
_NOTHING = 1e-9  # quote currency: what floats leave of nothing
_NOTICED_BPS = 1e-3  # of equity: more than all roundings of a run come to
_FEE_ROUNDING = Decimal("1e-7")  # quote currency: it keeps eight decimals


class Cause(StrEnum):
    """Where a difference comes from."""

    PRICE_ROUNDING = "price_rounding"
    PRICE = "price"
    QUANTITY = "quantity"
    LIQUIDITY = "liquidity"
    FEE = "fee"
    FEE_RATE = "fee_rate"
    ONLY_HERE = "only_here"
    ONLY_THERE = "only_there"
    REFUSED = "refused"
    FORCED_CLOSE = "forced_close"
    FUNDING = "funding"
    VALUATION = "valuation"
    MONEY_ROUNDING = "money_rounding"
    UNEXPLAINED = "unexplained"


_MATCHED = frozenset({Cause.PRICE_ROUNDING, Cause.FEE})
_SAYS = {
    Cause.PRICE_ROUNDING: "one price step apart: the two round a price to its grid differently",
    Cause.PRICE: "same order and bar, another price",
    Cause.QUANTITY: "same order and bar, another quantity",
    Cause.LIQUIDITY: "maker for one engine, taker for the other, so another fee rate",
    Cause.FEE: "same fill, another fee: NautilusTrader rounds each fee to the currency's decimals",
    Cause.FEE_RATE: "same fill, and a fee that rounding doesn't explain",
    Cause.ONLY_HERE: "filled here and not there",
    Cause.ONLY_THERE: "filled there and not here",
    Cause.REFUSED: "NautilusTrader would not take the order",
    Cause.FORCED_CLOSE: (
        "liquidations: NautilusTrader has none, so it was told to close at the run's price;"
        " these fills prove nothing and count neither as matched nor in the total"
    ),
    Cause.FUNDING: "paid on NautilusTrader's own positions, as floats rounded to the currency",
    Cause.VALUATION: (
        "at some ticks the same holdings are worth something else: we value what a route trades"
        " at the close of the instrument that it is named for, NautilusTrader each part at its own"
    ),
    Cause.MONEY_ROUNDING: "the rest: NautilusTrader keeps money to the currency's decimals",
    Cause.UNEXPLAINED: "more than rounding, and no fill explains it: one of the two accounts is wrong",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One cause of differences.

    Parameters
    ----------
    count : int
        Fills concerned; orders for refusals, ticks for valuation and what is unexplained.
    amount : float
        What it makes of the final equity, the other engine's less ours, quote currency.
    bps : float
        The same in basis points of our final equity.
    examples : tuple of str
        At most three.
    """

    cause: Cause
    count: int
    amount: float
    bps: float
    explanation: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One engine's totals, quote currency; ``fills`` without forced closes."""

    fills: int
    fees: float
    funding: float
    final_equity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondOpinion:
    """What another engine made of the same orders and bars.

    Parameters
    ----------
    fills_matched, fills_total : int
        Fills equal in order, bar, side, quantity, liquidity and, but for rounding, price and fee;
        and all that either engine has.
    equity_diff_bps : float
        Largest difference of equity at any tick, in basis points of ours.
    differences : tuple of Difference
        Their amounts add up to the difference of final equity.
    mapped : mapping of str to float
        Costs that the other engine has no model of and was given, by kind, quote currency.
    """

    engine: str
    fills_matched: int
    fills_total: int
    equity_diff_bps: float
    final_equity_diff_bps: float
    ours: Side
    theirs: Side
    differences: tuple[Difference, ...]
    mapped: Mapping[str, float]

    @property
    def agrees(self) -> bool:
        """Whether every fill is matched, equity never more than 1 bp apart, and all explained."""
        return (
            self.fills_matched == self.fills_total
            and self.equity_diff_bps <= MOST_BPS
            and all(each.cause is not Cause.UNEXPLAINED for each in self.differences)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        values = asdict(self)
        for each in values["differences"]:
            each["cause"] = str(each["cause"])
            each["examples"] = list(each["examples"])
        return values | {"agrees": self.agrees, "differences": list(values["differences"])}


class _Ledger:
    """Effects on final equity, by cause."""

    def __init__(self, marks: Sequence[float], names: Sequence[str]) -> None:
        self._marks = marks
        self._names = names
        self.counts: dict[Cause, int] = defaultdict(int)
        self.amounts: dict[Cause, float] = defaultdict(float)
        self.examples: dict[Cause, list[str]] = defaultdict(list)

    def book(self, cause: Cause, ours: ReplayFill | None, theirs: ReplayFill | None) -> None:
        self.counts[cause] += 1
        self.amounts[cause] += self._effect(theirs) - self._effect(ours)
        if len(self.examples[cause]) < _MOST_EXAMPLES:
            self.examples[cause].append(self._told(ours, theirs))

    def put(self, cause: Cause, amount: float) -> None:
        self.amounts[cause] += amount

    def _effect(self, fill: ReplayFill | None) -> float:
        if fill is None:
            return 0.0
        gain = Decimal(repr(self._marks[fill.instrument])) - fill.price
        return float(fill.side * fill.quantity * gain - fill.fee)

    def _told(self, ours: ReplayFill | None, theirs: ReplayFill | None) -> str:
        fill = ours or theirs
        assert fill is not None
        side = "buy" if fill.side > 0 else "sell"
        both = " / ".join(
            "nothing"
            if each is None
            else f"{each.quantity:f} at {each.price:f} fee {each.fee.normalize():f}"
            for each in (ours, theirs)
        )
        return f"order {fill.order_id}, {side} {self._names[fill.instrument]}: {both}"


def compare(
    request: ReplayRequest,
    fills: Sequence[ReplayFill],
    equity: FloatArray,
    funding: float,
    replay: Replay,
) -> SecondOpinion:
    """Return both engines' results side by side.

    Parameters
    ----------
    fills : sequence of ReplayFill
        Ours.
    equity : ndarray of float64, shape (t,)
        Ours after each tick.
    funding : float
        Received by us.
    replay : Replay
        Theirs.
    """
    book = _Ledger(_last_closes(request), [str(each.id) for each in request.instruments])
    steps = [each.price_step for each in request.instruments]
    refused = {order for order, _ in replay.refused}
    matched = total = 0
    for ours, theirs in _pairs(fills, replay.fills):
        cause = _cause(ours, theirs, steps, refused)
        if cause is not None:
            book.book(cause, ours, theirs)
        if cause is Cause.FORCED_CLOSE:
            continue
        total += 1
        matched += cause is None or cause in _MATCHED
    if replay.refused:
        book.examples[Cause.REFUSED] = [
            f"order {order}: {reason}" for order, reason in replay.refused[:_MOST_EXAMPLES]
        ]
        book.counts[Cause.REFUSED] = len(replay.refused)
    noticed = abs(float(equity[-1])) * _NOTICED_BPS / _BPS
    paid = replay.funding - funding
    if abs(paid) > _NOTHING:
        # fills that only one of them has are paid for by only one of them
        is_own = matched == total and abs(paid) > noticed
        book.put(Cause.UNEXPLAINED if is_own else Cause.FUNDING, paid)
        if is_own:
            book.examples[Cause.UNEXPLAINED].append(f"funding {funding:g} / {replay.funding:g}")
    rest = float(replay.equity[-1] - equity[-1]) - sum(book.amounts.values())
    if abs(rest) > _NOTHING:
        book.put(Cause.UNEXPLAINED if abs(rest) > noticed else Cause.MONEY_ROUNDING, rest)
    apart = np.abs(replay.equity - equity) / np.abs(equity) * _BPS
    if matched == total and apart.max() > apart[-1] + _NOTICED_BPS:
        worst = int(np.argmax(apart))
        # a route has parts at several venues; at one venue there is nothing to value differently
        cause = Cause.VALUATION if len(request.venues) > 1 else Cause.UNEXPLAINED
        book.counts[cause] = int((apart > _NOTICED_BPS).sum())
        book.examples[cause].append(
            f"{apart[worst]:.2g} bps at {iso(int(request.market.known_at[worst]))}"
        )
    return SecondOpinion(
        engine=replay.engine,
        fills_matched=matched,
        fills_total=total,
        equity_diff_bps=float(apart.max()),
        final_equity_diff_bps=float(apart[-1]),
        ours=_side(fills, funding, equity),
        theirs=_side(replay.fills, replay.funding, replay.equity),
        differences=_differences(book, float(equity[-1])),
        mapped=dict(replay.mapped),
    )


def _pairs(
    ours: Sequence[ReplayFill], theirs: Sequence[ReplayFill]
) -> list[tuple[ReplayFill | None, ReplayFill | None]]:
    here, there = _numbered(ours), _numbered(theirs)
    return [(here.get(key), there.get(key)) for key in {**here, **there}]


def _numbered(fills: Sequence[ReplayFill]) -> dict[tuple[str, int, int], ReplayFill]:
    # by order and bar; an order has one fill a bar, and a second one is not to be lost
    seen: Counter[tuple[str, int]] = Counter()
    numbered = {}
    for fill in fills:
        key = (fill.order_id, fill.row)
        numbered[*key, seen[key]] = fill
        seen[key] += 1
    return numbered


def _cause(
    ours: ReplayFill | None,
    theirs: ReplayFill | None,
    steps: Sequence[Decimal],
    refused: set[str],
) -> Cause | None:
    if theirs is None:
        assert ours is not None
        return Cause.REFUSED if ours.order_id in refused else Cause.ONLY_HERE
    if ours is None:
        return Cause.ONLY_THERE
    if ours.is_forced:
        return Cause.FORCED_CLOSE
    if (ours.side, ours.quantity) != (theirs.side, theirs.quantity):
        return Cause.QUANTITY
    if abs(ours.price - theirs.price) > steps[ours.instrument]:
        return Cause.PRICE
    if ours.is_maker != theirs.is_maker:
        return Cause.LIQUIDITY
    if ours.price != theirs.price:
        return Cause.PRICE_ROUNDING
    if abs(ours.fee - theirs.fee) > _FEE_ROUNDING:
        return Cause.FEE_RATE
    return None if ours.fee == theirs.fee else Cause.FEE


def _last_closes(request: ReplayRequest) -> list[float]:
    close = request.market.close
    marks = []
    for column in range(close.shape[1]):
        known = np.flatnonzero(np.isfinite(close[:, column]))
        marks.append(float(close[known[-1], column]) if len(known) else 0.0)
    return marks


def _side(fills: Sequence[ReplayFill], funding: float, equity: FloatArray) -> Side:
    return Side(
        fills=sum(not fill.is_forced for fill in fills),
        fees=float(sum((fill.fee for fill in fills), Decimal(0))),
        funding=funding,
        final_equity=float(equity[-1]),
    )


def _differences(book: _Ledger, final_equity: float) -> tuple[Difference, ...]:
    causes = [cause for cause in Cause if cause in book.counts or cause in book.amounts]
    return tuple(
        Difference(
            cause=cause,
            count=book.counts[cause],
            amount=book.amounts[cause],
            bps=book.amounts[cause] / abs(final_equity) * _BPS,
            explanation=_SAYS[cause],
            examples=tuple(book.examples[cause]),
        )
        for cause in causes
    )
