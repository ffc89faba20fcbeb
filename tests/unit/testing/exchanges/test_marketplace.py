"""Acceptance, matching, amendments, money and triggers, without any dialect."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tutti.kernel.clock import SECOND, SimulatedClock
from tutti.testing.exchanges.accounts import Account
from tutti.testing.exchanges.happenings import BookChanged, Happening, OrderChanged
from tutti.testing.exchanges.marketplace import Marketplace
from tutti.testing.exchanges.values import (
    Kind,
    Life,
    Listing,
    Order,
    OrderRequest,
    Reason,
    Refused,
    Side,
    Status,
)

D = Decimal
_SPOT = Listing(
    name="BTC/USD",
    price_step=D("0.5"),
    quantity_step=D("0.01"),
    min_quantity=D("0.02"),
    min_notional=D(5),
    price=D(100),
    maker_fee=D("0.001"),
    taker_fee=D("0.002"),
)
_PERPETUAL = replace(_SPOT, name="BTC/USD:USD", max_leverage=10)


class _Place:
    """A marketplace with two clients and nobody else."""

    def __init__(self, *, in_received: bool = False, reuses: bool = True) -> None:
        self.clock = SimulatedClock(SECOND)
        self.spot = replace(_SPOT, is_fee_in_received=in_received)
        self.perpetual = _PERPETUAL
        money = {"USD": D(10_000), "BTC": D(10)}
        self.us, self.them = (
            Account(name, key=name, secret="", spot=money, margin={"USD": D(1000)})
            for name in ("us", "them")
        )
        self.market = Marketplace(
            [self.spot, self.perpetual],
            [self.us, self.them],
            self.clock,
            reuses_client_ids=reuses,
        )
        self.heard: list[Happening] = []
        self.market.listeners.append(self.heard.append)

    def order(
        self,
        side: Side,
        quantity: str,
        price: str | None = None,
        *,
        account: Account | None = None,
        listing: Listing | None = None,
        **terms: object,
    ) -> Order:
        request = OrderRequest(
            listing=listing or self.spot,
            side=side,
            kind=Kind.MARKET if price is None else Kind.LIMIT,
            quantity=D(quantity),
            price=None if price is None else D(price),
            **terms,  # type: ignore[arg-type]
        )
        return self.market.place(account or self.us, request)

    def offer(self, quantity: str, price: str, **terms: object) -> Order:
        return self.order(Side.SELL, quantity, price, account=self.them, **terms)  # type: ignore[arg-type]


@pytest.fixture
def place() -> _Place:
    return _Place()


def _refusal(place: _Place, *order: object, **terms: object) -> Reason:
    known = len(place.market.orders)
    with pytest.raises(Refused) as refused:
        place.order(*order, **terms)  # type: ignore[arg-type]
    assert len(place.market.orders) == known
    return refused.value.reason


def test_better_price_is_served_first_and_then_the_older_order(place: _Place) -> None:
    dear = place.offer("1", "102")
    first = place.offer("1", "101")
    second = place.offer("1", "101")
    taken = place.order(Side.BUY, "2.5")
    assert [fill.price for fill in taken.fills] == [D(101), D(101), D(102)]
    assert (first.status, second.status) == (Status.FILLED, Status.FILLED)
    assert (dear.filled, dear.left) == (D("0.5"), D("0.5"))
    assert taken.average == D("101.2")


def test_fees_are_the_makers_and_the_takers_in_quote(place: _Place) -> None:
    sold = place.offer("1", "100")
    bought = place.order(Side.BUY, "1", "100")
    assert bought.fees() == {"USD": D("0.2")}
    assert sold.fees() == {"USD": D("0.1")}
    assert place.us.spot == {"USD": D("9899.8"), "BTC": D(11)}
    assert place.them.spot == {"USD": D("10099.9"), "BTC": D(9)}


def test_fee_in_what_is_received_is_taken_off_the_coins() -> None:
    place = _Place(in_received=True)
    place.offer("1", "100")
    bought = place.order(Side.BUY, "1", "100")
    assert bought.fees() == {"BTC": D("0.002")}
    assert place.us.spot == {"USD": D(9900), "BTC": D("10.998")}


def test_resting_order_holds_money_and_gives_it_back(place: _Place) -> None:
    order = place.order(Side.BUY, "10", "50")
    assert place.us.free("USD") == D(10_000) - D(501)
    place.market.cancel(order)
    assert place.us.free("USD") == D(10_000)
    assert place.us.held["USD"] == 0


def test_hold_of_a_fill_at_a_better_price_is_given_back_whole(place: _Place) -> None:
    place.offer("1", "90")
    place.order(Side.BUY, "1", "100")
    assert place.us.held["USD"] == 0
    assert place.us.spot["USD"] == D(10_000) - D("90.18")


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ((Side.BUY, "1.005", "100"), Reason.OFF_QUANTITY_STEP),
        ((Side.BUY, "0.01", "100"), Reason.BELOW_MIN_QUANTITY),
        ((Side.BUY, "1", "100.3"), Reason.OFF_PRICE_STEP),
        ((Side.BUY, "0.04", "100"), Reason.BELOW_MIN_NOTIONAL),
        ((Side.BUY, "100", "100"), Reason.INSUFFICIENT_FUNDS),
        ((Side.SELL, "10.01", "100"), Reason.INSUFFICIENT_FUNDS),
        ((Side.BUY, "1"), Reason.NO_LIQUIDITY),
    ],
)
def test_order_against_the_terms_is_refused_and_changes_nothing(
    place: _Place, order: tuple[object, ...], reason: Reason
) -> None:
    assert _refusal(place, *order) is reason
    assert place.us.held.get("USD", D(0)) == 0


def test_post_only_order_that_would_take_is_refused(place: _Place) -> None:
    place.offer("1", "101")
    assert _refusal(place, Side.BUY, "1", "101", is_post_only=True) is Reason.WOULD_TAKE
    assert place.order(Side.BUY, "1", "100.5", is_post_only=True).status is Status.OPEN


def test_market_order_ends_where_nobody_is_left(place: _Place) -> None:
    place.offer("1", "101")
    order = place.order(Side.BUY, "3")
    assert (order.status, order.filled) == (Status.EXPIRED, D(1))


def test_immediate_order_leaves_nothing_and_fill_or_kill_takes_all_or_nothing(
    place: _Place,
) -> None:
    place.offer("1", "101")
    immediate = place.order(Side.BUY, "2", "101", life=Life.IMMEDIATE_OR_CANCEL)
    assert (immediate.status, immediate.filled) == (Status.EXPIRED, D(1))
    place.offer("1", "101")
    killed = place.order(Side.BUY, "2", "101", life=Life.FILL_OR_KILL)
    assert (killed.status, killed.filled) == (Status.EXPIRED, D(0))
    whole = place.order(Side.BUY, "1", "101", life=Life.FILL_OR_KILL)
    assert whole.status is Status.FILLED


def test_order_by_money_spends_it_in_whole_steps(place: _Place) -> None:
    place.offer("1", "100")
    place.offer("1", "200")
    order = place.order(Side.BUY, "0", quote_quantity=D(250))
    assert (order.status, order.filled, order.cost) == (Status.FILLED, D("1.75"), D(250))


def test_order_meets_its_own_accounts_and_the_older_one_ends(place: _Place) -> None:
    mine = place.order(Side.SELL, "1", "100")
    place.order(Side.BUY, "1", "100")
    assert (mine.status, mine.filled) == (Status.EXPIRED, D(0))
    assert place.market.fills == []


def test_client_id_is_free_again_when_its_order_is_final(place: _Place) -> None:
    first = place.order(Side.BUY, "1", "90", client_id="a")
    assert _refusal(place, Side.BUY, "1", "90", client_id="a") is Reason.DUPLICATE_CLIENT_ID
    place.market.cancel(first)
    second = place.order(Side.BUY, "1", "90", client_id="a")
    assert place.market.find(place.us, client_id="a") is second
    with pytest.raises(Refused):
        place.market.find(place.them, client_id="a")


def test_client_id_is_used_once_where_the_venue_says_so() -> None:
    place = _Place(reuses=False)
    place.market.cancel(place.order(Side.BUY, "1", "90", client_id="a"))
    assert _refusal(place, Side.BUY, "1", "90", client_id="a") is Reason.DUPLICATE_CLIENT_ID


def test_amendment_to_less_keeps_the_place_and_to_more_loses_it(place: _Place) -> None:
    first, second = place.offer("2", "100"), place.offer("1", "100")
    place.market.amend(first, quantity=D(1))
    place.order(Side.BUY, "1")
    assert (first.status, second.status) == (Status.FILLED, Status.OPEN)
    third = place.offer("1", "100")
    place.market.amend(second, quantity=D(2))
    place.order(Side.BUY, "1")
    assert (second.filled, third.status) == (D(0), Status.FILLED)


def test_amendment_across_the_book_is_matched(place: _Place) -> None:
    place.offer("1", "101")
    order = place.order(Side.BUY, "1", "100")
    place.market.amend(order, price=D(101))
    assert order.status is Status.FILLED
    with pytest.raises(Refused):
        place.market.amend(order, price=D(102))


def test_amendment_that_cannot_be_paid_leaves_everything(place: _Place) -> None:
    order = place.order(Side.BUY, "10", "100")
    held = place.us.held["USD"]
    with pytest.raises(Refused):
        place.market.amend(order, quantity=D(200))
    assert (order.quantity, place.us.held["USD"]) == (D(10), held)
    place.market.fill(order, D(4))
    with pytest.raises(Refused):
        place.market.amend(order, quantity=D(4))


def test_amendment_is_held_to_the_terms_of_a_new_order(place: _Place) -> None:
    order = place.order(Side.BUY, "1", "100")
    with pytest.raises(Refused) as refused:
        place.market.amend(order, quantity=D("0.04"))
    assert refused.value.reason is Reason.BELOW_MIN_NOTIONAL
    place.offer("1", "101")
    passive = place.order(Side.BUY, "1", "99", is_post_only=True)
    with pytest.raises(Refused) as refused:
        place.market.amend(passive, price=D(101))
    assert refused.value.reason is Reason.WOULD_TAKE
    assert (passive.status, passive.price, passive.filled) == (Status.OPEN, D(99), D(0))
    place.market.amend(passive, price=D(100))
    assert passive.price == D(100)


def test_amendment_of_a_perpetual_needs_margin_for_what_it_opens(place: _Place) -> None:
    order = place.order(Side.BUY, "50", "100", listing=place.perpetual)
    with pytest.raises(Refused) as refused:
        place.market.amend(order, quantity=D(1000))
    assert refused.value.reason is Reason.INSUFFICIENT_FUNDS
    assert order.quantity == D(50)
    place.market.amend(order, quantity=D(90))
    assert order.quantity == D(90)


@pytest.mark.parametrize(
    ("side", "trigger", "reaches"), [("buy", "105", "105"), ("sell", "95", "95")]
)
def test_waiting_order_works_once_the_price_comes(
    place: _Place, side: str, trigger: str, reaches: str
) -> None:
    order = place.order(Side(side), "1", "100", trigger=D(trigger), triggers_above=side == "buy")
    assert order.to_dict()["status"] == "waiting"
    other = Side(side).other
    place.market.set_level(place.spot, other, D(reaches), D(5))
    place.market.trade(place.spot, Side(side), D(1))
    assert order.status is Status.OPEN
    assert [each.what for each in place.heard if isinstance(each, OrderChanged)] == [
        "accepted",
        "triggered",
    ]


def test_waiting_order_that_would_trigger_at_once_is_refused(place: _Place) -> None:
    reason = _refusal(place, Side.BUY, "1", "100", trigger=D(99), triggers_above=True)
    assert reason is Reason.WOULD_TRIGGER


def test_waiting_order_can_be_cancelled_and_amended(place: _Place) -> None:
    order = place.order(Side.BUY, "1", "100", trigger=D(105), triggers_above=True)
    place.market.amend(order, quantity=D(2))
    assert order.quantity == 2
    place.market.cancel(order)
    assert order.status is Status.CANCELLED
    assert place.us.held["USD"] == 0


# ---- perpetuals ----


def test_position_is_averaged_reduced_turned_and_paid_out(place: _Place) -> None:
    listing = place.perpetual
    for price, quantity in (("100", "2"), ("110", "2")):
        place.offer(quantity, price, listing=listing)
        place.order(Side.BUY, quantity, price, listing=listing)
    position = place.us.position(listing)
    assert (position.quantity, position.entry) == (D(4), D(105))
    place.order(Side.BUY, "6", "115", account=place.them, listing=listing)
    sold = place.order(Side.SELL, "6", "115", listing=listing)
    assert (position.quantity, position.entry) == (D(-2), D(115))
    assert sold.fills[0].pnl == D(40)
    fees = D(100 * 2 + 110 * 2 + 115 * 6) * D("0.002")
    assert place.us.margin["USD"] == D(1000) + 40 - fees


def test_margin_limits_what_is_opened_and_not_what_is_closed(place: _Place) -> None:
    listing = place.perpetual
    assert _refusal(place, Side.BUY, "100", "100", listing=listing) is Reason.INSUFFICIENT_FUNDS
    place.offer("90", "100", listing=listing)
    place.order(Side.BUY, "90", "100", listing=listing)
    place.order(Side.SELL, "90", "120", listing=listing)
    assert _refusal(place, Side.BUY, "20", "100", listing=listing) is Reason.INSUFFICIENT_FUNDS


def test_reducing_order_may_not_open(place: _Place) -> None:
    listing = place.perpetual
    terms = {"listing": listing, "is_reduce_only": True}
    assert _refusal(place, Side.SELL, "1", "100", **terms) is Reason.NOT_REDUCING
    place.offer("1", "100", listing=listing)
    place.order(Side.BUY, "1", "100", listing=listing)
    place.order(Side.BUY, "1", "100", account=place.them, listing=listing)
    assert place.order(Side.SELL, "1", "100", **terms).status is Status.FILLED  # type: ignore[arg-type]
    assert place.us.position(listing).quantity == 0


def test_reducing_order_that_rests_ends_where_nothing_is_left_to_reduce(place: _Place) -> None:
    listing = place.perpetual
    place.offer("3", "100", listing=listing)
    place.order(Side.BUY, "3", "100", listing=listing)
    resting = place.order(Side.SELL, "3", "110", listing=listing, is_reduce_only=True)
    place.order(Side.BUY, "2", "99", account=place.them, listing=listing)
    place.order(Side.SELL, "2", "99", listing=listing)
    place.order(Side.BUY, "3", "110", account=place.them, listing=listing)
    assert (resting.filled, resting.status) == (D(1), Status.EXPIRED)
    assert place.us.position(listing).quantity == 0


def test_reducing_order_that_waited_ends_where_nothing_is_left_to_reduce(place: _Place) -> None:
    listing = place.perpetual
    place.offer("1", "100", listing=listing)
    place.order(Side.BUY, "1", "100", listing=listing)
    place.order(Side.BUY, "5", "99", account=place.them, listing=listing)
    stop = place.order(
        Side.SELL, "1", listing=listing, is_reduce_only=True, trigger=D("99.5"),
        triggers_above=False,
    )  # fmt: skip
    place.order(Side.SELL, "1", "99", listing=listing)
    assert (stop.filled, stop.status) == (D(0), Status.EXPIRED)
    assert place.us.position(listing).quantity == 0


# ---- time and the rest of the market ----


def test_dated_order_expires_and_the_dead_mans_switch_cancels(place: _Place) -> None:
    dated = place.order(Side.BUY, "1", "90", expires_at=3 * SECOND, life=Life.GOOD_TILL_DATE)
    other = place.order(Side.BUY, "1", "90")
    place.us.cancel_at = 5 * SECOND
    place.clock.advance_to(4 * SECOND)
    place.market.pass_time()
    assert (dated.status, other.status) == (Status.EXPIRED, Status.OPEN)
    place.clock.advance_to(5 * SECOND)
    place.market.pass_time()
    assert other.status is Status.CANCELLED
    assert place.us.cancel_at == 0


def test_what_was_put_off_happens_in_its_time(place: _Place) -> None:
    order = place.order(Side.BUY, "1", "90")
    place.market.later(2 * SECOND, lambda: place.market.end(order, Status.REJECTED, "late"))
    place.market.pass_time()
    assert order.status is Status.OPEN
    place.clock.advance_to(2 * SECOND)
    place.market.pass_time()
    assert (order.status, order.detail) == (Status.REJECTED, "late")


def test_quote_fills_what_is_in_its_way(place: _Place) -> None:
    order = place.order(Side.BUY, "2", "100")
    place.market.quote(place.spot, {D(98): D(1)}, {D(99): D(5)})
    assert (order.status, order.average) == (Status.FILLED, D(100))
    book = place.market.books[place.spot.name]
    assert book.levels(Side.SELL) == [(D(99), D(3))]
    place.market.quote(place.spot, {D(97): D(1)}, {D(98): D(2)})
    assert book.levels(Side.BUY) == [(D(97), D(1))]
    assert book.levels(Side.SELL) == [(D(98), D(2))]


def test_halted_listing_takes_nothing(place: _Place) -> None:
    place.market.halted.add(place.spot.name)
    assert _refusal(place, Side.BUY, "1", "90") is Reason.HALTED


def test_fill_out_of_turn_is_of_an_open_order_and_of_what_is_left(place: _Place) -> None:
    order = place.order(Side.BUY, "2", "90")
    place.market.fill(order, D(1), D("89.5"))
    assert (order.filled, order.average) == (D(1), D("89.5"))
    with pytest.raises(Refused):
        place.market.fill(order, D(2))


def test_changes_of_the_book_are_numbered_without_gaps(place: _Place) -> None:
    for price in ("90", "91", "92"):
        place.order(Side.BUY, "1", price)
    place.market.cancel_all(place.us)
    numbers = [each.sequence for each in place.heard if isinstance(each, BookChanged)]
    assert numbers == list(range(2, 2 + len(numbers)))
    final = next(each for each in reversed(place.heard) if isinstance(each, BookChanged))
    assert {quantity for _, _, quantity in final.changes} == {D(0)}
