"""Whatever clients and the market do, a fake exchange's book, money and orders stay in order."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tutti.kernel.clock import SECOND, SimulatedClock
from tutti.testing.exchanges.accounts import Account
from tutti.testing.exchanges.marketplace import Marketplace
from tutti.testing.exchanges.values import (
    Kind,
    Life,
    Listing,
    OrderRequest,
    Refused,
    Side,
    Status,
)

D = Decimal
_LISTING = Listing(
    name="BTC/USD",
    price_step=D(1),
    quantity_step=D(1),
    min_quantity=D(1),
    min_notional=D(1),
    price=D(100),
    maker_fee=D("0.001"),
    taker_fee=D("0.002"),
)

_ORDERS = st.fixed_dictionaries(
    {
        "do": st.just("order"),
        "who": st.integers(0, 1),
        "side": st.sampled_from(Side),
        "quantity": st.integers(1, 9),
        "price": st.one_of(st.none(), st.integers(95, 105)),
        "life": st.sampled_from(
            [Life.GOOD_TILL_CANCELLED, Life.IMMEDIATE_OR_CANCEL, Life.FILL_OR_KILL]
        ),
        "is_post_only": st.booleans(),
    }
)
_OTHERS = st.one_of(
    st.fixed_dictionaries({"do": st.just("cancel"), "nth": st.integers(0, 20)}),
    st.fixed_dictionaries(
        {
            "do": st.just("amend"),
            "nth": st.integers(0, 20),
            "quantity": st.integers(1, 9),
            "price": st.integers(95, 105),
        }
    ),
    st.fixed_dictionaries({"do": st.just("quote"), "middle": st.integers(90, 110)}),
    st.fixed_dictionaries(
        {
            "do": st.just("trade"),
            "side": st.sampled_from(Side),
            "quantity": st.integers(1, 20),
        }
    ),
)


def _act(market: Marketplace, accounts: list[Account], action: dict[str, object]) -> None:
    placed = list(market.orders.values())
    match action:
        case {"do": "order", "who": int(who), "side": Side() as side, "price": price, **rest}:
            request = OrderRequest(
                listing=_LISTING,
                side=side,
                kind=Kind.MARKET if price is None else Kind.LIMIT,
                quantity=D(str(rest["quantity"])),
                price=None if price is None else D(str(price)),
                life=Life(str(rest["life"])),
                is_post_only=bool(rest["is_post_only"]),
            )
            market.place(accounts[who], request)
        case {"do": "cancel", "nth": int(nth)} if placed:
            market.cancel(placed[nth % len(placed)])
        case {"do": "amend", "nth": int(nth), "quantity": quantity, "price": price} if placed:
            market.amend(placed[nth % len(placed)], quantity=D(str(quantity)), price=D(str(price)))
        case {"do": "quote", "middle": int(middle)}:
            bids = {D(middle - k): D(k) for k in range(1, 4)}
            asks = {D(middle + k): D(k) for k in range(1, 4)}
            market.quote(_LISTING, bids, asks)
        case {"do": "trade", "side": Side() as side, "quantity": quantity}:
            market.trade(_LISTING, side, D(str(quantity)))
        case _:
            pass


@given(st.lists(st.one_of(_ORDERS, _OTHERS), max_size=40))
def test_any_actions_keep_book_orders_and_money_consistent(
    actions: list[dict[str, object]],
) -> None:
    start = {"USD": D(2_000), "BTC": D(15)}
    accounts = [Account(name, key=name, secret="", spot=start, margin={}) for name in "ab"]
    market = Marketplace([_LISTING], accounts, SimulatedClock(SECOND))
    book = market.books[_LISTING.name]
    for action in actions:
        try:
            _act(market, accounts, action)
        except Refused:
            continue
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
        for order in market.orders.values():
            assert order.filled <= order.quantity
            assert (order.filled == order.quantity) == (order.status is Status.FILLED)
            assert (book.find(order) is not None) == (order.status is Status.OPEN)
            assert order.filled == sum((fill.quantity for fill in order.fills), D(0))
        for account in accounts:
            mine = market.fills_of(account)
            bought = sum((x.quantity * x.order.side.sign for x in mine), D(0))
            paid = sum((x.quantity * x.price * x.order.side.sign + x.fee for x in mine), D(0))
            assert account.spot == {"USD": start["USD"] - paid, "BTC": start["BTC"] + bought}
            holds = sum((x.held for x in market.open_orders(account)), D(0))
            assert sum(account.held.values(), D(0)) == holds
            assert all(account.free(currency) >= 0 for currency in start)
