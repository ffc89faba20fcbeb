"""Unmodified ccxt against the fake Coinbase: REST with tokens, websocket channels."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.testing.exchanges.dialects.coinbase.terms import read_id, written_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.unit.testing.exchanges.conftest import Venue

    from tutti.kernel.clock import SimulatedClock

    Opened = Callable[..., AbstractAsyncContextManager[Venue]]

BTC = "BTC/USD"


@given(st.integers(0, 2**60))
def test_id_written_as_uuid_reads_back(number: int) -> None:
    assert read_id(written_id(number)) == number


async def test_markets_have_steps_minimums_and_the_accounts_fees(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        markets = await venue.client.load_markets()
        assert set(markets) == {"BTC/USD", "ETH/USD", "SOL/USD"}
        assert markets[BTC]["precision"] == {"amount": 1e-8, "price": 0.01}
        assert (markets[BTC]["maker"], markets[BTC]["taker"]) == (0.004, 0.006)
        assert markets[BTC]["limits"]["cost"]["min"] == 1


async def test_public_figures_agree_with_each_other(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        book = await venue.client.fetch_order_book(BTC, 5)
        assert book["bids"][0][0] < 60000 < book["asks"][0][0]
        ticker = await venue.client.fetch_ticker(BTC)
        assert (ticker["last"], ticker["bid"]) == (60000, book["bids"][0][0])
        candles = await venue.client.fetch_ohlcv(BTC, "1h", limit=5)
        assert len(candles) == 5
        assert candles[-1][4] == 60000
        venue.act("trade", listing=BTC, side="buy", quantity="0.01")
        trades = await venue.client.fetch_trades(BTC)
        assert (trades[-1]["side"], trades[-1]["amount"]) == ("buy", 0.01)
        drift = await venue.client.fetch_time() - venue.client.milliseconds()
        assert abs(drift) < 2000


async def test_order_lives_from_acceptance_over_a_partial_fill_to_cancellation(
    opened: Opened,
) -> None:
    async with opened("coinbase") as venue:
        client = venue.client
        placed = await client.create_order(
            BTC, "limit", "buy", 0.01, 59000, {"client_order_id": "a-1"}
        )
        assert placed["clientOrderId"] == "a-1"
        venue.act("fill", order="a-1", quantity="0.004")
        (open_,) = await client.fetch_open_orders(BTC)
        assert (open_["filled"], open_["remaining"], open_["average"]) == (0.004, 0.006, 59000)
        found = await client.fetch_order(placed["id"])
        assert (found["status"], found["clientOrderId"]) == ("open", "a-1")
        await client.cancel_order(placed["id"])
        assert (await client.fetch_order(placed["id"]))["status"] == "canceled"
        assert [each["status"] for each in await client.fetch_orders(BTC)] == ["canceled"]
        (trade,) = await client.fetch_my_trades(BTC)
        assert (trade["order"], trade["takerOrMaker"]) == (placed["id"], "maker")
        assert trade["fee"] == {"cost": 0.944, "currency": "USD"}


async def test_client_id_used_twice_is_answered_with_the_first_order(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        first, second = [
            await venue.client.create_order(
                BTC, "limit", "buy", 0.01, price, {"client_order_id": "a-1"}
            )
            for price in (59000, 58000)
        ]
        assert first["id"] == second["id"]
        assert len(venue.exchange.marketplace.orders) == 1


async def test_market_purchase_spends_what_it_was_told_to(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        placed = await venue.client.create_order(BTC, "market", "buy", 0, None, {"cost": 600})
        found = await venue.client.fetch_order(placed["id"])
        assert found["status"] == "closed"
        balance = await venue.client.fetch_balance()
        assert balance["USD"]["total"] == pytest.approx(100_000 - 600 * 1.006, abs=0.01)
        assert balance["BTC"]["total"] == pytest.approx(10 + 600 / 60000.01, abs=1e-7)


async def test_open_order_holds_its_money_and_the_fee(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        await venue.client.create_order(BTC, "limit", "buy", 0.1, 50000)
        balance = await venue.client.fetch_balance({"v3": True})
        assert balance["USD"]["used"] == 5_030


async def test_amended_order_keeps_its_id(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        placed = await venue.client.create_order(BTC, "limit", "buy", 0.01, 59000)
        await venue.client.edit_order(placed["id"], BTC, "limit", "buy", 0.02, 59100)
        (open_,) = await venue.client.fetch_open_orders(BTC)
        assert (open_["id"], open_["amount"], open_["price"]) == (placed["id"], 0.02, 59100)


async def test_stop_limit_is_triggered_by_the_price(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        placed = await venue.client.create_order(
            BTC, "limit", "sell", 0.01, 58000, {"stopLossPrice": 59000}
        )
        venue.act("move", listing=BTC, price="58900")
        venue.act("trade", listing=BTC, side="sell", quantity="0.01")
        assert (await venue.client.fetch_order(placed["id"]))["status"] == "closed"


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ((BTC, "limit", "buy", 100, 59000), ccxt.InsufficientFunds),
        ((BTC, "limit", "buy", 0.00001, 59000), ccxt.ExchangeError),
        ((BTC, "limit", "sell", 0.01, 59000, {"postOnly": True}), ccxt.ExchangeError),
    ],
    ids=["funds", "minimum", "post-only"],
)
async def test_refusal_has_the_class_that_ccxt_gives_the_real_one(
    opened: Opened, order: tuple[object, ...], error: type[Exception]
) -> None:
    async with opened("coinbase") as venue:
        with pytest.raises(error):
            await venue.client.create_order(*order)
        with pytest.raises(ccxt.BadRequest):
            await venue.client.cancel_order("12345678-1234-1234-1234-123456789012")
        with pytest.raises(ccxt.ExchangeError, match="not found"):
            await venue.client.fetch_order("12345678-1234-1234-1234-123456789012")
        assert venue.exchange.marketplace.orders == {}


async def test_token_of_another_key_or_for_another_time_is_refused(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with (
        opened("coinbase", accounts=("main", "other"), clock=stopped_clock) as venue,
    ):
        client = venue.client
        assert (await client.fetch_balance())["BTC"]["total"] == 10
        right, client.secret = client.secret, venue.exchange.marketplace.accounts["other"].secret
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()
        client.secret = right
        stopped_clock.advance_to(stopped_clock.now() + 200_000_000_000)
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()
        client.apiKey = "organizations/nobody"
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()


async def test_more_requests_than_a_second_allows_are_refused(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with opened("coinbase", limits=0.2, clock=stopped_clock) as venue:
        venue.client.set_markets({})
        for _ in range(6):
            await venue.client.v3PrivateGetBrokerageAccounts()
        with pytest.raises(ccxt.RateLimitExceeded):
            await venue.client.v3PrivateGetBrokerageAccounts()


async def test_public_streams_follow_the_market(opened: Opened) -> None:
    async with opened("coinbase", rate=20.0) as venue, asyncio.timeout(10):
        client = venue.client
        await client.watch_order_book(BTC)
        book = await client.watch_order_book(BTC)
        assert book["bids"][0][0] < book["asks"][0][0]
        assert (await client.watch_trades(BTC))[-1]["symbol"] == BTC
        assert (await client.watch_ticker(BTC))["last"] > 0
        assert (await client.watch_tickers([BTC]))[BTC]["bid"] > 0


async def test_private_stream_tells_of_orders(opened: Opened) -> None:
    async with opened("coinbase") as venue, asyncio.timeout(10):
        client = venue.client
        await client.load_markets()
        watching = asyncio.ensure_future(client.watch_orders(BTC))
        await asyncio.sleep(0.2)
        placed = await client.create_order(
            BTC, "limit", "buy", 0.01, 59000, {"client_order_id": "a-1"}
        )
        (opening,) = await watching
        assert (opening["id"], opening["status"]) == (placed["id"], "open")
        watching = asyncio.ensure_future(client.watch_orders(BTC))
        venue.act("fill", order="a-1", quantity="0.004")
        (filled,) = await watching
        assert (filled["filled"], filled["remaining"]) == (0.004, 0.006)


# ---- what an adapter asks for now and then ----


async def test_account_and_market_questions_are_answered(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        client = venue.client
        rights = await client.v3PrivateGetBrokerageKeyPermissions()
        assert rights["can_transfer"] is False
        assert (await client.fetch_trading_fees())[BTC]["taker"] == 0.006
        assert await client.fetch_currencies()
        assert (await client.v3PublicGetBrokerageTime())["epochSeconds"]
        assert (await client.fetch_tickers([BTC]))[BTC]["last"] == 60000
        private = {"usePrivate": True}
        assert (await client.fetch_order_book(BTC, params=private))["bids"]
        assert (await client.fetch_ticker(BTC, private))["last"] == 60000
        product = await client.v3PrivateGetBrokerageProductsProductId({"product_id": "BTC-USD"})
        assert product["product_id"] == "BTC-USD"
        best = await client.v3PrivateGetBrokerageBestBidAsk({"product_ids": "BTC-USD"})
        assert len(best["pricebooks"]) == 1
        for bad in ({"product_id": "NOPE-USD"}, {}):
            with pytest.raises(ccxt.BadRequest):
                await client.v3PublicGetBrokerageMarketProductBook(bad)
        with pytest.raises(ccxt.ExchangeError, match="route not found"):
            await client.request("nothing", ["v3", "private"], "GET", {})
        wide = {"product_id": "BTC-USD", "granularity": "ONE_MINUTE", "start": "0", "end": "99999"}
        with pytest.raises(ccxt.BadRequest):
            await client.v3PublicGetBrokerageMarketProductsProductIdCandles(wide)
        odd = {**wide, "granularity": "ONE_WEEK"}
        with pytest.raises(ccxt.BadRequest):
            await client.v3PublicGetBrokerageMarketProductsProductIdCandles(odd)


async def test_order_is_previewed_without_being_placed(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        path = ("brokerage/orders/preview", ["v3", "private"], "POST")
        order = {
            "product_id": "BTC-USD",
            "side": "BUY",
            "order_configuration": {"limit_limit_gtc": {"base_size": "1", "limit_price": "59000"}},
        }
        assert (await venue.client.request(*path, order))["errs"] == []
        order["order_configuration"] = {
            "limit_limit_gtc": {"base_size": "100", "limit_price": "59000"}
        }
        refused = await venue.client.request(*path, order)
        assert refused["errs"] == ["PREVIEW_INSUFFICIENT_FUND"]
        assert venue.exchange.marketplace.orders == {}


@pytest.mark.parametrize(
    "flaw",
    [{"side": "UP"}, {"order_configuration": {}}, {"client_order_id": ""}, {"product_id": "X-Y"}],
    ids=lambda flaw: next(iter(flaw)),
)
async def test_request_that_makes_no_sense_is_refused(
    opened: Opened, flaw: dict[str, object]
) -> None:
    right = {
        "client_order_id": "a-1",
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {"limit_limit_gtc": {"base_size": "1", "limit_price": "59000"}},
    }
    async with opened("coinbase") as venue:
        with pytest.raises(ccxt.BadRequest):
            await venue.client.v3PrivatePostBrokerageOrders({**right, **flaw})


async def test_lists_come_in_pages_and_between_times(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        client = venue.client
        for _ in range(5):
            await client.create_order(BTC, "market", "buy", 0, None, {"cost": 60})
        page = await client.v3PrivateGetBrokerageOrdersHistoricalBatch({"limit": 2})
        assert (len(page["orders"]), page["has_next"]) == (2, True)
        rest = {"limit": 4, "cursor": page["cursor"]}
        page = await client.v3PrivateGetBrokerageOrdersHistoricalBatch(rest)
        assert (len(page["orders"]), page["has_next"]) == (3, False)
        fills = await client.fetch_my_trades(BTC, 1, 3)
        assert len(fills) == 3
        assert await client.fetch_orders(BTC, client.milliseconds() + 60_000) == []
        (fill,) = await client.fetch_my_trades(BTC, params={"order_id": fills[0]["order"]})
        assert fill["id"] == fills[0]["id"]
        with pytest.raises(ccxt.BadRequest):
            await client.v3PrivateGetBrokerageOrdersHistoricalBatch({"start_date": "soon"})


async def test_dated_and_immediate_orders_end_as_they_should(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with opened("coinbase", clock=stopped_clock) as venue:
        client = venue.client
        end = client.iso8601(stopped_clock.now() // 1_000_000 + 5_000)
        dated = await client.create_order(BTC, "limit", "buy", 0.01, 59000, {"end_time": end})
        immediate = await client.create_order(
            BTC, "limit", "buy", 0.01, 59000, {"timeInForce": "IOC"}
        )
        stopped_clock.advance_to(stopped_clock.now() + 6_000_000_000)
        for order, status in ((dated, "EXPIRED"), (immediate, "CANCELLED")):
            found = await client.fetch_order(order["id"])
            assert found["info"]["status"] == status


async def test_order_that_is_not_there_is_not_edited(opened: Opened) -> None:
    async with opened("coinbase") as venue:
        path = ("brokerage/orders/edit", ["v3", "private"], "POST")
        answer = await venue.client.request(*path, {"order_id": "x", "size": "1"})
        assert answer["errors"] == [{"edit_failure_reason": "ORDER_NOT_FOUND"}]
        placed = await venue.client.create_order(BTC, "limit", "buy", 0.01, 59000)
        answer = await venue.client.request(*path, {"order_id": placed["id"], "size": "100"})
        assert answer["errors"] == [{"edit_failure_reason": "COMMANDER_REJECTED_EDIT_ORDER"}]


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "e30.e30.e30"])
async def test_token_that_is_none_is_refused(opened: Opened, token: str) -> None:
    async with opened("coinbase") as venue:
        venue.client.headers = {"Authorization": f"Bearer {token}"}
        with pytest.raises(ccxt.AuthenticationError):
            await venue.client.v3PrivateGetBrokerageAccounts()


async def test_socket_numbers_its_messages_beats_and_sends_candles(opened: Opened) -> None:
    async with (
        opened("coinbase", rate=20.0) as venue,
        asyncio.timeout(10),
        aiohttp.ClientSession() as session,
        session.ws_connect(venue.http.replace("http", "ws") + "/ws") as socket,
    ):
        for channel in ("heartbeats", "candles", "market_trades"):
            wants = {"type": "subscribe", "channel": channel, "product_ids": ["BTC-USD"]}
            await socket.send_json(wants)
        heard: set[str] = set()
        number = 0
        while not {"heartbeats", "candles", "market_trades"} <= heard:
            message = await socket.receive_json()
            assert message["sequence_num"] == number
            number += 1
            heard.add(message["channel"])
        await socket.send_json({"type": "unsubscribe", "channel": "market_trades"})
        for bad in ({"type": "dance"}, {"type": "subscribe", "channel": "user", "jwt": "x"}):
            await socket.send_json(bad)
            while (message := await socket.receive_json()).get("type") != "error":
                pass
