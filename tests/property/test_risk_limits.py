"""No approved set of orders breaks a limit, for any market and portfolio."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from tutti.model.arrays import (
    DAY_START_EQUITY,
    EQUITY,
    MODE,
    PEAK_EQUITY,
    Book,
    Terms,
)
from tutti.risk.caps import cap_targets
from tutti.risk.limits import Limits, OwnLimits, RiskSettings, with_own
from tutti.risk.review import RULES, Findings, Proposals, objections

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, IntArray

_NOW = 10**18
_VENUES = 2


class _Case(NamedTuple):
    book: Book
    terms: Terms
    limits: Limits
    proposals: Proposals


_PRICES = st.one_of(st.floats(1e-9, 1e15), st.sampled_from([math.nan, 0.0, -1.0, math.inf]))
_LOTS = st.one_of(st.integers(-100, 100), st.integers(-(2**55), 2**55))
_FRACTIONS = st.one_of(st.floats(0.01, 3.0), st.just(math.inf))
_LOT_SIZES = [1e-8, 0.001, 0.1, 1.0, 100.0]


@st.composite
def _limits(draw: st.DrawFn) -> Limits:
    return RiskSettings(
        max_instrument_fraction=draw(_FRACTIONS),
        max_venue_fraction=draw(_FRACTIONS),
        max_gross_fraction=draw(_FRACTIONS),
        max_notional_multiple=draw(st.one_of(st.floats(1.0, 10_000.0), st.just(math.inf))),
        max_drawdown=draw(st.sampled_from([0.0, 0.2, 1.0])),
        max_daily_loss=draw(st.sampled_from([0.0, 1000.0])),
        max_positions=draw(st.integers(1, 8)),
        liquidation_margin=draw(st.sampled_from([0.0, 0.05])),
    ).limits()


@st.composite
def _own(draw: st.DrawFn, n: int) -> dict[int, OwnLimits]:
    """Return limits of some instruments alone; of 0 for one that is to go."""
    notional = st.one_of(st.floats(1.0, 1e6), st.sampled_from([0.0, math.inf]))
    columns = draw(st.sets(st.integers(0, n - 1)))
    return {i: OwnLimits(draw(_FRACTIONS), draw(notional)) for i in sorted(columns)}


@st.composite
def _terms(draw: st.DrawFn, n: int) -> Terms:
    perpetual = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    return Terms(
        lot=np.array(draw(_each(st.sampled_from(_LOT_SIZES), n))),
        tick=np.full(n, 0.01),
        min_lots=np.ones(n, np.int64),
        min_notional=np.zeros(n),
        maker_fee=np.zeros(n),
        taker_fee=np.array(draw(_each(st.sampled_from([-0.0001, 0.0, 0.0005, 0.05]), n))),
        is_perpetual=perpetual,
        max_leverage=np.where(
            perpetual == 1, draw(_each(st.sampled_from([1.0, 5.0, 20.0, 125.0]), n)), 1.0
        ),
        maintenance_margin=np.where(
            perpetual == 1, draw(_each(st.sampled_from([0.0, 0.005, 0.05]), n)), 0.0
        ),
        venue=np.array(draw(_each(st.integers(0, _VENUES - 1), n))),
    )


def _each(values: st.SearchStrategy[Any], n: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=n, max_size=n)


@st.composite
def _calm(draw: st.DrawFn, terms: Terms) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Return lots, lots at work, marks and cash of an account that trades as accounts do."""
    n = len(terms.lot)
    marks = np.array(draw(_each(st.floats(0.01, 100_000.0), n)))
    cash = np.array(draw(_each(st.floats(1_000.0, 1e6), _VENUES)))
    value = terms.lot * marks
    held = np.array(draw(_each(st.one_of(st.just(0.0), st.floats(-0.5, 0.5)), n)))
    held = np.where(terms.is_perpetual == 1, held, np.abs(held))
    lots = np.trunc(held * cash[terms.venue] / value).astype(np.int64)
    works = np.array(draw(_each(st.sampled_from([0.0, 0.0, 0.0, -0.2, 0.2]), n)))
    working = np.trunc(works * cash[terms.venue] / value).astype(np.int64)
    return lots, working, marks, cash


@st.composite
def _wild(draw: st.DrawFn, terms: Terms) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Return the same of an account and a market in which anything can be."""
    n = len(terms.lot)
    lots = np.array(draw(_each(st.one_of(st.just(0), _LOTS), n)))
    lots = np.where((terms.is_perpetual == 0) & (lots < 0), 0, lots)
    working = np.array(draw(_each(st.one_of(st.just(0), _LOTS), n)))
    cash = st.one_of(st.floats(-1e6, 1e6), st.floats(-1e18, 1e18))
    return lots, working, np.array(draw(_each(_PRICES, n))), np.array(draw(_each(cash, _VENUES)))


@st.composite
def _cases(draw: st.DrawFn) -> _Case:
    n = draw(st.integers(1, 5))
    terms = draw(_terms(n))
    calm = draw(st.sampled_from([True, True, True, False]))
    lots, working, marks, cash = draw(_calm(terms) if calm else _wild(terms))
    book = Book(
        lots=lots,
        average_price=np.zeros(n),
        opened_at=np.zeros(n, np.int64),
        closed_at=np.zeros(n, np.int64),
        paused_until=np.zeros(n, np.int64),
        lead=np.full(n, -1),
        mark=marks,
        marked_at=np.full(n, _NOW),
        working=working,
        cash=cash,
        agent_day=np.zeros(1),
        account=np.zeros(8),
    )
    with np.errstate(all="ignore"):
        equity = cash.sum() + (lots * terms.lot * marks)[lots != 0].sum()
    book.account[EQUITY] = equity
    troubles = [equity] if calm else [equity, equity * 1.01 + 1.0, equity * 2.0 + 10_000.0]
    book.account[[PEAK_EQUITY, DAY_START_EQUITY]] = draw(st.sampled_from(troubles))
    book.account[MODE] = draw(st.sampled_from([0.0] if calm else [0.0, 1.0, 2.0]))
    limits = with_own(draw(_limits()), n, draw(_own(n)))
    return _Case(book, terms, limits, draw(_orders(book, terms, limits)))


@st.composite
def _orders(draw: st.DrawFn, book: Book, terms: Terms, limits: Limits) -> Proposals:
    """Return orders of a size near what the limits leave, or now and then of any size."""
    count = draw(st.integers(0, 6))
    columns = draw(_each(st.integers(0, len(book.lots) - 1), count))
    equity = float(book.account[EQUITY])
    orders = []
    for i in columns:
        lots = draw(_LOTS)
        if 0 < equity < 1e18 and 1e-9 < book.mark[i] < 1e16 and draw(st.integers(0, 9)):
            most = min(limits.max_gross_fraction, limits.max_instrument_fraction, 1.0) * equity
            most = min(most, limits.max_notional_multiple * limits.base_notional)
            aim = draw(st.floats(-1.1, 1.1)) * most / float(book.mark[i] * terms.lot[i])
            lots = int(max(min(aim, 2.0**55), -(2.0**55)))
            lots -= int(book.lots[i]) if draw(st.booleans()) else 0
        orders.append(lots)
    return Proposals(
        lots=np.array(orders, np.int64),
        column=np.array(columns, np.int64),
        lead=np.full(count, -1),
    )


def _findings(case: _Case) -> Findings:
    free = np.zeros(len(case.book.lots), np.int64)
    return objections(case.proposals, case.book, case.terms, case.limits, free, _NOW)


def _exact(value: float) -> Fraction | None:
    """Return the value as a fraction, None for no limit."""
    return Fraction(value) if math.isfinite(value) else None


def _lot_values(case: _Case) -> list[Fraction]:
    """Return the exact value of a lot of each instrument, 0 where it has no price."""
    marks = case.book.mark.tolist()
    return [
        Fraction(lot) * Fraction(mark) if math.isfinite(mark) else Fraction(0)
        for lot, mark in zip(case.terms.lot.tolist(), marks, strict=True)
    ]


def _fill_some(case: _Case, approved: list[bool], data: st.DataObject) -> list[int]:
    """Return the positions after any subset of what works and what was approved has filled."""
    after: list[int] = case.book.lots.tolist()
    for i, lots in enumerate(case.book.working.tolist()):
        after[i] += lots if data.draw(st.booleans()) else 0
    for k, passed in enumerate(approved):
        if passed and data.draw(st.booleans()):
            after[int(case.proposals.column[k])] += int(case.proposals.lots[k])
    return after


@given(_cases(), st.data())
def test_review_any_subset_of_approved_orders_filled_breaks_no_limit(
    case: _Case, data: st.DataObject
) -> None:
    findings = _findings(case)
    approved = [code == 0 for code in findings.codes.tolist()]
    opens = [a and not r for a, r in zip(approved, findings.reduces.tolist(), strict=True)]
    if not any(opens):
        return
    book, limits = case.book, case.limits
    equity = Fraction(float(book.account[EQUITY]))
    assert equity > 0
    assert book.account[MODE] == 0.0
    after = _fill_some(case, approved, data)
    value = _lot_values(case)
    exposure = [abs(lots) * each for lots, each in zip(after, value, strict=True)]
    gross = _exact(limits.max_gross_fraction)
    assert gross is None or sum(exposure) <= gross * equity
    opened_at = {int(case.terms.venue[case.proposals.column[k]]) for k, o in enumerate(opens) if o}
    for v in opened_at:
        there = [i for i in range(len(after)) if case.terms.venue[i] == v]
        at_venue = _exact(limits.max_venue_fraction)
        assert at_venue is None or sum(exposure[i] for i in there) <= at_venue * equity
        funds = Fraction(float(book.cash[v])) + sum(book.lots[i] * value[i] for i in there)
        margin = sum(
            (exposure[i] / Fraction(float(case.terms.max_leverage[i])) for i in there),
            start=Fraction(0),
        )
        assert margin <= funds


@given(_cases(), st.data())
def test_review_no_position_passes_its_limits_further_than_it_was(
    case: _Case, data: st.DataObject
) -> None:
    findings = _findings(case)
    approved = [code == 0 for code in findings.codes.tolist()]
    after = _fill_some(case, approved, data)
    equity = float(case.book.account[EQUITY])
    for i, each in enumerate(_lot_values(case)):
        held, working = int(case.book.lots[i]), int(case.book.working[i])
        before = max(abs(held), abs(held + working))
        if abs(after[i]) <= before:
            continue
        assert equity > 0
        exposure = abs(after[i]) * each
        fraction = _exact(case.limits.max_instrument_fraction)
        assert fraction is None or exposure <= fraction * Fraction(equity)
        multiple = _exact(case.limits.max_notional_multiple)
        assert multiple is None or exposure <= multiple * Fraction(case.limits.base_notional)
        if len(case.limits.own_notional):
            own = _exact(float(case.limits.own_fraction[i]))
            assert own is None or exposure <= own * Fraction(equity)
            most = _exact(float(case.limits.own_notional[i]))
            assert most is None or exposure <= most
        assert after[i] >= 0 or case.terms.is_perpetual[i]


@given(_cases(), st.data())
def test_review_any_subset_of_approved_orders_filled_holds_no_more_positions_than_allowed(
    case: _Case, data: st.DataObject
) -> None:
    findings = _findings(case)
    approved = [code == 0 for code in findings.codes.tolist()]
    busy = int(((case.book.lots != 0) | (case.book.working != 0)).sum())
    after = _fill_some(case, approved, data)
    assert sum(lots != 0 for lots in after) <= max(busy, case.limits.max_positions)


@given(_cases())
def test_review_order_toward_flat_is_never_refused_for_exposure(case: _Case) -> None:
    case.book.working[:] = 0
    book = case.book
    held = np.flatnonzero((book.lots != 0) & np.isfinite(book.mark) & (book.mark > 0))
    held = held[np.abs(book.lots[held]) <= 2**53]
    toward_flat = Proposals(lots=-book.lots[held], column=held, lead=np.full(len(held), -1))
    findings = _findings(case._replace(proposals=toward_flat))
    assert [RULES[code] for code in findings.codes.tolist()] == ["approved"] * len(held)


@given(_cases())
def test_review_refused_order_changes_nothing_for_the_others(case: _Case) -> None:
    codes = _findings(case).codes
    kept = codes == 0
    alone = Proposals(*(array[kept] for array in case.proposals))
    assert not _findings(case._replace(proposals=alone)).codes.any()


# ---- caps ----


def _sane(case: _Case) -> _Case:
    """Return the case without orders at work and with every instrument priced and countable."""
    case.book.working[:] = 0
    case.book.account[MODE] = 0.0
    case.book.account[PEAK_EQUITY] = case.book.account[DAY_START_EQUITY] = case.book.account[EQUITY]
    assume(bool((np.isfinite(case.book.mark) & (case.book.mark > 0)).all()))
    assume(bool((np.abs(case.book.lots) < 2**40).all()))
    return case


def _current(case: _Case) -> FloatArray:
    with np.errstate(all="ignore"):
        weights: FloatArray = (
            case.book.lots * case.terms.lot * case.book.mark / case.book.account[EQUITY]
        )
    return weights


_WEIGHTS = _each(st.one_of(st.just(0.0), st.floats(-3.0, 3.0), st.just(math.nan)), 5)


@given(_cases(), _WEIGHTS)
def test_cap_targets_applied_twice_change_nothing_more(case: _Case, wished: list[float]) -> None:
    weights = np.array(wished[: len(case.book.lots)])
    cap_targets(weights, case.book, case.book.mark, case.terms, case.limits)
    once = weights.copy()
    cap_targets(weights, case.book, case.book.mark, case.terms, case.limits)
    np.testing.assert_array_equal(weights, once)


@given(_cases(), _WEIGHTS)
def test_cap_targets_never_ask_for_more_or_for_the_other_side(
    case: _Case, wished: list[float]
) -> None:
    case = _sane(case)
    before = np.array(wished[: len(case.book.lots)])
    weights = before.copy()
    cap_targets(weights, case.book, case.book.mark, case.terms, case.limits)
    known = ~np.isnan(before)
    assert (np.abs(weights[known]) <= np.abs(before[known])).all()
    assert (weights[known] * before[known] >= 0).all()


@given(_cases(), _WEIGHTS)
def test_cap_targets_in_whole_lots_are_approved_by_review(case: _Case, wished: list[float]) -> None:
    case = _sane(case)
    book, terms = case.book, case.terms
    equity = book.account[EQUITY]
    weights = np.nan_to_num(np.array(wished[: len(book.lots)]))
    cap_targets(weights, book, book.mark, terms, case.limits)
    if not 0 < equity < math.inf:
        assert not weights.any()
        return
    with np.errstate(all="ignore"):
        wanted = np.abs(weights) * equity / (book.mark * terms.lot)
    assume(bool((wanted < 2**40).all()))
    lots = np.sign(weights) * np.floor(wanted * (1.0 + 1e-9) + 1e-9)
    orders = lots.astype(np.int64) - book.lots
    # a position that is left as it is has no order
    moved = (orders != 0) & (np.abs(weights - _current(case)) > 1e-12)
    columns = np.flatnonzero(moved)
    proposals = Proposals(lots=orders[columns], column=columns, lead=np.full(len(columns), -1))
    free = np.zeros(len(book.lots), np.int64)
    limits = case.limits._replace(max_positions=len(book.lots))
    findings = objections(proposals, book, terms, limits, free, _NOW)
    assert [RULES[code] for code in findings.codes.tolist()] == ["approved"] * len(columns)
