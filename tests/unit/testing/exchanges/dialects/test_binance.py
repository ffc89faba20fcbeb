"""Unmodified ccxt against the fake Binance: spot, perpetuals, errors, streams."""

from __future__ import annotations

import asyncio
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
