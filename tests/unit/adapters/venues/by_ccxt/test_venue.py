"""A real exchange behind the port: nothing waits, nothing is lost, nothing is sent twice."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from tutti.adapters.venues.by_ccxt.fence import Fence
from tutti.adapters.venues.by_ccxt.lanes import Lane
from tutti.adapters.venues.by_ccxt.venue import CcxtVenue
from tutti.execution.lifecycle import apply, created_and_sent
from tutti.execution.port import AsyncVenue
from tutti.kernel.clock import SECOND, LiveClock
from tutti.model.errors import OrderRejected, OutcomeUnknown, Transient, VenueError
from tutti.model.order import (
    FundingPaid,
    Order,
    OrderAccepted,
    OrderFilled,
    OrderRefused,
    OrderStatus,
    OrderUnanswered,
    OrderUnsent,
    Side,
)
from tutti.testing.exchanges import FakeExchange, Fault, FaultKind, serve

from .conftest import PLACES, Bench, Place, open_bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    Open = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture(params=list(PLACES.values()), ids=list(PLACES))
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.param
    return found


async def test_market_order_is_accepted_and_filled(bench: Open, place: Place) -> None:
    async with bench(place) as b:
        assert isinstance(b.venue, AsyncVenue)
        order = b.order()
        order_id = b.submit(order)
        said = await b.until(order_id, "OrderFilled")
        assert said[0] == "OrderAccepted"
        fills = [each for each in b.said if isinstance(each, OrderFilled)]
        assert sum(each.quantity for each in fills) == order.intent.quantity
        assert all(each.fill_id.startswith(order_id) for each in fills)
        notional = order.intent.quantity * fills[0].price
        # in quote currency, whatever it was charged in
        assert 0 < fills[0].fee < notional / 50


async def test_fill_is_told_once_though_answer_streams_and_polls_all_bring_it(
    bench: Open, place: Place
) -> None:
    async with bench(place) as b:
        await asyncio.sleep(0.4)
        order_id = b.submit(b.order())
        await b.until(order_id, "OrderFilled")
        await asyncio.sleep(1.0)
        kinds = b.kinds(order_id)
        assert kinds.count("OrderAccepted") == 1
        ids = [each.fill_id for each in b.said if isinstance(each, OrderFilled)]
        assert len(ids) == len(set(ids))


async def test_limit_order_is_cancelled_on_demand(bench: Open, place: Place) -> None:
    async with bench(place) as b:
        order_id = b.submit(b.order(limit=_below()))
        await b.until(order_id, "OrderAccepted")
        b.venue.cancel(order_id, LiveClock().now())
        assert await b.until(order_id, "OrderCancelled") == ["OrderAccepted", "OrderCancelled"]
        with pytest.raises(OrderRejected, match="has ended"):
            b.venue.cancel(order_id, LiveClock().now())


def _below() -> Decimal:
    return Decimal("0.9")


async def test_cancellation_of_what_the_venue_does_not_know_is_put_off(
    bench: Open, place: Place
) -> None:
    async with bench(place) as b:
        with pytest.raises(Transient, match="not known"):
            b.venue.cancel("0" * 32, LiveClock().now())


async def test_order_that_was_sent_is_not_sent_again(bench: Open, place: Place) -> None:
    async with bench(place) as b:
        order = b.order(limit=_below())
        b.submit(order)
        with pytest.raises(OutcomeUnknown, match="sent already"):
            b.submit(order)
        await b.until(order.intent.id, "OrderAccepted")
        assert b.at_exchange() == 1


async def test_order_that_the_account_cannot_carry_is_refused(bench: Open, place: Place) -> None:
    async with bench(place) as b:
        lots = int(10_000_000 / b.price / b.instrument.quantity_step)
        order_id = b.submit(b.order(lots=lots))
        assert await b.until(order_id, "OrderRefused") == ["OrderRefused"]
        assert b.at_exchange() == 0


_LOST = {
    "hang": Fault(kind=FaultKind.ANSWER_LOST, where="order.create", count=1, how="hang"),
    "drop": Fault(kind=FaultKind.ANSWER_LOST, where="order.create", count=1, how="drop"),
    "html": Fault(kind=FaultKind.ANSWER_LOST, where="order.create", count=1, how="html"),
    "503": Fault(kind=FaultKind.ANSWER_LOST, where="order.create", count=1, how="status"),
}


@pytest.mark.parametrize("how", _LOST)
async def test_order_whose_answer_was_lost_is_found_again(
    bench: Open, place: Place, how: str
) -> None:
    async with bench(place, [replace(_LOST[how])]) as b:
        order_id = b.submit(b.order())
        said = await b.until(order_id, "OrderFilled", seconds=12.0)
        assert "OrderFilled" in said
        assert "OrderRefused" not in said
        assert "OrderUnsent" not in said
        assert b.at_exchange() == 1


_NOTHING_DONE = {
    "hang": Fault(kind=FaultKind.HANG, where="order.create", count=1, seconds=5.0),
    "drop": Fault(kind=FaultKind.DROP, where="order.create", count=1),
    "html": Fault(kind=FaultKind.HTML, where="order.create", count=1),
    "503": Fault(kind=FaultKind.STATUS, where="order.create", count=1, status=503),
}


@pytest.mark.parametrize("how", _NOTHING_DONE)
async def test_order_that_nobody_answered_for_is_called_neither_failed_nor_unsent(
    bench: Open, place: Place, how: str
) -> None:
    async with bench(place, [replace(_NOTHING_DONE[how])]) as b:
        order_id = b.submit(b.order())
        assert await b.until(order_id, "OrderUnanswered") == ["OrderUnanswered"]
        # looked for by every way, and not found once it can't arrive any more
        await asyncio.sleep(0.25)
        await b.venue.refresh([order_id])
        assert b.venue.find(order_id) is None
        assert b.venue.is_authoritative
        assert b.at_exchange() == 0


async def test_order_on_its_way_is_not_said_to_be_absent(bench: Open, place: Place) -> None:
    slow = Fault(kind=FaultKind.LATENCY, where="order.create", count=1, seconds=0.6)
    async with bench(place, [slow]) as b:
        order_id = b.submit(b.order())
        await asyncio.sleep(0.05)
        await b.venue.refresh([order_id])
        if b.at_exchange() == 0:  # else it was answered late, and not taken late
            with pytest.raises(VenueError, match="may still arrive"):
                b.venue.find(order_id)
        # a question with a later nonce came before it: Kraken refuses the order then
        await b.until(order_id, "OrderFilled", "OrderUnsent")


async def test_order_over_the_rate_limit_may_be_sent_again(bench: Open, place: Place) -> None:
    limit = Fault(kind=FaultKind.RATE_LIMIT, where="order.create", count=1)
    async with bench(place, [limit]) as b:
        order = b.order()
        order_id = b.submit(order)
        await b.until(order_id, "OrderUnsent")
        (unsent,) = [each for each in b.said if isinstance(each, OrderUnsent)]
        assert unsent.retry_after_s > 0.0
        await asyncio.sleep(unsent.retry_after_s)
        b.submit(order)
        await b.until(order_id, "OrderFilled")
        assert b.at_exchange() == 1


async def test_order_that_found_no_connection_may_be_sent_again(place: Place) -> None:
    exchange = FakeExchange(place.dialect, seed=5, limits=0.0)
    async with serve(exchange) as addresses:
        b = await open_bench(place, exchange, addresses)
    # nobody listens there any more
    await asyncio.sleep(0.1)
    order_id = b.submit(b.order())
    assert await b.until(order_id, "OrderUnsent") == ["OrderUnsent"]
    await b.venue.close()


async def test_order_signed_by_a_clock_that_is_off_is_sent_again_by_a_better_one(
    bench: Open,
) -> None:
    async with bench(PLACES["BINANCE"], [Fault(kind=FaultKind.CLOCK_SKEW, seconds=-30.0)]) as b:
        order = b.order()
        order_id = b.submit(order)
        await b.until(order_id, "OrderUnsent")
        b.submit(order)
        await b.until(order_id, "OrderFilled")
        assert b.at_exchange() == 1


async def test_order_over_the_fence_does_not_leave(bench: Open) -> None:
    from decimal import Decimal

    async with bench(PLACES["BINANCE"], fence=Fence(max_order_notional=Decimal(10))) as b:
        order_id = b.submit(b.order())
        (said,) = b.venue.events()
        assert isinstance(said, OrderRefused)
        assert said.order_id == order_id
        assert "max_order_notional" in said.detail
        assert b.exchange.n_requests.get("order.create", 0) == 0


async def test_snapshot_shows_what_the_account_holds(bench: Open, place: Place) -> None:
    async with bench(place) as b:
        before = b.venue.balances()[_quote(b)]
        held = b.venue.positions().get(b.instrument.id, 0)
        order = b.order()
        order_id = b.submit(order)
        await b.until(order_id, "OrderFilled")
        await b.venue.refresh([order_id])
        gained = float(b.venue.positions()[b.instrument.id] - held)
        assert gained == pytest.approx(float(order.intent.quantity), rel=0.01)
        (fill,) = [each for each in b.said if isinstance(each, OrderFilled)]
        spent = float(before - b.venue.balances()[_quote(b)])
        # cash pays for perpetuals too, as in our own book
        assert spent == pytest.approx(float(fill.quantity * fill.price), rel=0.01)
        report = b.venue.find(order_id)
        assert report is not None
        assert report.status is OrderStatus.FILLED
        assert report.filled == order.intent.quantity
        assert [each.fill_id for each in report.fills] == [fill.fill_id]


def _quote(b: Bench) -> str:
    return b.instrument.id.symbol.removesuffix("-PERP").rpartition("-")[2]


async def test_question_about_an_order_that_nobody_looked_for_has_no_answer(
    bench: Open, place: Place
) -> None:
    async with bench(place) as b:
        with pytest.raises(VenueError, match="nobody has looked"):
            b.venue.find("0" * 32)
        with pytest.raises(VenueError, match="no instrument here"):
            await b.venue.refresh(["0" * 32])


async def test_order_of_an_earlier_process_is_found_by_what_the_ledger_has(
    bench: Open, place: Place
) -> None:
    async with bench(place) as b:
        order = b.order(limit=_below())
        order_id = b.submit(order)
        await b.until(order_id, "OrderAccepted")
        # a process that knows no more than what was on disk before the order left
        later = await open_bench(place, b.exchange, b.addresses)
        intent = order.intent
        later.venue.restore(
            {},
            intent.quantity,
            [
                Order(
                    id=intent.id,
                    instrument=intent.instrument,
                    side=intent.side,
                    quantity=intent.quantity,
                    type=intent.type,
                    price=intent.price,
                    status=OrderStatus.SENT,
                    created_at=intent.as_of,
                    updated_at=intent.as_of,
                )
            ],
        )
        await later.venue.refresh([order_id])
        report = later.venue.find(order_id)
        assert report is not None
        assert report.status is OrderStatus.ACCEPTED
        assert report.quantity == intent.quantity
        with pytest.raises(OutcomeUnknown):
            later.submit(order)
        later.venue.cancel(order_id, LiveClock().now())
        await later.until(order_id, "OrderCancelled")
        await later.venue.close()


async def test_part_that_an_earlier_process_booked_is_not_counted_again() -> None:
    place = PLACES["BINANCE"]
    spot = {"USDT": Decimal(100_000)}
    exchange = FakeExchange(place.dialect, seed=5, limits=0.0, spot=spot)
    async with serve(exchange) as addresses, AsyncExitStack() as closing:
        b, later = [await open_bench(place, exchange, addresses) for _ in range(2)]
        for each in (b, later):
            closing.push_async_callback(each.venue.close)
        name, order = b.instrument.id, b.order(limit=_below(), lots=4000)
        order_id, half = b.submit(order), order.intent.quantity / 2
        await b.until(order_id, "OrderAccepted")
        exchange.market.act({"do": "fill", "order": order_id, "quantity": half})
        await b.until(order_id, "OrderFilled")
        left = created_and_sent(order, order.intent.as_of)
        for event in b.said:
            left = apply(left, event) if isinstance(event, OrderAccepted | OrderFilled) else left
        await later.venue.refresh()
        # what was bought is less than what was booked: a fee was taken out of it
        assert later.venue.positions()[name] < half
        later.venue.restore({name: half}, half, [left])
        assert later.venue.positions() == {name: half}
        assert await later.until(order_id, "OrderFilled") == ["OrderFilled"]
        assert later.venue.positions() == {name: half}
        exchange.market.act({"do": "fill", "order": order_id})
        async with asyncio.timeout(6.0):
            while later.kinds(order_id).count("OrderFilled") < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        # another session of the same process takes over before it has heard of the rest
        later.venue.restore({name: half}, half, [left])
        await later.venue.refresh()
        assert later.venue.positions() == {name: order.intent.quantity}


async def test_fill_that_no_stream_tells_is_found_by_asking(bench: Open, place: Place) -> None:
    silent = Fault(kind=FaultKind.SILENT, where="stream.*")
    async with bench(place, [silent]) as b:
        order_id = b.submit(b.order(limit=_below()))
        await b.until(order_id, "OrderAccepted")
        market = b.exchange.marketplace
        (account,) = market.accounts.values()
        (order,) = market.open_orders(account)
        market.fill(order, order.quantity)
        market.pass_time()
        said = await b.until(order_id, "OrderFilled")
        assert said == ["OrderAccepted", "OrderFilled"]


async def test_venue_that_was_not_started_refuses_and_says_so(place: Place) -> None:
    exchange = FakeExchange(place.dialect, seed=5)
    async with serve(exchange) as addresses:
        b = await open_bench(place, exchange, addresses, start=False)
        b.submit(b.order())
        (said,) = b.venue.events()
        assert isinstance(said, OrderRefused)
        assert "not started" in said.detail
        assert isinstance(b.venue, CcxtVenue)


async def test_log_errors_and_events_hold_no_secret(
    bench: Open, place: Place, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    faults = [
        Fault(kind=FaultKind.STATUS, where="order.create", count=1, status=400),
        Fault(kind=FaultKind.HTML, where="order.*", count=1, after=1),
    ]
    async with bench(place, faults) as b:
        for side in (Side.BUY, Side.SELL):
            order_id = b.submit(b.order(side))
            await b.until(order_id, "OrderUnanswered", "OrderRefused", "OrderFilled")
        secrets = list(b.addresses.credentials["main"].values())
    printed = capsys.readouterr()
    texts = [caplog.text, printed.out, printed.err, *(repr(each) for each in b.said)]
    assert any(isinstance(each, OrderUnanswered | OrderRefused) for each in b.said)
    for secret in secrets:
        assert not [text for text in texts if secret in text]


async def test_order_enlarged_at_the_venue_is_followed_to_its_new_end(bench: Open) -> None:
    async with bench(PLACES["BINANCE_USDM"]) as b:
        first = b.order(limit=_below(), lots=40)
        order_id = b.submit(first)
        await b.until(order_id, "OrderAccepted")
        market = b.exchange.marketplace
        (there,) = [o for each in market.accounts.values() for o in market.orders_of(each)]
        market.amend(there, quantity=there.quantity * 2)
        b.exchange.market.act({"do": "fill", "order": there.id})
        said = await b.until(order_id, "OrderFilled")
        assert "OrderAmended" in said
        fills = [each for each in b.said if isinstance(each, OrderFilled)]
        assert sum(each.quantity for each in fills) == first.intent.quantity * 2


@pytest.mark.parametrize("what", ["price", "quantity"])
async def test_order_off_the_grid_is_refused_before_it_leaves(
    bench: Open, place: Place, what: str
) -> None:
    async with bench(place) as b:
        good = b.order(limit=_below())
        assert good.intent.price is not None
        if what == "price":
            off = msgspec.structs.replace(
                good.intent, price=good.intent.price + b.instrument.price_step / 3
            )
        else:
            step = b.instrument.quantity_step
            off = msgspec.structs.replace(good.intent, quantity=good.intent.quantity + step / 3)
        order_id = b.submit(msgspec.structs.replace(good, intent=off))
        assert b.kinds(order_id) == ["OrderRefused"]
        (refused,) = [each for each in b.said if isinstance(each, OrderRefused)]
        assert f"{what} " in refused.detail
        assert "off the venue's grid" in refused.detail
        assert b.at_exchange() == 0


async def test_venue_that_closes_leaves_alone_who_waits_in_the_same_lanes(bench: Open) -> None:
    async with bench(PLACES["BINANCE"]) as b:
        lanes = b.lanes
        lanes.hold(0.3)
        waiting = asyncio.ensure_future(lanes.enter(1.0, Lane.DATA))
        await asyncio.sleep(0.05)
        await b.venue.close()
        await asyncio.wait_for(waiting, 2.0)


async def test_question_that_another_overtook_is_asked_again(bench: Open) -> None:
    overtaken = Fault(kind=FaultKind.REFUSE, where="balances", count=2, reason="bad_nonce")
    async with bench(PLACES["KRAKEN"], [overtaken]) as b:
        await b.venue.refresh()
        assert overtaken.n_done == 2
        overtaken.count = -1
        with pytest.raises(Transient, match="InvalidNonce"):
            await b.venue.refresh()


@pytest.mark.parametrize(("timeout_s", "least"), [(0.5, 1.9), (10.0, 9.9), (600.0, 50.0)])
async def test_deadline_of_an_order_is_one_that_the_venue_takes(
    bench: Open, timeout_s: float, least: float
) -> None:
    async with bench(PLACES["KRAKEN"]) as b:
        assert b.venue._sending is not None
        began = LiveClock().now()
        deadline = replace(b.venue._sending, timeout_s=timeout_s)._deadline()
        assert least < (deadline - began) / SECOND < 60.0


async def test_clock_that_parts_from_the_venues_is_compared_again(bench: Open) -> None:
    async with bench(PLACES["BINANCE"]) as b:
        b.exchange.plan.add(Fault(kind=FaultKind.CLOCK_SKEW, seconds=30.0))
        await b.venue.refresh()
        assert b.venue._client.options["timeDifference"] < -29_000


@pytest.mark.parametrize("name", ["BINANCE_USDM", "HYPERLIQUID"])
async def test_funding_is_told_once_and_is_in_the_cash(bench: Open, name: str) -> None:
    async with bench(PLACES[name]) as b:
        order_id = b.submit(b.order(lots=50))
        await b.until(order_id, "OrderFilled")
        await b.venue.refresh()
        (before,) = b.venue.balances().values()
        listing = next(iter(b.exchange.marketplace.accounts["main"].positions))
        b.exchange.market.act({"do": "fund", "listing": listing, "rate": "0.01"})
        b.venue._funding._asked_at = 0  # type: ignore[union-attr]
        for _ in range(3):
            await b.venue.refresh()
            b.kinds("")
        (paid,) = [each for each in b.said if isinstance(each, FundingPaid)]
        assert paid.instrument == b.instrument.id
        assert paid.amount < 0
        (after,) = b.venue.balances().values()
        assert after == before + paid.amount
