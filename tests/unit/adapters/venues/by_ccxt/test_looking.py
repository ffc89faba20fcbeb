"""What became of orders: found however many there are, and however many parts they were filled in."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tutti.model.order import OrderFilled
from tutti.testing.exchanges import Fault, FaultKind

from .conftest import PLACES, Bench, Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tutti.testing.exchanges.values import Order

    Open = Callable[..., AbstractAsyncContextManager[Bench]]

_BELOW = Decimal("0.9")


def _quiet() -> Fault:
    return Fault(kind=FaultKind.SILENT, where="stream.*", count=-1)


@pytest.mark.parametrize("place", PLACES.values(), ids=list(PLACES))
async def test_order_filled_in_more_parts_than_a_page_holds_is_told_whole(
    bench: Open, place: Place
) -> None:
    async with bench(place, [_quiet()]) as b:
        order = b.order(limit=_BELOW)
        parts = 120
        step = b.instrument.quantity_step
        lots = max(int(order.intent.quantity / step), parts)
        order = b.order(limit=_BELOW, lots=lots)
        order_id = b.submit(order)
        await b.until(order_id, "OrderAccepted")
        (client,) = {each.client_id for each in _orders(b)}
        for _ in range(parts - 1):
            b.exchange.market.act({"do": "fill", "order": client, "quantity": step})
        b.exchange.market.act({"do": "fill", "order": client})
        async with asyncio.timeout(10.0):
            while _filled(b, order_id) < order.intent.quantity:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert _filled(b, order_id) == order.intent.quantity


async def test_fill_of_an_order_behind_many_others_is_found_without_streams(bench: Open) -> None:
    async with bench(PLACES["BINANCE"], [_quiet()]) as b:
        ids = [b.submit(b.order(limit=_BELOW)) for _ in range(25)]
        for each in ids:
            await b.until(each, "OrderAccepted")
        b.exchange.market.act({"do": "fill", "order": ids[-1]})
        await b.until(ids[-1], "OrderFilled")


def _orders(b: Bench) -> list[Order]:
    market = b.exchange.marketplace
    return [order for each in market.accounts.values() for order in market.orders_of(each)]


def _filled(b: Bench, order_id: str) -> Decimal:
    b.said += b.venue.events()
    fills = [x for x in b.said if isinstance(x, OrderFilled) and x.order_id == order_id]
    return sum((each.quantity for each in fills), Decimal(0))
