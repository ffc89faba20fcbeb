"""Approvals and refusals."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.model.arrays import DAY_START_EQUITY, EQUITY, MODE, PEAK_EQUITY, REDUCE_ONLY
from tutti.model.errors import InvariantBroken
from tutti.model.instrument import InstrumentId
from tutti.model.order import ApprovedOrder, OrderIntent, OrderType, Reason, Refusal, Side
from tutti.risk.breakers import HALTED, UNLOCKED, UNRESOLVED
from tutti.risk.limits import Limits, OwnLimits, RiskSettings, with_own
from tutti.risk.review import RULES, Findings, Proposals, objections, review

if TYPE_CHECKING:
    from tests.unit.risk.conftest import MakeBook

    from tutti.model.arrays import Book, Terms

pytestmark = pytest.mark.kernels

_NOW = 1_700_000_000_000_000_000
_WIDE = RiskSettings(
    max_instrument_fraction=math.inf,
    max_venue_fraction=math.inf,
    max_gross_fraction=math.inf,
    max_notional_multiple=math.inf,
).limits()
_FREE = (UNLOCKED,) * 4
_NAMES = tuple(
    InstrumentId.parse(name)
    for name in ("BTC-USDT-PERP.A", "ETH-USDT-PERP.A", "SOL-USDT.A", "XRP-USDT-PERP.B")
)


def _findings(
    orders: list[tuple[int, int]],
    book: Book,
    terms: Terms,
    limits: Limits = _WIDE,
    *,
    lead: int = -1,
    locks: tuple[int, ...] = _FREE,
    ts: int = _NOW,
) -> Findings:
    proposals = Proposals(
        lots=np.array([lots for _, lots in orders]),
        column=np.array([column for column, _ in orders]),
        lead=np.full(len(orders), lead),
    )
    return objections(proposals, book, terms, limits, np.array(locks), ts)


def _rules(findings: Findings) -> list[str]:
    return [RULES[code] for code in findings.codes.tolist()]


def _intent(
    column: int = 0, quantity: str = "0.1", side: Side = Side.BUY, lead: str = "policy"
) -> OrderIntent:
    return OrderIntent(
        id="0" * 32,
        instrument=_NAMES[column],
        as_of=_NOW,
        side=side,
        quantity=Decimal(quantity),
        type=OrderType.MARKET,
        price=None,
        reference_price=Decimal(50_000),
        reason=Reason.ENTRY,
        lead=lead,
        reduces=False,
    )


# ---- rules on exposure: 20,000 of equity, half at each venue ----


@pytest.mark.parametrize(
    ("limits", "column", "lots", "rule"),
    [
        pytest.param({"max_notional_multiple": 10.0}, 0, 29, "approved", id="1,450 of 1,500"),
        pytest.param({"max_notional_multiple": 10.0}, 0, 31, "position_size", id="1,550 of 1,500"),
        pytest.param({"max_instrument_fraction": 0.1}, 1, -79, "approved", id="9.9 % of equity"),
        pytest.param(
            {"max_instrument_fraction": 0.1}, 1, -81, "instrument_exposure", id="10.1 % of equity"
        ),
        pytest.param({"max_venue_fraction": 0.1}, 3, 3_999, "approved", id="venue under"),
        pytest.param({"max_venue_fraction": 0.1}, 3, 4_001, "venue_exposure", id="venue over"),
        pytest.param({"max_gross_fraction": 0.1}, 3, -3_999, "approved", id="gross under"),
        pytest.param({"max_gross_fraction": 0.1}, 3, -4_001, "gross_exposure", id="gross over"),
        pytest.param({}, 2, 999, "approved", id="spot for 9,990 and its fee"),
        pytest.param({}, 2, 1_000, "venue_margin", id="spot for all the cash, but not its fee"),
        pytest.param({}, 0, 3_305, "approved", id="perpetual within margin"),
        pytest.param({}, 0, 3_306, "venue_margin", id="perpetual over margin"),
        pytest.param({}, 2, -1, "short_spot", id="short spot"),
        pytest.param({}, 0, 0, "quantity", id="nothing"),
        pytest.param({}, 0, 2**60, "quantity", id="more than floats count"),
    ],
)
def test_objections_order_from_flat_is_held_to_each_limit(
    make_book: MakeBook,
    terms: Terms,
    limits: dict[str, float],
    column: int,
    lots: int,
    rule: str,
) -> None:
    findings = _findings([(column, lots)], make_book(), terms, _WIDE._replace(**limits))  # type: ignore[arg-type]
    assert _rules(findings) == [rule]


@pytest.mark.parametrize(
    ("own", "rule"),
    [
        (OwnLimits(max_fraction=0.01), "instrument_exposure"),
        (OwnLimits(max_notional=99.0), "position_size"),
        (OwnLimits(max_notional=0.0), "position_size"),
        (OwnLimits(max_fraction=0.1, max_notional=1_000.0), "approved"),
    ],
)
def test_objections_order_is_held_to_the_own_limits_of_its_instrument(
    make_book: MakeBook, terms: Terms, own: OwnLimits, rule: str
) -> None:
    limits = with_own(_WIDE, 4, {0: own})
    # 250 of an equity of 20,000, in an instrument that is limited and in one that is not
    findings = _findings([(0, 5), (1, 10)], make_book(), terms, limits)
    assert _rules(findings) == [rule, "approved"]


def test_objections_first_orders_take_the_room_of_later_ones(
    make_book: MakeBook, terms: Terms
) -> None:
    limits = _WIDE._replace(max_gross_fraction=0.25)
    orders = [(0, 40), (1, -80), (3, 4_000), (3, 1_900), (3, 200)]
    findings = _findings(orders, make_book(), terms, limits)
    assert _rules(findings) == [
        "approved",
        "approved",
        "gross_exposure",
        "approved",
        "gross_exposure",
    ]


def test_objections_two_orders_of_one_instrument_count_together(
    make_book: MakeBook, terms: Terms
) -> None:
    limits = _WIDE._replace(max_instrument_fraction=0.1)
    findings = _findings([(0, 20), (0, 19), (0, 1), (0, -39)], make_book(), terms, limits)
    # bought and sold may not both fill, so the sale counts from flat
    assert _rules(findings) == ["approved", "approved", "instrument_exposure", "approved"]
    assert not findings.reduces.any()


def test_objections_order_at_work_takes_room(make_book: MakeBook, terms: Terms) -> None:
    limits = _WIDE._replace(max_gross_fraction=0.25, max_positions=2)
    book = make_book({0: 40}, working={0: -90})
    # 40 long, or 50 short once the order at work has filled: 2,500 of 5,000 are taken
    findings = _findings([(1, 99), (1, 2), (3, 1)], book, terms, limits)
    assert _rules(findings) == ["approved", "gross_exposure", "position_count"]


@pytest.mark.parametrize(("lots", "rule"), [(499, "approved"), (500, "venue_margin")])
def test_objections_what_is_held_counts_as_equity_of_its_venue_and_needs_margin(
    make_book: MakeBook, terms: Terms, lots: int, rule: str
) -> None:
    # half of venue 0 is spot already: the other half will buy as much, but for its fee
    assert _rules(_findings([(2, lots)], make_book({2: 500}), terms)) == [rule]


def test_objections_position_count_is_of_instruments(make_book: MakeBook, terms: Terms) -> None:
    limits = _WIDE._replace(max_positions=2)
    findings = _findings([(0, 1), (0, 1), (1, 1), (3, 1)], make_book(), terms, limits)
    assert _rules(findings) == ["approved", "approved", "approved", "position_count"]


def test_objections_sale_makes_no_room_before_it_is_filled(
    make_book: MakeBook, terms: Terms
) -> None:
    limits = _WIDE._replace(max_gross_fraction=0.25)
    book = make_book({0: 99})
    findings = _findings([(0, -99), (1, 10)], book, terms, limits)
    assert _rules(findings) == ["approved", "gross_exposure"]


# ---- orders that reduce, and orders that turn a position round ----

_TIGHT = RiskSettings(
    max_instrument_fraction=1e-6,
    max_venue_fraction=1e-6,
    max_gross_fraction=1e-6,
    max_notional_multiple=1e-6,
    max_drawdown=0.01,
    max_daily_loss=1.0,
    max_agent_daily_loss=1.0,
    max_positions=1,
).limits()


def _troubled(book: Book) -> Book:
    book.account[EQUITY] = -100.0
    book.account[MODE] = REDUCE_ONLY
    book.agent_day[0] = -1e6
    return book


@pytest.mark.parametrize(
    ("held", "order"),
    [((0, 1000), -1000), ((0, 1000), -1), ((1, -500), 500), ((2, 10), -10)],
    ids=["close long", "reduce long", "close short", "sell spot"],
)
def test_objections_order_that_reduces_passes_whatever_the_account_is_like(
    make_book: MakeBook, terms: Terms, held: tuple[int, int], order: int
) -> None:
    book = _troubled(make_book({held[0]: held[1], 3: 1}))
    book.paused_until[:] = 2**62
    findings = _findings([(held[0], order)], book, terms, _TIGHT, lead=0)
    assert _rules(findings) == ["approved"]
    assert findings.reduces.tolist() == [1]


def test_objections_reductions_that_together_pass_flat_are_openings(
    make_book: MakeBook, terms: Terms
) -> None:
    book = make_book({0: 100}, working={0: -50})
    findings = _findings([(0, -50), (0, -1)], book, terms, _TIGHT)
    assert findings.reduces.tolist() == [1, 0]
    assert _rules(findings)[0] == "approved"
    assert _rules(findings)[1] != "approved"


@pytest.mark.parametrize(("lots", "rule"), [(-79, "approved"), (-81, "instrument_exposure")])
def test_objections_flip_is_held_to_what_it_leaves_open(
    make_book: MakeBook, terms: Terms, lots: int, rule: str
) -> None:
    # 40 long is at the limit already; 39 or 41 short is left
    limits = _WIDE._replace(max_instrument_fraction=0.1)
    assert _rules(_findings([(0, lots)], make_book({0: 40}), terms, limits)) == [rule]


def test_objections_flip_when_gross_exposure_is_over_its_limit_is_refused(
    make_book: MakeBook, terms: Terms
) -> None:
    limits = _WIDE._replace(max_gross_fraction=0.1)
    book = make_book({0: 60})
    assert _rules(_findings([(0, -61)], book, terms, limits)) == ["gross_exposure"]
    assert _rules(_findings([(0, -60)], book, terms, limits)) == ["approved"]


# ---- rules that every order must pass ----


def test_objections_instrument_of_unknown_fate_sends_nothing_not_even_reductions(
    make_book: MakeBook, terms: Terms
) -> None:
    locks = (UNRESOLVED, UNLOCKED, UNLOCKED, UNLOCKED)
    findings = _findings([(0, -1), (1, 1)], make_book({0: 100}), terms, locks=locks)
    assert _rules(findings) == ["unresolved_order", "approved"]


def test_objections_halt_keeps_nothing_from_being_closed(make_book: MakeBook, terms: Terms) -> None:
    locks = (HALTED, HALTED, UNLOCKED, UNLOCKED)
    findings = _findings([(0, -1), (0, 1), (1, 1)], make_book({0: 100}), terms, locks=locks)
    assert _rules(findings) == ["approved", "halt", "halt"]


@pytest.mark.parametrize("mark", [math.nan, 0.0, -5.0, math.inf])
def test_objections_without_a_usable_price_nothing_is_sent(
    make_book: MakeBook, terms: Terms, mark: float
) -> None:
    book = make_book({0: 100})
    book.mark[0] = mark
    assert _rules(_findings([(0, -100)], book, terms)) == ["price"]


@pytest.mark.parametrize(
    ("age_s", "rule"),
    [
        pytest.param(300.0, "approved", id="as old as allowed"),
        pytest.param(300.1, "stale_data", id="too old"),
        pytest.param(-1.0, "approved", id="clocks a second apart"),
        pytest.param(-1.1, "clock_skew", id="from the future"),
    ],
)
def test_objections_age_of_the_close_is_bounded_for_every_order(
    make_book: MakeBook, terms: Terms, age_s: float, rule: str
) -> None:
    book = make_book({0: 100})
    book.marked_at[0] = _NOW - round(age_s * 1e9)
    assert _rules(_findings([(0, -100)], book, terms)) == [rule]


# ---- rules on the account ----


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        pytest.param({MODE: REDUCE_ONLY}, "trading_mode", id="reduce only"),
        pytest.param({EQUITY: 0.0}, "equity", id="no equity"),
        pytest.param({EQUITY: math.nan}, "equity", id="unknown equity"),
        pytest.param({PEAK_EQUITY: 25_000.0}, "drawdown", id="20 % under the peak"),
        pytest.param({PEAK_EQUITY: 24_999.0}, "approved", id="not quite"),
        pytest.param({DAY_START_EQUITY: 21_000.0}, "daily_loss", id="1,000 lost today"),
        pytest.param({DAY_START_EQUITY: 20_999.0}, "approved", id="not quite 1,000"),
    ],
)
def test_objections_account_in_trouble_opens_nothing(
    make_book: MakeBook, terms: Terms, changes: dict[int, float], rule: str
) -> None:
    book = make_book()
    for slot, value in changes.items():
        book.account[slot] = value
    assert _rules(_findings([(0, 1)], book, terms)) == [rule]


@pytest.mark.parametrize(
    ("lead", "loss", "rule"),
    [(0, 500.0, "agent_daily_loss"), (0, 499.0, "approved"), (1, 0.0, "approved")],
)
def test_objections_agent_at_its_daily_loss_leads_no_entry(
    make_book: MakeBook, terms: Terms, lead: int, loss: float, rule: str
) -> None:
    book = make_book()
    book.agent_day[0] = -loss
    assert _rules(_findings([(0, 1)], book, terms, lead=lead)) == [rule]


def test_objections_paused_market_refuses_entries(make_book: MakeBook, terms: Terms) -> None:
    book = make_book()
    book.paused_until[0] = 2**62
    assert _rules(_findings([(0, 1)], book, terms)) == ["market_pause"]


def test_objections_holding_of_unknown_value_refuses_entries_everywhere(
    make_book: MakeBook, terms: Terms
) -> None:
    book = make_book({0: 1})
    book.mark[0] = math.nan
    assert _rules(_findings([(1, 1), (3, 1)], book, terms)) == ["venue_exposure", "gross_exposure"]


# ---- intents in, approvals and refusals out ----


def test_review_approval_names_every_rule_that_was_checked(
    make_book: MakeBook, terms: Terms
) -> None:
    book = make_book({1: -100})
    intents = [_intent(0), _intent(1, "1")]
    answers = review(intents, _findings([(0, 100), (1, 100)], book, terms), _NOW + 5)
    assert all(isinstance(answer, ApprovedOrder) for answer in answers)
    opening, reducing = (answer for answer in answers if isinstance(answer, ApprovedOrder))
    assert opening.intent is intents[0]
    assert opening.approved_at == _NOW + 5
    assert opening.rules == RULES[1:]
    assert "gross_exposure" not in reducing.rules
    assert "stale_data" in reducing.rules


def test_review_refusal_names_the_rule_and_the_figures(make_book: MakeBook, terms: Terms) -> None:
    limits = _WIDE._replace(max_gross_fraction=1.0)
    # 26,200 against an equity of 20,000
    findings = _findings([(0, 524)], make_book(), terms, limits)
    (answer,) = review([_intent()], findings, _NOW)
    assert isinstance(answer, Refusal)
    assert answer.rule == "gross_exposure"
    assert answer.reason == "gross exposure would be 1.31 x equity, limit 1"
    assert answer.refused_at == _NOW


@pytest.mark.parametrize("code", range(1, len(RULES)), ids=RULES[1:])
def test_review_every_rule_has_a_reason(code: int) -> None:
    findings = Findings(np.array([code]), np.zeros(1, np.int64), np.array([[1.5, math.nan]]))
    (answer,) = review([_intent()], findings, _NOW)
    assert isinstance(answer, Refusal)
    assert answer.rule == RULES[code]
    assert "{" not in answer.reason


def test_review_findings_of_other_intents_stop_everything(
    make_book: MakeBook, terms: Terms
) -> None:
    findings = _findings([(0, 1), (1, 1)], make_book(), terms)
    with pytest.raises(InvariantBroken, match="1 intents were reviewed as 2"):
        review([_intent()], findings, _NOW)
