"""Unmodified ccxt against the fake Kraken: REST, websockets v2, checksum, nonce."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.testing.exchanges.dialects.kraken.streams import checksum
from tutti.testing.exchanges.dialects.kraken.terms import read_id, written_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.unit.testing.exchanges.conftest import Venue

    from tutti.kernel.clock import SimulatedClock

    Opened = Callable[..., AbstractAsyncContextManager[Venue]]

BTC = "BTC/USD"


@given(st.integers(0, 2**60))
def test_id_written_as_kraken_does_reads_back(number: int) -> None:
    written = written_id("O", number)
    assert read_id(written) == number
    assert [len(part) for part in written.split("-")] == [6, 5, 6]


async def test_markets_have_krakens_names_and_steps(opened: Opened) -> None:
    async with opened("kraken") as venue:
        markets = await venue.client.load_markets()
        assert set(markets) == {"BTC/USD", "ETH/USD", "SOL/USD"}
        assert (markets[BTC]["id"], markets[BTC]["altname"]) == ("XXBTZUSD", "XBTUSD")
        assert markets[BTC]["precision"]["price"] == 0.1
        assert markets[BTC]["limits"]["amount"]["min"] == 0.00005
        assert markets[BTC]["taker"] == 0.004


async def test_public_figures_agree_with_each_other(opened: Opened) -> None:
    async with opened("kraken") as venue:
        book = await venue.client.fetch_order_book(BTC, 5)
        assert book["bids"][0][0] < 60000 < book["asks"][0][0]
        assert (await venue.client.fetch_ticker(BTC))["last"] == 60000
        assert (await venue.client.fetch_ohlcv(BTC, "1h"))[-1][4] == 60000
        venue.act("trade", listing=BTC, side="buy", quantity="0.01")
        trades = await venue.client.fetch_trades(BTC)
        assert (trades[-1]["side"], trades[-1]["amount"]) == ("buy", 0.01)
        drift = await venue.client.fetch_time() - venue.client.milliseconds()
        assert abs(drift) < 2000


async def test_order_lives_from_acceptance_over_a_partial_fill_to_cancellation(
    opened: Opened,
) -> None:
    async with opened("kraken") as venue:
        client = venue.client
        placed = await client.create_order(
            BTC, "limit", "buy", 0.01, 59000, {"clientOrderId": "a-1"}
        )
        assert (placed["side"], placed["amount"], placed["price"]) == ("buy", 0.01, 59000)
        venue.act("fill", order="a-1", quantity="0.004")
        (open_,) = await client.fetch_open_orders(BTC, params={"clientOrderId": "a-1"})
        assert (open_["id"], open_["filled"], open_["clientOrderId"]) == (
            placed["id"],
            0.004,
            "a-1",
        )
        found = await client.fetch_order(placed["id"])
        assert (found["status"], found["average"]) == ("open", 59000)
        await client.cancel_order(None, BTC, {"clientOrderId": "a-1"})
        (closed,) = await client.fetch_closed_orders(BTC)
        assert (closed["status"], closed["filled"]) == ("canceled", 0.004)
        (trade,) = await client.fetch_my_trades(BTC)
        assert (trade["order"], trade["takerOrMaker"]) == (placed["id"], "maker")
        assert trade["fee"] == {"cost": 0.59, "currency": "USD"}


async def test_balances_after_a_purchase_count_the_fee_in_quote(opened: Opened) -> None:
    async with opened("kraken") as venue:
        placed = await venue.client.create_order(BTC, "market", "buy", 0.01)
        assert (await venue.client.fetch_order(placed["id"]))["status"] == "closed"
        balance = await venue.client.fetch_balance()
        assert balance["BTC"]["total"] == 10.01
        assert balance["USD"]["total"] == pytest.approx(100_000 - 600.001 * 1.004)


async def test_amended_order_keeps_its_id(opened: Opened) -> None:
    async with opened("kraken") as venue:
        placed = await venue.client.create_order(BTC, "limit", "buy", 0.01, 59000)
        await venue.client.edit_order(placed["id"], BTC, "limit", "buy", 0.02, 59100)
        (open_,) = await venue.client.fetch_open_orders(BTC)
        assert (open_["id"], open_["amount"], open_["price"]) == (placed["id"], 0.02, 59100)


async def test_dead_mans_switch_cancels_everything_in_time(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with opened("kraken", clock=stopped_clock) as venue:
        await venue.client.create_order(BTC, "limit", "buy", 0.01, 59000)
        await venue.client.cancel_all_orders_after(60_000)
        assert len(await venue.client.fetch_open_orders(BTC)) == 1
        stopped_clock.advance_to(stopped_clock.now() + 61_000_000_000)
        assert await venue.client.fetch_open_orders(BTC) == []


async def test_cancel_all_leaves_nothing_open(opened: Opened) -> None:
    async with opened("kraken") as venue:
        for price in (58000, 58500):
            await venue.client.create_order(BTC, "limit", "buy", 0.01, price)
        await venue.client.cancel_all_orders()
        assert await venue.client.fetch_open_orders() == []


async def test_stop_loss_is_triggered_by_the_price(opened: Opened) -> None:
    async with opened("kraken") as venue:
        placed = await venue.client.create_order(
            BTC, "market", "sell", 0.01, None, {"stopLossPrice": 59000}
        )
        venue.act("move", listing=BTC, price="58900")
        venue.act("trade", listing=BTC, side="sell", quantity="0.01")
        assert (await venue.client.fetch_order(placed["id"]))["status"] == "closed"


async def test_history_comes_fifty_at_a_time(opened: Opened) -> None:
    async with opened("kraken") as venue:
        for _ in range(51):
            await venue.client.create_order(BTC, "market", "buy", 0.001)
        assert len(await venue.client.fetch_my_trades(BTC)) == 50
        rest = await venue.client.fetch_my_trades(BTC, params={"ofs": 50})
        assert len(rest) == 1


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ((BTC, "limit", "buy", 100, 59000), ccxt.InsufficientFunds),
        ((BTC, "limit", "buy", 0.00001, 59000), ccxt.InvalidOrder),
        ((BTC, "limit", "sell", 0.01, 59000, {"postOnly": True}), ccxt.ExchangeError),
        ((BTC, "limit", "buy", 0.01, 59000, {"clientOrderId": "twice"}), ccxt.ExchangeError),
    ],
    ids=["funds", "minimum", "post-only", "duplicate"],
)
async def test_refusal_has_the_class_that_ccxt_gives_the_real_one(
    opened: Opened, order: tuple[object, ...], error: type[Exception]
) -> None:
    async with opened("kraken") as venue:
        await venue.client.create_order(
            BTC, "limit", "buy", 0.01, 58000, {"clientOrderId": "twice"}
        )
        with pytest.raises(error):
            await venue.client.create_order(*order)
        with pytest.raises(ccxt.OrderNotFound):
            await venue.client.cancel_order("OAAAAA-AAAAA-AAAAAA")
        assert len(venue.exchange.marketplace.orders) == 1


async def test_signature_key_and_nonce_are_checked(opened: Opened) -> None:
    async with opened("kraken") as venue:
        client = venue.client
        secret, client.secret = client.secret, "d3Jvbmc="
        with pytest.raises(ccxt.ExchangeError, match="EAPI:Invalid signature"):
            await client.fetch_balance()
        client.secret = secret
        await client.fetch_balance()
        venue.exchange.marketplace.accounts["main"].last_nonce *= 2
        with pytest.raises(ccxt.InvalidNonce):
            await client.fetch_balance()
        client.apiKey = "nobody"
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()


async def test_counter_of_private_requests_is_krakens(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with opened("kraken", limits=1.0, clock=stopped_clock) as venue:
        await venue.client.load_markets()
        for _ in range(20):
            await venue.client.fetch_balance()
        with pytest.raises(ccxt.DDoSProtection):
            await venue.client.fetch_balance()
        stopped_clock.advance_to(stopped_clock.now() + 2_000_000_000)
        await venue.client.fetch_balance()


async def test_public_streams_follow_the_market(opened: Opened) -> None:
    async with opened("kraken", rate=20.0) as venue, asyncio.timeout(10):
        client = venue.client
        await client.watch_order_book(BTC)
        book = await client.watch_order_book(BTC)
        assert book["bids"][0][0] < book["asks"][0][0]
        assert len(book["bids"]) == 10
        assert (await client.watch_trades(BTC))[-1]["symbol"] == BTC
        assert (await client.watch_ticker(BTC))["last"] > 0
        assert (await client.watch_bids_asks([BTC]))[BTC]["bid"] > 0
        assert (await client.watch_ohlcv(BTC, "1m"))[-1][4] > 0


async def test_private_streams_tell_of_orders_and_balances(opened: Opened) -> None:
    async with opened("kraken") as venue, asyncio.timeout(10):
        client = venue.client
        await client.load_markets()
        async with asyncio.TaskGroup() as group:
            orders = group.create_task(client.watch_orders(BTC))
            balance = group.create_task(client.watch_balance())
            await asyncio.sleep(0.2)
            placed = await client.create_order(
                BTC, "limit", "buy", 0.01, 59000, {"clientOrderId": "a-1"}
            )
        assert [each["id"] for each in orders.result()] == [placed["id"]]
        assert balance.result()["BTC"]["total"] == 10
        venue.act("fill", order="a-1", quantity="0.004")
        trades = await client.watch_my_trades(BTC)
        assert [(x["order"], x["amount"]) for x in trades] == [(placed["id"], 0.004)]
        watching = asyncio.ensure_future(client.watch_orders(BTC))
        await client.cancel_order(placed["id"])
        assert (await watching)[-1]["status"] == "canceled"


async def test_orders_over_the_socket_are_placed_amended_and_cancelled(opened: Opened) -> None:
    async with opened("kraken") as venue, asyncio.timeout(10):
        client = venue.client
        placed = await client.create_order_ws(BTC, "limit", "buy", 0.01, 59000)
        await client.edit_order_ws(placed["id"], BTC, "limit", "buy", 0.02, 59100)
        (open_,) = await client.fetch_open_orders(BTC)
        assert (open_["amount"], open_["price"]) == (0.02, 59100)
        await client.cancel_order_ws(placed["id"])
        assert await client.fetch_open_orders(BTC) == []


# ---- what an adapter asks for now and then ----


async def test_account_questions_are_answered(opened: Opened) -> None:
    async with opened("kraken") as venue:
        client = venue.client
        assert (await client.fetch_trading_fee(BTC))["taker"] == 0.004
        rights = (await client.privatePostGetApiKeyInfo())["result"]
        assert "withdraw-funds" not in rights["permissions"]
        assert (await client.privatePostBalance())["result"]["XXBT"] == "10.0000000000"
        assert (await client.fetch_status())["status"] == "ok"
        assert "BTC" in await client.fetch_currencies()
        assert len(await client.fetch_tickers([BTC, "ETH/USD"])) == 2
        with pytest.raises(ccxt.ExchangeError, match="EGeneral:Unknown method"):
            await client.request("Nothing", ["public"], "GET", {})
        with pytest.raises(ccxt.ExchangeError, match="Unknown asset pair"):
            await client.publicGetDepth({"pair": "NOPE"})
        with pytest.raises(ccxt.ExchangeError, match="interval"):
            await client.publicGetOHLC({"pair": "XXBTZUSD", "interval": 7})


async def test_orders_are_found_by_reference_cancelled_in_batches_and_asked_by_trade(
    opened: Opened,
) -> None:
    async with opened("kraken") as venue:
        client = venue.client
        first, second = [
            await client.create_order(BTC, "limit", "buy", 0.01, price, {"userref": 7})
            for price in (58000, 58500)
        ]
        assert len(await client.fetch_open_orders(params={"userref": 7})) == 2
        both = await client.fetch_orders_by_ids([first["id"], second["id"]])
        assert {each["id"] for each in both} == {first["id"], second["id"]}
        await client.cancel_orders([first["id"], "OAAAAA-AAAAA-AAAAAA"])
        await client.cancel_order("7", params={"userref": 7})
        assert await client.fetch_open_orders() == []
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order("7", params={"userref": 7})
        taken = await client.create_order(BTC, "market", "buy", 0.01)
        (order,) = await client.fetch_orders_by_ids([taken["id"]])
        trades = await client.fetch_order_trades(taken["id"], params={"trades": order["trades"]})
        assert [each["amount"] for each in trades] == [0.01]


@pytest.mark.parametrize(
    "flaw",
    [
        {"type": "up"},
        {"ordertype": "iceberg"},
        {"timeinforce": "WEEK"},
        {"volume": "much"},
        {"price": ""},
    ],
    ids=lambda flaw: next(iter(flaw)),
)
async def test_request_that_makes_no_sense_is_refused(opened: Opened, flaw: dict[str, str]) -> None:
    right = {
        "pair": "XXBTZUSD",
        "type": "buy",
        "ordertype": "limit",
        "volume": "0.01",
        "price": "59000",
    }
    async with opened("kraken") as venue:
        with pytest.raises(ccxt.BaseError, match="EGeneral:Invalid arguments"):
            await venue.client.privatePostAddOrder({**right, **flaw})


async def test_order_is_validated_expires_and_spends(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with opened("kraken", clock=stopped_clock) as venue:
        client = venue.client
        await client.create_order(BTC, "limit", "buy", 0.01, 59000, {"validate": "true"})
        assert venue.exchange.marketplace.orders == {}
        timed = {"timeInForce": "GTD", "expiretm": "+5"}
        placed = await client.create_order(BTC, "limit", "buy", 0.01, 59000, timed)
        stopped_clock.advance_to(stopped_clock.now() + 6_000_000_000)
        await client.fetch_balance()
        assert (await client.fetch_order(placed["id"]))["status"] == "expired"
        spent = await client.create_order(BTC, "market", "buy", 0.01, None, {"cost": 600})
        found = await client.fetch_order(spent["id"])
        assert found["cost"] == pytest.approx(600, abs=0.01)


async def test_orders_too_often_changed_use_up_their_counter(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with opened("kraken", clock=stopped_clock, limits=1.0) as venue:
        client = venue.client
        for _ in range(13):
            placed = await client.create_order(BTC, "limit", "buy", 0.001, 59000)
            await client.cancel_order(placed["id"])
        await client.create_order(BTC, "limit", "buy", 0.001, 59000)
        for _ in range(7):
            await client.create_order(BTC, "limit", "buy", 0.001, 59000)
        with pytest.raises(ccxt.DDoSProtection, match="EOrder:Rate limit"):
            await client.create_order(BTC, "limit", "buy", 0.001, 59000)


async def test_socket_refuses_what_it_does_not_know(opened: Opened) -> None:
    async with opened("kraken") as venue, asyncio.timeout(10), _socket(venue, "private") as socket:

        async def ask(message: dict[str, Any]) -> dict[str, Any]:
            await socket.send_json(message)
            while True:
                answer: dict[str, Any] = await socket.receive_json()
                if answer.get("channel") not in ("status", "heartbeat"):
                    return answer

        assert (await ask({"method": "ping", "req_id": 1}))["method"] == "pong"
        order = {"method": "add_order", "params": {"token": "none"}}
        assert (await ask(order))["error"] == "EAPI:Invalid key"
        wants: dict[str, Any] = {"channel": "executions", "token": "none"}
        answer = await ask({"method": "subscribe", "params": wants})
        assert answer["error"] == "ESession:Invalid session"
        wants = {"channel": "book", "symbol": ["NOPE/USD"]}
        answer = await ask({"method": "subscribe", "params": wants})
        assert answer["success"] is False


async def test_book_of_the_socket_carries_the_checksum_of_what_it_tells(opened: Opened) -> None:
    async with (
        opened("kraken", rate=20.0) as venue,
        asyncio.timeout(10),
        _socket(venue, "public") as socket,
    ):
        wants = {"channel": "book", "symbol": [BTC], "depth": 10}
        await socket.send_json({"method": "subscribe", "params": wants})
        sides: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}
        seen = 0
        while seen < 30:
            text = (await socket.receive()).data
            message = json.loads(text, parse_float=Decimal, parse_int=Decimal)
            if message.get("channel") != "book":
                continue
            (data,) = message["data"]
            for key in sides:
                sides[key] |= {level["price"]: level["qty"] for level in data[key]}
                kept = sorted((x for x in sides[key].items() if x[1]), reverse=key == "bids")
                sides[key] = dict(kept[:10])
            ours = checksum(list(sides["asks"].items()), list(sides["bids"].items()))
            assert ours == data["checksum"]
            seen += 1


@asynccontextmanager
async def _socket(venue: Venue, which: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url = f"{venue.http.replace('http', 'ws')}/{which}/v2"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield socket


def test_checksum_of_krakens_own_example_is_its_own() -> None:
    # from Kraken's guide to the checksum of websockets v2
    asks = [
        "45285.2",
        "0.00100000",
        "45286.4",
        "1.54571953",
        "45286.6",
        "1.54571109",
        "45289.6",
        "1.54560911",
        "45290.2",
        "0.15890660",
        "45291.8",
        "1.54553491",
        "45294.7",
        "0.04454749",
        "45296.1",
        "0.35380000",
        "45297.5",
        "0.09945542",
        "45299.5",
        "0.18772827",
    ]
    bids = [
        "45283.5",
        "0.10000000",
        "45283.4",
        "1.54582015",
        "45282.1",
        "0.10000000",
        "45281.0",
        "0.10000000",
        "45280.3",
        "1.54592586",
        "45279.0",
        "0.07990000",
        "45277.6",
        "0.03310103",
        "45277.5",
        "0.30000000",
        "45277.3",
        "1.54602737",
        "45276.6",
        "0.15445238",
    ]
    levels = [
        [(Decimal(side[k]), Decimal(side[k + 1])) for k in range(0, 20, 2)] for side in (asks, bids)
    ]
    assert checksum(*levels) == 3310070434
