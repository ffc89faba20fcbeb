"""Unmodified ccxt against the fake Binance: spot, perpetuals, errors, streams."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import ccxt
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.unit.testing.exchanges.conftest import Venue

    from tutti.kernel.clock import SimulatedClock

    Opened = Callable[..., AbstractAsyncContextManager[Venue]]

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"


async def test_markets_have_steps_and_minimums(opened: Opened) -> None:
    async with opened("binance") as venue:
        markets = await venue.client.load_markets()
        assert set(markets) == {
            f"{c}/USDT{s}" for c in ("BTC", "ETH", "SOL") for s in ("", ":USDT")
        }
        assert markets[SPOT]["precision"] == {
            "amount": 1e-05,
            "price": 0.01,
            "base": 1e-08,
            "quote": 1e-08,
        }
        assert markets[SPOT]["limits"]["cost"]["min"] == 5
        assert markets[SWAP]["swap"] is True
        assert markets[SWAP]["limits"]["amount"]["min"] == 0.001


async def test_public_figures_agree_with_each_other(opened: Opened) -> None:
    async with opened("binance") as venue:
        for symbol in (SPOT, SWAP):
            book = await venue.client.fetch_order_book(symbol, 5)
            ticker = await venue.client.fetch_ticker(symbol)
            candles = await venue.client.fetch_ohlcv(symbol, "1h", limit=5)
            assert book["bids"][0][0] < 60000 < book["asks"][0][0]
            assert len(book["bids"]) == 5
            assert ticker["last"] == 60000
            assert len(candles) == 5
            assert candles[-1][4] == pytest.approx(60000, rel=1e-3)
            venue.act("trade", listing=symbol, side="buy", quantity="0.01")
            trades = await venue.client.fetch_trades(symbol)
            assert (trades[-1]["side"], trades[-1]["amount"]) == ("buy", 0.01)


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_order_lives_from_acceptance_over_a_partial_fill_to_cancellation(
    opened: Opened, symbol: str
) -> None:
    async with opened("binance") as venue:
        client = venue.client
        placed = await client.create_order(
            symbol, "limit", "buy", 0.01, 59000, {"clientOrderId": "tt-1"}
        )
        assert (placed["status"], placed["clientOrderId"]) == ("open", "tt-1")
        venue.act("fill", order="tt-1", quantity="0.004")
        (open_,) = await client.fetch_open_orders(symbol)
        assert (open_["filled"], open_["remaining"], open_["average"]) == (0.004, 0.006, 59000)
        found = await client.fetch_order(None, symbol, {"clientOrderId": "tt-1"})
        assert found["id"] == placed["id"]
        cancelled = await client.cancel_order(None, symbol, {"clientOrderId": "tt-1"})
        assert (cancelled["status"], cancelled["filled"]) == ("canceled", 0.004)
        (trade,) = await client.fetch_my_trades(symbol)
        assert (trade["order"], trade["takerOrMaker"]) == (placed["id"], "maker")
        assert await client.fetch_open_orders(symbol) == []
        assert [each["status"] for each in await client.fetch_orders(symbol)] == ["canceled"]


async def test_spot_balances_after_a_purchase_are_exact(opened: Opened) -> None:
    async with opened("binance") as venue:
        order = await venue.client.create_order(SPOT, "market", "buy", 0.01)
        assert (order["status"], order["filled"], order["average"]) == ("closed", 0.01, 60000.01)
        balance = await venue.client.fetch_balance()
        assert balance["USDT"]["total"] == 100_000 - 600.0001
        assert balance["BTC"]["total"] == pytest.approx(10 + 0.01 * 0.999)


async def test_open_order_holds_its_money(opened: Opened) -> None:
    async with opened("binance") as venue:
        await venue.client.create_order(SPOT, "limit", "buy", 0.1, 50000)
        balance = await venue.client.fetch_balance()
        assert (balance["USDT"]["free"], balance["USDT"]["used"]) == (95_000, 5_000)


async def test_perpetual_position_is_opened_turned_and_closed(opened: Opened) -> None:
    async with opened("binance") as venue:
        client = venue.client
        await client.create_order(SWAP, "market", "sell", 0.1)
        (short,) = await client.fetch_positions([SWAP])
        assert (short["side"], short["contracts"], short["entryPrice"]) == ("short", 0.1, 59999.9)
        await client.create_order(SWAP, "market", "buy", 0.3)
        (long,) = await client.fetch_positions([SWAP])
        assert (long["side"], long["contracts"]) == ("long", 0.2)
        await client.create_order(SWAP, "market", "sell", 0.2, None, {"reduceOnly": True})
        assert await client.fetch_positions([SWAP]) == []
        with pytest.raises(ccxt.ExchangeError, match="-2022"):
            await client.create_order(SWAP, "market", "sell", 0.2, None, {"reduceOnly": True})


async def test_amending_a_perpetual_order_moves_it(opened: Opened) -> None:
    async with opened("binance") as venue:
        placed = await venue.client.create_order(SWAP, "limit", "buy", 0.01, 59000)
        amended = await venue.client.edit_order(placed["id"], SWAP, "limit", "buy", 0.02, 59100)
        assert (amended["id"], amended["price"], amended["amount"]) == (placed["id"], 59100, 0.02)


async def test_amending_a_spot_order_replaces_it(opened: Opened) -> None:
    async with opened("binance") as venue:
        placed = await venue.client.create_order(SPOT, "limit", "buy", 0.01, 59000)
        replaced = await venue.client.edit_order(placed["id"], SPOT, "limit", "buy", 0.02, 59100)
        assert replaced["id"] != placed["id"]
        old = await venue.client.fetch_order(placed["id"], SPOT)
        assert old["status"] == "canceled"


async def test_cancel_all_leaves_nothing_open(opened: Opened) -> None:
    async with opened("binance") as venue:
        for symbol in (SPOT, SWAP):
            for price in (58000, 58500):
                await venue.client.create_order(symbol, "limit", "buy", 0.01, price)
            await venue.client.cancel_all_orders(symbol)
            assert await venue.client.fetch_open_orders(symbol) == []


async def test_order_that_waits_is_triggered_by_the_price(opened: Opened) -> None:
    async with opened("binance") as venue:
        spot = await venue.client.create_order(
            SPOT, "market", "sell", 0.01, None, {"stopLossPrice": 59000}
        )
        swap = await venue.client.create_order(
            SWAP, "market", "sell", 0.01, None, {"stopLossPrice": 59000}
        )
        waiting = await venue.client.fetch_open_orders(SWAP, params={"trigger": True})
        assert [each["id"] for each in waiting] == [swap["id"]]
        for symbol in (SPOT, SWAP):
            venue.act("move", listing=symbol, price="58900")
            venue.act("trade", listing=symbol, side="sell", quantity="0.01")
        assert (await venue.client.fetch_order(spot["id"], SPOT))["status"] == "closed"
        assert len(await venue.client.fetch_my_trades(SWAP)) == 1


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ((SPOT, "limit", "buy", 100, 59000), ccxt.InsufficientFunds),
        ((SPOT, "limit", "buy", 0.00001, 59000), ccxt.BadRequest),
        ((SPOT, "limit", "sell", 0.01, 59000, {"postOnly": True}), ccxt.OrderImmediatelyFillable),
        ((SPOT, "limit", "buy", 0.01, 59000, {"clientOrderId": "twice"}), ccxt.InvalidOrder),
        ((SWAP, "limit", "buy", 100, 59000), ccxt.ExchangeError),
        ((SWAP, "limit", "sell", 0.01, 59000, {"postOnly": True}), ccxt.ExchangeError),
    ],
    ids=["funds", "notional", "post-only", "duplicate", "margin", "perpetual post-only"],
)
async def test_refusal_has_the_class_that_ccxt_gives_the_real_one(
    opened: Opened, order: tuple[Any, ...], error: type[Exception]
) -> None:
    async with opened("binance") as venue:
        await venue.client.create_order(
            SPOT, "limit", "buy", 0.01, 58000, {"clientOrderId": "twice"}
        )
        with pytest.raises(error):
            await venue.client.create_order(*order)
        assert len(venue.exchange.marketplace.orders) == 1


async def test_wrong_secret_and_wrong_key_are_refused(opened: Opened) -> None:
    async with opened("binance", options={"fetchCurrencies": False}) as venue:
        await venue.client.load_markets()
        secret, venue.client.secret = venue.client.secret, "wrong"
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            await venue.client.fetch_balance()
        venue.client.secret, venue.client.apiKey = secret, "nobody"
        with pytest.raises(ccxt.AuthenticationError, match="-2015"):
            await venue.client.fetch_balance()


async def test_clock_that_is_off_is_refused_and_put_right_by_the_time_difference(
    opened: Opened,
) -> None:
    from tutti.testing.exchanges import Fault, FaultKind

    async with opened("binance") as venue:
        await venue.client.load_markets()
        venue.fault(Fault(kind=FaultKind.CLOCK_SKEW, seconds=30))
        with pytest.raises(ccxt.InvalidNonce):
            await venue.client.fetch_balance()
        await venue.client.load_time_difference()
        assert (await venue.client.fetch_balance())["USDT"]["total"] == 100_000


async def test_limits_of_weight_and_orders_are_the_venues_own(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with opened("binance", limits=0.05, clock=stopped_clock) as venue:
        await venue.client.load_markets()
        for _ in range(5):
            await venue.client.create_order(SPOT, "limit", "buy", 0.01, 58000)
        with pytest.raises(ccxt.DDoSProtection, match="-1015"):
            await venue.client.create_order(SPOT, "limit", "buy", 0.01, 58000)
        for _ in range(13):
            await venue.client.fetch_balance()
        with pytest.raises(ccxt.DDoSProtection, match="-1003"):
            await venue.client.fetch_balance()
        assert int(venue.client.last_response_headers["Retry-After"]) >= 1


async def test_public_streams_follow_the_market(opened: Opened) -> None:
    async with opened("binance", rate=20.0) as venue:
        client = venue.client
        for symbol in (SPOT, SWAP):
            async with asyncio.timeout(10):
                book = await client.watch_order_book(symbol)
                for _ in range(5):
                    book = await client.watch_order_book(symbol)
                ours = venue.exchange.marketplace.books[symbol]
                assert book["nonce"] <= ours.sequence
                assert book["bids"][0][0] < book["asks"][0][0]
                trades = await client.watch_trades(symbol)
                assert trades[-1]["symbol"] == symbol
                ticker = await client.watch_ticker(symbol)
                assert ticker["last"] > 0
                best = await client.watch_bids_asks([symbol])
                assert best[symbol]["bid"] < best[symbol]["ask"]
                candles = await client.watch_ohlcv(symbol, "1m")
                assert candles[-1][4] > 0


@pytest.mark.parametrize("symbol", [SPOT, SWAP])
async def test_private_streams_tell_of_orders_fills_and_balances(
    opened: Opened, symbol: str
) -> None:
    kind = "swap" if symbol == SWAP else "spot"
    async with opened("binance", options={"defaultType": kind}) as venue:
        client = venue.client
        await client.load_markets()
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            orders = group.create_task(client.watch_orders(symbol))
            balance = group.create_task(client.watch_balance({"type": kind}))
            trades = group.create_task(client.watch_my_trades(symbol))
            await asyncio.sleep(0.3)
            placed = await client.create_order(
                symbol, "limit", "buy", 0.01, 59000, {"clientOrderId": "tt-1"}
            )
            assert [each["status"] for each in await orders] == ["open"]
            venue.act("fill", order="tt-1", quantity="0.004")
        assert [each["order"] for each in trades.result()] == [placed["id"]]
        assert balance.result()["USDT"]["total"] > 0
        async with asyncio.timeout(10):
            watching = asyncio.ensure_future(client.watch_orders(symbol))
            await asyncio.sleep(0.05)
            await client.cancel_order(placed["id"], symbol)
            (last,) = [each for each in await watching if each["status"] != "open"]
        assert (last["status"], last["filled"], last["clientOrderId"]) == (
            "canceled",
            0.004,
            "tt-1",
        )


async def test_orders_over_the_websocket_api_are_signed_and_done(opened: Opened) -> None:
    async with opened("binance") as venue, asyncio.timeout(10):
        client = venue.client
        for symbol in (SPOT, SWAP):
            placed = await client.create_order_ws(symbol, "limit", "buy", 0.01, 59000)
            assert placed["status"] == "open"
            found = await client.fetch_order_ws(placed["id"], symbol)
            assert found["clientOrderId"] == placed["clientOrderId"]
            gone = await client.cancel_order_ws(placed["id"], symbol)
            assert gone["status"] == "canceled"
        client.secret = "wrong"
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_order_ws("1", SPOT)


# ---- what an adapter asks for now and then ----


async def test_account_questions_are_answered(opened: Opened) -> None:
    async with opened("binance") as venue:
        client = venue.client
        assert (await client.fetch_trading_fee(SPOT))["taker"] == 0.001
        assert (await client.fetch_trading_fee(SWAP))["maker"] == 0.0002
        assert SPOT in await client.fetch_trading_fees()
        rights = await client.sapiGetAccountApiRestrictions()
        assert rights["enableWithdrawals"] is False
        commission = await client.privateGetAccountCommission({"symbol": "BTCUSDT"})
        assert commission["standardCommission"]["taker"] == "0.00100000"
        (margin,) = await client.fapiPrivateV3GetBalance()
        assert (margin["asset"], margin["balance"]) == ("USDT", "100000.00000000")
        assert (await client.fapiPrivateGetPositionSideDual())["dualSidePosition"] is False
        await client.set_leverage(5, SWAP)
        await client.create_order(SWAP, "market", "buy", 0.1)
        account = await client.fapiPrivateV3GetAccount()
        assert float(account["totalInitialMargin"]) == pytest.approx(0.1 * 60000.1 / 5)
        with pytest.raises(ccxt.BadRequest):
            await client.fapiPrivatePostLeverage({"symbol": "BTCUSDT", "leverage": 500})


async def test_market_questions_are_answered(opened: Opened) -> None:
    async with opened("binance") as venue:
        client = venue.client
        await client.publicGetPing()
        await client.fapiPublicGetTime()
        assert len(await client.publicGetTicker24hr()) == 3
        for method in ("publicGetTickerPrice", "fapiPublicGetTickerPrice"):
            assert len(await getattr(client, method)()) == 3
        best = await client.fapiPublicGetTickerBookTicker({"symbol": "BTCUSDT"})
        assert (best["bidPrice"], best["askPrice"]) == ("59999.9", "60000.1")
        assert (await client.fetch_funding_rate(SWAP))["fundingRate"] == 0.0001
        venue.act("trade", listing=SPOT, side="sell", quantity="0.01")
        (trade,) = await client.publicGetTrades({"symbol": "BTCUSDT"})
        assert trade["isBuyerMaker"] is True
        since = client.milliseconds() - 3_600_000
        assert len(await client.fetch_ohlcv(SPOT, "1m", since, 10)) == 10
        for bad in ({"symbol": "NOPE"}, {}):
            with pytest.raises(ccxt.BaseError):
                await client.publicGetDepth(bad)
        with pytest.raises(ccxt.BadRequest):
            await client.publicGetKlines({"symbol": "BTCUSDT", "interval": "7m"})


async def test_orders_are_listed_by_id_time_and_order(opened: Opened) -> None:
    async with opened("binance") as venue:
        client = venue.client
        placed = [await client.create_order(SPOT, "market", "buy", 0.001) for _ in range(3)]
        last = placed[-1]["id"]
        (order,) = await client.fetch_orders(SPOT, params={"orderId": last})
        assert order["id"] == last
        trades = await client.fetch_my_trades(SPOT)
        (trade,) = await client.fetch_my_trades(SPOT, params={"orderId": last})
        assert trade["id"] == trades[-1]["id"]
        later = await client.fetch_my_trades(SPOT, params={"fromId": trades[1]["id"]})
        assert [each["id"] for each in later] == [each["id"] for each in trades[1:]]
        assert len(await client.fetch_my_trades(SPOT, trades[0]["timestamp"], 2)) == 2
        assert await client.privateGetOpenOrders() == []


async def test_order_is_tried_without_being_placed(opened: Opened) -> None:
    async with opened("binance") as venue:
        await venue.client.create_order(SPOT, "limit", "buy", 0.01, 59000, {"test": True})
        with pytest.raises(ccxt.InsufficientFunds):
            await venue.client.create_order(SPOT, "limit", "buy", 100, 59000, {"test": True})
        assert venue.exchange.marketplace.orders == {}


async def test_order_is_shrunk_in_place_and_not_grown(opened: Opened) -> None:
    async with opened("binance") as venue:
        placed = await venue.client.create_order(SPOT, "limit", "buy", 0.02, 59000)
        request = {"symbol": "BTCUSDT", "orderId": placed["id"], "newQty": "0.01"}
        path = ("order/amend/keepPriority", ["private"], "PUT")
        amended = await venue.client.request(*path, request)
        assert amended["amendedOrder"]["origQty"] == "0.01000000"
        with pytest.raises(ccxt.BadRequest):
            await venue.client.request(*path, {**request, "newQty": "0.03"})


async def test_replacement_that_cannot_be_paid_leaves_the_old_order_cancelled(
    opened: Opened,
) -> None:
    async with opened("binance") as venue:
        placed = await venue.client.create_order(SPOT, "limit", "buy", 0.01, 59000)
        with pytest.raises(ccxt.BaseError):
            await venue.client.edit_order(placed["id"], SPOT, "limit", "buy", 100, 59100)
        assert (await venue.client.fetch_order(placed["id"], SPOT))["status"] == "canceled"


async def test_order_that_waits_in_perpetuals_is_found_listed_and_cancelled(
    opened: Opened,
) -> None:
    async with opened("binance") as venue:
        client = venue.client
        waits = {"takeProfitPrice": 65000, "clientOrderId": "tp-1"}
        placed = await client.create_order(SWAP, "limit", "sell", 0.01, 64000, waits)
        found = await client.fetch_order(None, SWAP, {"clientOrderId": "tp-1", "trigger": True})
        assert (found["id"], found["triggerPrice"]) == (placed["id"], 65000)
        assert len(await client.fetch_orders(SWAP, params={"trigger": True})) == 1
        await client.cancel_order(placed["id"], SWAP, {"trigger": True})
        found = await client.fetch_order(placed["id"], SWAP, {"trigger": True})
        assert found["status"] == "canceled"
        await client.create_order(SWAP, "limit", "sell", 0.01, 64000, waits)
        await client.cancel_all_orders(SWAP, {"trigger": True})
        assert (
            venue.exchange.marketplace.open_orders(venue.exchange.marketplace.accounts["main"])
            == []
        )


async def test_countdown_cancels_orders_in_perpetuals(
    opened: Opened, stopped_clock: SimulatedClock
) -> None:
    async with opened("binance", clock=stopped_clock, options={"recvWindow": 60_000}) as venue:
        await venue.client.create_order(SWAP, "limit", "buy", 0.01, 59000)
        await venue.client.fapiPrivatePostCountdownCancelAll(
            {"symbol": "BTCUSDT", "countdownTime": 5000}
        )
        stopped_clock.advance_to(stopped_clock.now() + 6_000_000_000)
        assert await venue.client.fetch_open_orders(SWAP) == []


async def test_listen_key_is_prolonged_and_forgotten(opened: Opened) -> None:
    async with opened("binance") as venue:
        client = venue.client
        key = (await client.fapiPrivatePostListenKey())["listenKey"]
        assert (await client.fapiPrivatePutListenKey())["listenKey"] == key
        await client.fapiPrivateDeleteListenKey()


async def test_path_that_does_not_exist_is_refused(opened: Opened) -> None:
    async with opened("binance") as venue:
        with pytest.raises(ccxt.ExchangeError, match="-5000"):
            await venue.client.request("nothing", ["public"], "GET", {})


@pytest.mark.parametrize(
    "flaw",
    [
        {"side": "UP"},
        {"type": "MIDNIGHT"},
        {"timeInForce": "WEEK"},
        {"quantity": "much"},
        {"price": ""},
        {"quantity": "Infinity"},
    ],
    ids=lambda flaw: next(iter(flaw)),
)
async def test_request_that_makes_no_sense_is_refused(opened: Opened, flaw: dict[str, str]) -> None:
    right = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": "59000",
    }
    async with opened("binance") as venue:
        with pytest.raises(ccxt.BadRequest):
            await venue.client.privatePostOrder({**right, **flaw})


async def test_streams_of_everything_and_of_nothing(opened: Opened) -> None:
    async with opened("binance", rate=20.0) as venue, asyncio.timeout(15):
        client = venue.client
        marks = await client.watch_mark_prices([SWAP])
        assert marks[SWAP]["markPrice"] > 0
        assert len(await client.watch_tickers()) >= 1
        trades = await client.watch_trades(SPOT, params={"name": "aggTrade"})
        assert trades[-1]["price"] > 0


async def test_websocket_api_answers_and_refuses_like_rest(opened: Opened) -> None:
    async with opened("binance") as venue, asyncio.timeout(15):
        client = venue.client
        placed = await client.create_order_ws(SPOT, "limit", "buy", 0.01, 59000)
        assert len(await client.fetch_open_orders_ws(SPOT)) == 1
        assert len(await client.fetch_orders_ws(SPOT)) == 1
        assert await client.fetch_my_trades_ws(SPOT) == []
        swap = await client.create_order_ws(SWAP, "limit", "buy", 0.01, 59000)
        edited = await client.edit_order_ws(swap["id"], SWAP, "limit", "buy", 0.02, 59100)
        assert edited["amount"] == 0.02
        await client.cancel_all_orders_ws(SPOT)
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order_ws(placed["id"], SPOT)
        client.apiKey = "nobody"
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_order_ws("1", SPOT)


async def test_orders_in_perpetuals_are_placed_and_cancelled_several_at_a_time(
    opened: Opened,
) -> None:
    async with opened("binance") as venue:
        symbol = SWAP
        wanted = [
            {"symbol": symbol, "type": "limit", "side": "buy", "amount": 0.01, "price": price}
            for price in (58_000, 57_000)
        ]
        placed = await venue.client.create_orders(wanted)
        assert [each["price"] for each in placed] == [58_000, 57_000]
        ids = [each["id"] for each in placed]
        gone = await venue.client.cancel_orders([*ids, "1"], symbol)
        assert [each["status"] for each in gone] == ["canceled", "canceled"]
        with pytest.raises(ccxt.OrderNotFound):
            await venue.client.cancel_orders(["1"], symbol)
        assert await venue.client.fetch_open_orders(symbol) == []


async def test_terms_of_perpetuals_are_told(opened: Opened) -> None:
    async with opened("binance") as venue:
        symbol = SWAP
        rates = await venue.client.fetch_funding_rate_history(symbol, limit=3)
        assert [each["fundingRate"] for each in rates] == [0.0001] * 3
        times = [each["timestamp"] for each in rates]
        assert [b - a for a, b in itertools.pairwise(times)] == [28_800_000] * 2
        later = await venue.client.fetch_funding_rate_history(symbol, since=times[1])
        assert [each["timestamp"] for each in later] == times[1:]
        assert (await venue.client.fetch_open_interest(symbol))["openInterestAmount"] == 1000
        assert await venue.client.set_margin_mode("cross", symbol)
        with pytest.raises(ccxt.BadRequest):
            await venue.client.set_margin_mode("isolated", symbol)


async def test_status_is_told(opened: Opened) -> None:
    async with opened("binance") as venue:
        assert (await venue.client.fetch_status())["status"] == "ok"
