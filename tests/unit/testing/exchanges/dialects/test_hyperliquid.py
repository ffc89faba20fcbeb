"""Unmodified ccxt against the fake Hyperliquid: signed actions, questions, websocket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import ccxt
import pytest

from tutti.testing.exchanges.dialects.hyperliquid.keccak import keccak_256
from tutti.testing.exchanges.dialects.hyperliquid.typed_data import address_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.unit.testing.exchanges.conftest import Venue

    from tutti.kernel.clock import SimulatedClock

    Opened = Callable[..., AbstractAsyncContextManager[Venue]]

BTC, SPOT = "BTC/USDC:USDC", "BTC/USDC"
CLIENT_ID = "0x0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"a" * 135, "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446"),
        (b"a" * 136, "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e"),
    ],
    ids=["nothing", "abc", "one short of a block", "a block"],
)
def test_keccak_known_texts_have_known_hashes(data: bytes, digest: str) -> None:
    assert keccak_256(data).hex() == digest


def test_address_of_a_well_known_key_is_its_own() -> None:
    key = "0x" + "4646464646464646464646464646464646464646464646464646464646464646"
    assert address_of(key) == "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"


async def test_markets_have_five_significant_digits(opened: Opened) -> None:
    async with opened("hyperliquid") as venue:
        markets = await venue.client.load_markets()
        assert {"BTC/USDC:USDC", "ETH/USDC:USDC", "SOL/USDC:USDC", "BTC/USDC", "PURR/USDC"} == set(
            markets
        )
        assert markets[BTC]["precision"] == {"amount": 1e-5, "price": 1}
        assert markets["ETH/USDC:USDC"]["precision"]["price"] == 0.1
        assert markets[BTC]["limits"]["cost"]["min"] == 10


async def test_public_figures_agree_with_each_other(opened: Opened) -> None:
    async with opened("hyperliquid") as venue:
        for symbol in (BTC, SPOT):
            book = await venue.client.fetch_order_book(symbol)
            assert book["bids"][0][0] < 60000 < book["asks"][0][0]
            assert len(book["bids"]) == 20
            candles = await venue.client.fetch_ohlcv(symbol, "1h", limit=5)
            assert candles[-1][4] == 60000
        tickers = await venue.client.fetch_tickers([BTC])
        assert tickers[BTC]["close"] == 60000
        drift = await venue.client.fetch_time() - venue.client.milliseconds()
        assert abs(drift) < 2000


@pytest.mark.parametrize("symbol", [BTC, SPOT])
async def test_order_lives_from_acceptance_over_a_partial_fill_to_cancellation(
    opened: Opened, symbol: str
) -> None:
    async with opened("hyperliquid") as venue:
        client = venue.client
        placed = await client.create_order(
            symbol, "limit", "buy", 0.01, 59000, {"clientOrderId": CLIENT_ID}
        )
        assert placed["clientOrderId"] == CLIENT_ID
        venue.act("fill", order=CLIENT_ID, quantity="0.004")
        (open_,) = await client.fetch_open_orders(symbol)
        assert (open_["id"], open_["filled"], open_["remaining"]) == (placed["id"], 0.004, 0.006)
        found = await client.fetch_order(CLIENT_ID, symbol)
        assert (found["id"], found["status"]) == (placed["id"], "open")
        await client.cancel_order(None, symbol, {"clientOrderId": CLIENT_ID})
        assert (await client.fetch_order(placed["id"], symbol))["status"] == "canceled"
        (trade,) = await client.fetch_my_trades(symbol)
        assert (trade["order"], trade["takerOrMaker"]) == (placed["id"], "maker")


async def test_position_is_opened_turned_and_closed(opened: Opened) -> None:
    async with opened("hyperliquid") as venue:
        client = venue.client
        await client.create_order(BTC, "market", "sell", 0.1, 60000)
        (short,) = await client.fetch_positions([BTC])
        assert (short["side"], short["contracts"], short["entryPrice"]) == ("short", 0.1, 59999)
        await client.create_order(BTC, "market", "buy", 0.3, 60000)
        (long,) = await client.fetch_positions([BTC])
        assert (long["side"], long["contracts"]) == ("long", 0.2)
        await client.create_order(BTC, "market", "sell", 0.2, 60000, {"reduceOnly": True})
        assert await client.fetch_positions([BTC]) == []
        with pytest.raises(ccxt.InvalidOrder, match="Reduce only"):
            await client.create_order(BTC, "market", "sell", 0.2, 60000, {"reduceOnly": True})
        assert (await client.fetch_balance())["USDC"]["total"] < 100_000


async def test_fee_of_the_builder_that_ccxt_names_is_charged(opened: Opened) -> None:
    async with opened("hyperliquid") as venue:
        await venue.client.create_order(BTC, "market", "buy", 0.1, 60000)
        (trade,) = await venue.client.fetch_my_trades(BTC)
        assert trade["fee"]["cost"] == pytest.approx(6000.1 * (0.00045 + 0.0001))


async def test_modified_order_has_a_new_number(opened: Opened) -> None:
    async with opened("hyperliquid") as venue:
        placed = await venue.client.create_order(BTC, "limit", "buy", 0.01, 59000)
        edited = await venue.client.edit_order(placed["id"], BTC, "limit", "buy", 0.02, 59100)
        (open_,) = await venue.client.fetch_open_orders(BTC)
        assert (open_["id"], open_["amount"], open_["price"]) == (edited["id"], 0.02, 59100)
        assert edited["id"] != placed["id"]


async def test_dead_mans_switch_cancels_everything_in_time(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with opened("hyperliquid", clock=stopped_clock) as venue:
        await venue.client.create_order(BTC, "limit", "buy", 0.01, 59000)
        await venue.client.cancel_all_orders_after(30_000)
        assert len(await venue.client.fetch_open_orders(BTC)) == 1
        stopped_clock.advance_to(stopped_clock.now() + 61_000_000_000)
        assert await venue.client.fetch_open_orders(BTC) == []


async def test_stop_is_triggered_by_the_price(opened: Opened) -> None:
    async with opened("hyperliquid") as venue:
        await venue.client.create_order(
            BTC, "market", "sell", 0.01, 60000, {"stopLossPrice": 59000}
        )
        (waiting,) = await venue.client.fetch_open_orders(BTC)
        assert waiting["triggerPrice"] == 59000
        venue.act("move", listing=BTC, price="58900")
        venue.act("trade", listing=BTC, side="sell", quantity="0.01")
        assert len(await venue.client.fetch_my_trades(BTC)) == 1


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ((BTC, "limit", "buy", 100, 59000), ccxt.InsufficientFunds),
        ((SPOT, "limit", "buy", 100, 59000), ccxt.ExchangeError),
        ((BTC, "limit", "buy", 0.0001, 59000), ccxt.InvalidOrder),
        ((BTC, "limit", "sell", 0.01, 59000, {"postOnly": True}), ccxt.InvalidOrder),
        ((BTC, "limit", "buy", 0.01, 50000, {"timeInForce": "ioc"}), ccxt.InvalidOrder),
    ],
    ids=["margin", "spot funds", "minimum", "post-only", "ioc without a match"],
)
async def test_refusal_has_the_class_that_ccxt_gives_the_real_one(
    opened: Opened, order: tuple[object, ...], error: type[Exception]
) -> None:
    async with opened("hyperliquid") as venue:
        with pytest.raises(error):
            await venue.client.create_order(*order)
        with pytest.raises(ccxt.OrderNotFound):
            await venue.client.cancel_order("1", BTC)
        with pytest.raises(ccxt.OrderNotFound):
            await venue.client.fetch_order("1", BTC)
        assert await venue.client.fetch_open_orders(BTC) == []


async def test_signature_of_another_wallet_and_a_used_nonce_are_refused(opened: Opened) -> None:
    async with opened("hyperliquid") as venue:
        client = venue.client
        await client.load_markets()
        order = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": 59000}
        request = client.create_orders_request([{**order, "params": {}}])
        await client.privatePostExchange(request)
        with pytest.raises(ccxt.ExchangeError, match="was used"):
            await client.privatePostExchange(request)
        request["nonce"] += 1
        with pytest.raises(ccxt.InvalidOrder, match="does not exist"):
            await client.privatePostExchange(request)
        client.privateKey = "0x" + "11" * 32
        with pytest.raises(ccxt.InvalidOrder, match="does not exist"):
            await client.create_order(BTC, "limit", "buy", 0.01, 59000)
        assert len(venue.exchange.marketplace.orders) == 1


async def test_weight_of_questions_is_limited(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with opened("hyperliquid", limits=0.1, clock=stopped_clock) as venue:
        for _ in range(6):
            await venue.client.publicPostInfo({"type": "meta"})
        with pytest.raises(ccxt.NetworkError, match="429"):
            await venue.client.publicPostInfo({"type": "meta"})


async def test_public_streams_follow_the_market(opened: Opened) -> None:
    async with opened("hyperliquid", rate=20.0) as venue, asyncio.timeout(15):
        client = venue.client
        for symbol in (BTC, SPOT):
            await client.watch_order_book(symbol)
            book = await client.watch_order_book(symbol)
            assert book["bids"][0][0] < book["asks"][0][0]
            assert (await client.watch_trades(symbol))[-1]["symbol"] == symbol
            assert (await client.watch_ohlcv(symbol, "1m"))[-1][4] > 0
        assert (await client.watch_ticker(BTC))["close"] > 0


async def test_private_streams_tell_of_orders_fills_and_balances(opened: Opened) -> None:
    async with opened("hyperliquid") as venue, asyncio.timeout(15):
        client = venue.client
        await client.load_markets()
        watching = asyncio.ensure_future(client.watch_orders(BTC))
        await asyncio.sleep(0.2)
        placed = await client.create_order(
            BTC, "limit", "buy", 0.01, 59000, {"clientOrderId": CLIENT_ID}
        )
        (opening,) = await watching
        assert (opening["id"], opening["clientOrderId"]) == (placed["id"], CLIENT_ID)
        venue.act("fill", order=CLIENT_ID)
        (trade,) = await client.watch_my_trades(BTC)
        assert (trade["order"], trade["amount"]) == (placed["id"], 0.01)
        assert (await client.watch_balance())["USDC"]["total"] > 0
        positions = await client.watch_positions([BTC])
        assert positions[0]["contracts"] == 0.01


async def test_orders_over_the_socket_are_signed_and_done(opened: Opened) -> None:
    async with opened("hyperliquid") as venue, asyncio.timeout(10):
        client = venue.client
        placed = await client.create_order_ws(BTC, "limit", "buy", 0.01, 59000)
        await client.cancel_order_ws(placed["id"], BTC)
        assert await client.fetch_open_orders(BTC) == []
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order_ws(BTC, "limit", "buy", 100, 59000)


# ---- what an adapter asks for now and then ----


async def test_account_and_market_questions_are_answered(opened: Opened) -> None:
    async with opened("hyperliquid") as venue:
        client = venue.client
        assert (await client.fetch_trading_fee(BTC))["taker"] == 0.00045
        spot = await client.fetch_balance({"type": "spot"})
        assert (spot["BTC"]["total"], spot["USDC"]["total"]) == (10, 100_000)
        await client.set_leverage(5, BTC)
        with pytest.raises(ccxt.BaseError):
            await client.set_leverage(50, BTC)
        mids = await client.publicPostInfo({"type": "allMids"})
        assert {"BTC", "PURR/USDC", "@1"} <= set(mids)
        assert (await client.publicPostInfo({"type": "meta"}))["universe"][0]["name"] == "BTC"
        trades = await client.fetch_my_trades(BTC, 1)
        assert trades == []
        for bad in ({"type": "weather"}, {"type": "l2Book", "coin": "NOPE"}, {}):
            with pytest.raises(ccxt.BaseError):
                await client.publicPostInfo(bad)
        with pytest.raises(ccxt.BaseError):
            await client.publicPostInfo({"type": "openOrders", "user": "0x0"})
        odd = {"coin": "BTC", "interval": "7m", "startTime": 0, "endTime": 1}
        with pytest.raises(ccxt.BaseError):
            await client.publicPostInfo({"type": "candleSnapshot", "req": odd})


async def test_actions_that_make_no_sense_are_refused(opened: Opened) -> None:
    async with opened("hyperliquid") as venue:
        client = venue.client
        await client.load_markets()

        async def act(action: dict[str, object]) -> object:
            nonce = client.incrementing_nonce()
            signature = client.sign_l1_action(action, nonce)
            request = {"action": action, "nonce": nonce, "signature": signature}
            return await client.privatePostExchange(request)

        bad_actions: tuple[dict[str, object], ...] = (
            {"type": "dance"},
            {"type": "scheduleCancel", "time": 1},
            {"type": "updateLeverage", "asset": 99, "isCross": True, "leverage": 5},
        )
        for bad in bad_actions:
            with pytest.raises(ccxt.BaseError):
                await act(bad)
        order = {"a": 0, "b": True, "p": "59000", "s": "0.01", "r": False}
        bad_orders = (
            {**order, "a": 99, "t": {"limit": {"tif": "Gtc"}}},
            {**order, "t": {"limit": {"tif": "Week"}}},
            {**order, "p": "59000.5", "t": {"limit": {"tif": "Gtc"}}},
        )
        for bad_order in bad_orders:
            with pytest.raises(ccxt.BaseError):
                await act({"type": "order", "orders": [bad_order], "grouping": "na"})
        missing = {"oid": 1, "order": {**order, "t": {"limit": {"tif": "Gtc"}}}}
        with pytest.raises(ccxt.OrderNotFound):
            await act({"type": "batchModify", "modifies": [missing]})
        assert await act({"type": "noop"})
        assert venue.exchange.marketplace.orders == {}


async def test_signature_that_is_none_is_refused(opened: Opened) -> None:
    async with opened("hyperliquid") as venue:
        client = venue.client
        for signature in ({}, {"r": "0x1", "s": "0x1", "v": 9}, {"r": "x", "s": "y", "v": 27}):
            request = {
                "action": {"type": "noop"},
                "nonce": client.milliseconds(),
                "signature": signature,
            }
            with pytest.raises(ccxt.BaseError):
                await client.privatePostExchange(request)
        week_ago = client.milliseconds() - 7 * 86_400_000
        signature = client.sign_l1_action({"type": "noop"}, week_ago)
        old = {"action": {"type": "noop"}, "nonce": week_ago, "signature": signature}
        with pytest.raises(ccxt.BaseError, match="too far from now"):
            await client.privatePostExchange(old)


async def test_requests_are_free_as_far_as_there_was_trading(opened: Opened) -> None:
    async with opened("hyperliquid", limits=0.0005) as venue:
        client = venue.client
        venue.exchange.dialect._limit.limit = 10**9  # type: ignore[attr-defined]
        await client.load_markets()
        with pytest.raises(ccxt.RateLimitExceeded, match="cumulative"):
            await _many(client)
        placed = venue.exchange.marketplace.orders
        await client.cancel_order(str(next(iter(placed))), BTC)


async def _many(client: Any) -> None:
    for _ in range(10):
        await client.create_order(BTC, "limit", "buy", 0.01, 59000)


async def test_socket_answers_questions_and_streams_of_all_kinds(opened: Opened) -> None:
    async with (
        opened("hyperliquid", rate=20.0) as venue,
        asyncio.timeout(10),
        aiohttp.ClientSession() as session,
        session.ws_connect(venue.http.replace("http", "ws") + "/ws") as socket,
    ):
        user = venue.client.walletAddress
        for wants in (
            {"type": "allMids"},
            {"type": "bbo", "coin": "BTC"},
            {"type": "activeAssetCtx", "coin": "@1"},
            {"type": "candle", "coin": "BTC", "interval": "1m"},
            {"type": "spotState", "user": user},
            {"type": "trades", "coin": "NOPE"},
        ):
            await socket.send_json({"method": "subscribe", "subscription": wants})
        await socket.send_json({"method": "ping"})
        question = {"type": "info", "payload": {"type": "exchangeStatus"}}
        await socket.send_json({"method": "post", "id": 7, "request": question})
        action = {"type": "action", "payload": {"action": {"type": "noop"}, "nonce": 1}}
        await socket.send_json({"method": "post", "id": 8, "request": action})
        await socket.send_json({"method": "dance"})
        heard: set[str] = set()
        expected = {"allMids", "bbo", "activeSpotAssetCtx", "candle", "spotState", "pong", "post"}
        while not expected | {"error"} <= heard:
            heard.add((await socket.receive_json())["channel"])
        gone = {"type": "bbo", "coin": "BTC"}
        await socket.send_json({"method": "unsubscribe", "subscription": gone})
