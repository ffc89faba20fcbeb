"""Unmodified ccxt against the fake Kraken: REST, websockets v2, checksum, nonce."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.testing.exchanges.dialects.kraken.terms import read_id, written_id

if TYPE_CHECKING:
    from collections.abc import Callable
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
