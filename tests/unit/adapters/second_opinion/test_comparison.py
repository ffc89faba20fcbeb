"""Fills and equity of two engines, and the name of each difference."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.unit.adapters.second_opinion.conftest import order

from tutti.adapters.second_opinion.comparison import Cause, SecondOpinion, compare
from tutti.adapters.second_opinion.request import Replay, ReplayFill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.adapters.second_opinion.conftest import RequestMaker

_LAST_CLOSE = 105


def fill(number: int, row: int, side: int = 1, **changes: Any) -> ReplayFill:
    values: dict[str, Any] = {
        "order_id": f"order-{number}",
        "instrument": 0,
        "row": row,
        "side": side,
        "quantity": Decimal(2),
        "price": Decimal(101),
        "fee": Decimal("0.2"),
        "is_maker": False,
    }
    return ReplayFill(**(values | changes))


def worth(fills: Sequence[ReplayFill]) -> np.ndarray[Any, np.dtype[np.float64]]:
    # ten thousand and what the fills came to at the last close, at every tick
    gained = [each.side * each.quantity * (_LAST_CLOSE - each.price) - each.fee for each in fills]
    return np.full(5, 10_000.0 + float(sum(gained, Decimal(0))))


@pytest.fixture
def compared(make_request: RequestMaker) -> Any:
    def run(
        ours: Sequence[ReplayFill], theirs: Sequence[ReplayFill], **changes: Any
    ) -> SecondOpinion:
        request = make_request([order(1, 1, +1, "2")])
        values: dict[str, Any] = {
            "engine": "another",
            "fills": theirs,
            "refused": (),
            "equity": worth(theirs),
            "funding": 0.0,
            "mapped": {"impact": 1.5},
        }
        return compare(request, ours, worth(ours), 0.0, Replay(**(values | changes)))

    return run


def causes(opinion: SecondOpinion) -> dict[Cause, int]:
    return {each.cause: each.count for each in opinion.differences}


def test_equal_fills_leave_nothing_to_explain(compared: Any) -> None:
    opinion = compared([fill(1, 1)], [fill(1, 1)])
    assert (opinion.fills_matched, opinion.fills_total) == (1, 1)
    assert opinion.differences == ()
    assert opinion.equity_diff_bps == 0.0
    assert opinion.agrees


@pytest.mark.parametrize(
    ("change", "cause", "is_matched"),
    [
        pytest.param({"price": Decimal("101.1")}, Cause.PRICE_ROUNDING, True, id="one step"),
        pytest.param({"fee": Decimal("0.20000001")}, Cause.FEE, True, id="fee"),
        pytest.param({"fee": Decimal("0.4")}, Cause.FEE_RATE, False, id="fee rate"),
        pytest.param({"price": Decimal("101.2")}, Cause.PRICE, False, id="two steps"),
        pytest.param({"quantity": Decimal(1)}, Cause.QUANTITY, False, id="quantity"),
        pytest.param({"side": -1}, Cause.QUANTITY, False, id="side"),
        pytest.param({"is_maker": True}, Cause.LIQUIDITY, False, id="maker"),
    ],
)
def test_fill_that_differs_is_named_by_how(
    compared: Any, change: dict[str, Any], cause: Cause, is_matched: bool
) -> None:
    opinion = compared([fill(1, 1)], [fill(1, 1, **change)])
    assert causes(opinion) == {cause: 1}
    assert opinion.fills_matched == is_matched
    assert "order order-1" in opinion.differences[0].examples[0]


def test_fill_on_another_bar_is_missing_on_one_and_too_much_on_the_other(compared: Any) -> None:
    opinion = compared([fill(1, 1)], [fill(1, 2)])
    assert causes(opinion) == {Cause.ONLY_HERE: 1, Cause.ONLY_THERE: 1}
    assert (opinion.fills_matched, opinion.fills_total) == (0, 2)
    assert not opinion.agrees


def test_fill_that_is_there_twice_is_one_too_many(compared: Any) -> None:
    opinion = compared([fill(1, 1), fill(1, 1)], [fill(1, 1)])
    assert causes(opinion) == {Cause.ONLY_HERE: 1}
    assert (opinion.fills_matched, opinion.fills_total) == (1, 2)


def test_money_that_no_fill_explains_is_not_called_rounding(compared: Any) -> None:
    fills = [fill(1, 1)]
    opinion = compared(fills, fills, equity=worth(fills) + 0.5)
    assert {each.cause: each.amount for each in opinion.differences} == {
        Cause.UNEXPLAINED: pytest.approx(0.5)
    }
    assert opinion.equity_diff_bps == pytest.approx(0.5, rel=0.01)
    assert not opinion.agrees


def test_funding_of_equal_positions_that_differs_is_unexplained(compared: Any) -> None:
    fills = [fill(1, 1)]
    opinion = compared(fills, fills, funding=-0.5, equity=worth(fills) - 0.5)
    assert causes(opinion) == {Cause.UNEXPLAINED: 0}
    assert opinion.differences[0].examples == ("funding 0 / -0.5",)
    assert not opinion.agrees


def test_amounts_add_up_to_the_difference_of_equity(compared: Any) -> None:
    ours = [fill(1, 1), fill(2, 2), fill(3, 3, -1)]
    theirs = [fill(1, 1, price=Decimal("101.1")), fill(3, 3, -1, fee=Decimal("0.3")), fill(4, 3)]
    funding, rest = -0.7, 0.0005
    opinion = compared(ours, theirs, funding=funding, equity=worth(theirs) + funding + rest)
    apart = opinion.theirs.final_equity - opinion.ours.final_equity
    assert sum(each.amount for each in opinion.differences) == pytest.approx(apart)
    amounts = {each.cause: each.amount for each in opinion.differences}
    assert amounts[Cause.PRICE_ROUNDING] == pytest.approx(-0.2)
    assert amounts[Cause.ONLY_HERE] == pytest.approx(-(2 * 4 - 0.2))
    assert amounts[Cause.ONLY_THERE] == pytest.approx(2 * 4 - 0.2)
    assert amounts[Cause.FEE_RATE] == pytest.approx(-0.1)
    assert amounts[Cause.FUNDING] == pytest.approx(-0.7)
    assert amounts[Cause.MONEY_ROUNDING] == pytest.approx(0.0005)


def test_refused_order_says_why(compared: Any) -> None:
    opinion = compared([fill(1, 1)], [], refused=(("order-1", "no market"),))
    assert causes(opinion) == {Cause.REFUSED: 1}
    assert opinion.differences[0].examples == ("order order-1: no market",)


def test_forced_close_proves_nothing_and_is_not_counted(compared: Any) -> None:
    forced = fill(9, 3, -1, is_forced=True)
    opinion = compared([fill(1, 1), forced], [fill(1, 1), forced])
    assert (opinion.fills_matched, opinion.fills_total) == (1, 1)
    assert causes(opinion) == {Cause.FORCED_CLOSE: 1}
    assert opinion.ours.fills == opinion.theirs.fills == 1


def test_largest_difference_on_the_way_counts(compared: Any) -> None:
    equity = worth([fill(1, 1)])
    equity[2] += 3.0
    opinion = compared([fill(1, 1)], [fill(1, 1)], equity=equity)
    assert opinion.equity_diff_bps == pytest.approx(3.0, rel=1e-2)
    assert opinion.final_equity_diff_bps == 0.0
    assert causes(opinion) == {Cause.UNEXPLAINED: 1}
    assert opinion.differences[0].examples == ("3 bps at 2024-01-01T03:00:00.000Z",)
    assert not opinion.agrees


def test_ticks_differ_by_valuation_only_where_a_route_can_have_parts(
    make_request: RequestMaker,
) -> None:
    request = make_request([order(1, 1, +1, "2")])
    (venue,) = request.venues
    request = replace(request, venues=(venue, replace(venue, name="OTHER")))
    fills, equity = [fill(1, 1)], worth([fill(1, 1)])
    apart = equity.copy()
    apart[2] += 0.5
    reply = Replay(
        engine="another", fills=fills, refused=(), equity=apart, funding=0.0, mapped={}
    )  # fmt: skip
    opinion = compare(request, fills, equity, 0.0, reply)
    assert causes(opinion) == {Cause.VALUATION: 1}
    assert opinion.agrees


def test_no_more_than_three_examples_are_kept(compared: Any) -> None:
    opinion = compared([fill(k, k) for k in range(5)], [])
    assert opinion.differences[0].count == 5
    assert len(opinion.differences[0].examples) == 3


def test_instrument_without_a_bar_is_worth_nothing(make_request: RequestMaker) -> None:
    request = make_request([])
    nothing = np.full_like(request.market.close, np.nan)
    request = replace(request, market=replace(request.market, close=nothing))
    reply = Replay(engine="another", fills=(), refused=(), equity=worth([]), funding=0.0, mapped={})
    assert compare(request, [], worth([]), 0.0, reply).agrees


def test_document_has_the_promised_keys(compared: Any) -> None:
    document = compared([fill(1, 1)], [fill(1, 2)]).to_dict()
    assert document.keys() >= {
        "engine", "fills_matched", "fills_total", "equity_diff_bps", "differences", "agrees",
    }  # fmt: skip
    assert document["differences"][0]["cause"] == "only_here"
    assert document["mapped"] == {"impact": 1.5}
