"""Faults as an unmodified client meets them, and the control endpoint."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import ccxt
import ccxt.pro
import pytest

from tutti.kernel.clock import SimulatedClock
from tutti.model.errors import ConfigError
from tutti.testing.exchanges import (
    ExchangeServer,
    FakeExchange,
    Fault,
    FaultKind,
    made_up_listings,
    serve,
    serve_in_thread,
)
from tutti.testing.exchanges.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.unit.testing.exchanges.conftest import Venue

    Opened = Callable[..., AbstractAsyncContextManager[Venue]]

SYMBOLS = {
    "binance": "BTC/USDT",
    "kraken": "BTC/USD",
    "coinbase": "BTC/USD",
    "hyperliquid": "BTC/USDC:USDC",
}
DIALECTS = sorted(SYMBOLS)


async def _buy(venue: Venue) -> Any:
    return await venue.client.create_order(
        SYMBOLS[venue.exchange.name], "limit", "buy", 0.01, 59000
    )


def _n_orders(venue: Venue) -> int:
    return len(venue.exchange.marketplace.orders)


# ---- requests ----


_ORDER_FAULTS: list[tuple[dict[str, Any], int]] = [
    ({"kind": FaultKind.DROP}, 0),
    ({"kind": FaultKind.HANG}, 0),
    ({"kind": FaultKind.STATUS, "status": 503}, 0),
    ({"kind": FaultKind.STATUS, "status": 502}, 0),
    ({"kind": FaultKind.RATE_LIMIT}, 0),
    ({"kind": FaultKind.REFUSE, "reason": "insufficient_funds"}, 0),
    ({"kind": FaultKind.ANSWER_LOST}, 1),
    ({"kind": FaultKind.ANSWER_LOST, "how": "hang"}, 1),
    ({"kind": FaultKind.ANSWER_LOST, "how": "status"}, 1),
]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_order_that_fails_at_the_client_is_at_the_venue_or_not_as_the_fault_says(
    opened: Opened, dialect: str
) -> None:
    async with opened(dialect, timeout_ms=300) as venue:
        await venue.client.load_markets()
        await _warm(venue)
        for fault, n_orders in _ORDER_FAULTS:
            known = _n_orders(venue)
            venue.fault(Fault(where="order.create", count=1, **fault))
            with pytest.raises(ccxt.BaseError):
                await _buy(venue)
            assert _n_orders(venue) - known == n_orders, fault
        assert await _buy(venue)


async def _warm(venue: Venue) -> None:
    # what a client does once, before its first order
    if venue.exchange.name == "hyperliquid":
        await venue.client.initialize_client()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_page_instead_of_an_answer_is_no_order(opened: Opened, dialect: str) -> None:
    async with opened(dialect) as venue:
        await venue.client.load_markets()
        venue.fault(Fault(kind=FaultKind.HTML, where="order.create", count=1))
        try:
            order = await _buy(venue)
        except Exception as e:  # noqa: BLE001  ccxt has no class for it
            order = {"id": None, "info": e}
        assert order is None or order["id"] is None
        assert _n_orders(venue) == 0


async def test_latency_delays_an_answer(opened: Opened) -> None:
    async with opened("binance") as venue:
        await venue.client.load_markets()
        venue.fault(Fault(kind=FaultKind.LATENCY, where="time", seconds=0.3))
        began = asyncio.get_running_loop().time()
        await venue.client.fetch_time()
        assert asyncio.get_running_loop().time() - began >= 0.3


async def test_order_refused_after_a_delay_ends_as_rejected(opened: Opened) -> None:
    async with opened("binance") as venue:
        await venue.client.load_markets()
        venue.fault(Fault(kind=FaultKind.REFUSE_LATER, where="order.create", count=1, seconds=0.1))
        placed = await _buy(venue)
        assert placed["status"] == "open"
        await asyncio.sleep(0.25)
        found = await venue.client.fetch_order(placed["id"], "BTC/USDT")
        assert found["status"] == "rejected"
        assert (await venue.client.fetch_balance())["USDT"]["used"] == 0


async def test_partial_outage_leaves_the_other_endpoints_and_listings_alone(
    opened: Opened,
) -> None:
    async with opened("binance") as venue:
        await venue.client.load_markets()
        venue.fault(Fault(kind=FaultKind.STATUS, where="order.*", listing="BTC/USDT"))
        with pytest.raises(ccxt.ExchangeNotAvailable):
            await _buy(venue)
        assert await venue.client.fetch_order_book("BTC/USDT")
        assert await venue.client.create_order("ETH/USDT", "limit", "buy", 1, 2900)


# ---- streams ----


class _Tape:
    """Raw messages of Binance's trade stream, while trades happen."""

    def __init__(self, venue: Venue, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._venue = venue
        self._socket = socket

    async def ids(self, n_trades: int, *, wait: float = 0.3) -> list[int]:
        for _ in range(n_trades):
            self._venue.act("trade", listing="BTC/USDT", side="buy", quantity="0.001")
        found = []
        try:
            async with asyncio.timeout(wait):
                async for message in self._socket:
                    row = json.loads(message.data)
                    if row.get("e") == "trade":
                        found.append(row["t"])
        except TimeoutError:
            pass
        return found


@pytest.fixture
def taped(opened: Opened) -> Callable[..., AbstractAsyncContextManager[tuple[Venue, _Tape]]]:
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def open_() -> Any:
        async with opened("binance") as venue, aiohttp.ClientSession() as session:
            url = venue.http.replace("http", "ws") + "/stream/ws/0"
            async with session.ws_connect(url) as socket:
                await socket.send_json(
                    {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}
                )
                await socket.receive()
                yield venue, _Tape(venue, socket)

    return open_


async def test_stream_without_faults_tells_each_trade_once_in_order(taped: Any) -> None:
    async with taped() as (_, tape):
        ids = await tape.ids(4)
        assert len(ids) == 4
        assert ids == sorted(ids)


async def test_stream_repeats_messages_on_command(taped: Any) -> None:
    async with taped() as (venue, tape):
        venue.fault(Fault(kind=FaultKind.DUPLICATE, where="stream.trades"))
        ids = await tape.ids(3)
        assert [ids[k] for k in (0, 2, 4)] == [ids[k] for k in (1, 3, 5)]


async def test_stream_swaps_messages_on_command(taped: Any) -> None:
    async with taped() as (venue, tape):
        venue.fault(Fault(kind=FaultKind.REORDER, where="stream.trades", count=1))
        ids = await tape.ids(3)
        first, second, third = sorted(ids)
        assert ids == [second, first, third]


async def test_stream_loses_messages_on_command(taped: Any) -> None:
    async with taped() as (venue, tape):
        venue.fault(Fault(kind=FaultKind.GAP, where="stream.trades", count=1, after=1))
        assert len(await tape.ids(3)) == 2


async def test_stream_goes_silent_and_stays_connected(taped: Any) -> None:
    async with taped() as (venue, tape):
        venue.fault(Fault(kind=FaultKind.SILENT, where="stream.*"))
        assert await tape.ids(3) == []
        venue.exchange.plan.clear()
        assert len(await tape.ids(2)) == 2


async def test_stream_comes_late_on_command(taped: Any) -> None:
    async with taped() as (venue, tape):
        venue.fault(Fault(kind=FaultKind.LATE, where="stream.trades", seconds=0.4, count=1))
        assert await tape.ids(1, wait=0.2) == []
        assert len(await tape.ids(0, wait=0.4)) == 1


async def test_stream_is_dropped_at_a_message(taped: Any) -> None:
    async with taped() as (venue, tape):
        venue.fault(Fault(kind=FaultKind.DROP, where="stream.trades", count=1, after=1))
        assert len(await tape.ids(3)) == 1
        assert tape._socket.closed


async def test_handshake_can_be_refused_and_dropped(opened: Opened) -> None:
    async with opened("binance") as venue, aiohttp.ClientSession() as session:
        url = venue.http.replace("http", "ws") + "/stream/ws/0"
        venue.fault(Fault(kind=FaultKind.STATUS, where="connect", count=1))
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
        # twice: aiohttp tries once more when a connection that it kept is closed
        venue.fault(Fault(kind=FaultKind.DROP, where="connect", count=2))
        with pytest.raises(aiohttp.ClientError):
            await session.ws_connect(url)
        async with session.ws_connect(url):
            pass


async def test_book_that_lost_a_message_is_noticed_by_its_sequence(opened: Opened) -> None:
    async with opened("binance", rate=20.0) as venue, asyncio.timeout(15):
        await venue.client.watch_order_book("BTC/USDT")
        venue.fault(Fault(kind=FaultKind.GAP, where="stream.book", count=1))

        async def until_it_fails() -> None:
            while True:
                await venue.client.watch_order_book("BTC/USDT")

        with pytest.raises(ccxt.ChecksumError):
            await until_it_fails()
        book = await venue.client.watch_order_book("BTC/USDT")
        assert book["bids"][0][0] < book["asks"][0][0]


# ---- control ----


async def test_control_tells_the_state_and_takes_faults_and_actions(opened: Opened) -> None:
    async with opened("binance") as venue, aiohttp.ClientSession(venue.http) as session:
        placed = await venue.client.create_order(
            "BTC/USDT", "limit", "buy", 0.01, 59000, {"clientOrderId": "a-1"}
        )

        async def ask(method: str, what: str, body: Any = None) -> Any:
            async with session.request(method, f"/_control/{what}", json=body) as answer:
                return answer.status, await answer.json()

        status, acts = await ask(
            "POST", "market", [{"do": "fill", "order": "a-1", "quantity": "0.004"}]
        )
        assert (status, acts) == (200, [{"filled": "0.004", "status": "open"}])
        _, state = await ask("GET", "state")
        (order,) = state["orders"]
        assert (str(order["id"]), order["client_id"], order["filled"]) == (
            placed["id"],
            "a-1",
            "0.004",
        )
        (fill,) = state["fills"]
        assert (fill["client_id"], fill["quantity"]) == ("a-1", "0.004")
        assert state["requests"]["order.create"] == 1
        assert "secret" not in json.dumps(state)
        _, faults = await ask("POST", "faults", [{"kind": "html", "where": "book"}])
        assert [each["kind"] for each in faults] == ["html"]
        _, faults = await ask("PUT", "faults", [{"kind": "drop", "where": "book"}])
        assert [each["kind"] for each in faults] == ["drop"]
        assert (await ask("GET", "faults"))[1] == faults
        assert (await ask("DELETE", "faults"))[1] == []
        assert (await ask("POST", "rate", {"rate": 5}))[1] == {"rate": 5.0}
        assert (await ask("POST", "drop"))[1] == {"dropped": 0}
        for bad in (("POST", "market", {"do": "dance"}), ("GET", "nothing", None)):
            status, said = await ask(*bad)
            assert status == 400
            assert "there are" in said["error"]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("market", "dance"),
        ("market", [3]),
        ("rate", {}),
        ("rate", {"rate": "fast"}),
        ("rate", {"rate": -1}),
        ("faults", [{"kind": "hang", "where": "order.creat"}]),
    ],
)
async def test_control_refuses_what_it_does_not_understand_with_a_reason(
    what: str, body: Any, opened: Opened
) -> None:
    async with opened("binance") as venue, aiohttp.ClientSession(venue.http) as session:
        async with session.post(f"/_control/{what}", json=body) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]
        assert venue.exchange.plan.faults == []


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(kind=FaultKind.RATE_LIMIT, where="connect"), 429),
        (Fault(kind=FaultKind.STATUS, where="connect", status=502), 502),
        (Fault(kind=FaultKind.HTML, where="connect"), 200),
    ],
)
async def test_websocket_that_is_not_opened_is_answered_as_told(
    fault: Fault, status: int, opened: Opened
) -> None:
    async with opened("kraken") as venue, aiohttp.ClientSession(venue.http) as session:
        venue.fault(fault)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect("/v2")
        assert refused.value.status == status


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"do": "move", "listing": "X/Y", "price": 1}, "no listing"),
        ({"do": "move", "listing": "BTC/USDT"}, "needs 'price'"),
        ({"do": "move", "listing": "BTC/USDT", "price": "dear"}, "move"),
        ({"do": "fill", "order": "nobody's"}, "unknown_order"),
        ({"do": "trade", "listing": "BTC/USDT", "side": "up", "quantity": 1}, "trade"),
    ],
)
def test_action_that_is_not_understood_is_refused_with_the_reason(
    action: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        FakeExchange("binance").market.act(action)


async def test_halted_listing_takes_no_orders_until_it_opens(opened: Opened) -> None:
    async with opened("binance") as venue:
        venue.act("halt", listing="BTC/USDT")
        assert (await venue.client.load_markets())["BTC/USDT"]["active"] is False
        with pytest.raises(ccxt.BaseError):
            await _buy(venue)
        venue.act("open", listing="BTC/USDT")
        assert await _buy(venue)


async def test_book_laid_as_told_and_steps_by_chance_are_what_the_client_sees(
    opened: Opened,
) -> None:
    async with opened("binance") as venue:
        venue.act("book", listing="BTC/USDT", bids=[["100", "1"]], asks=[["101", "2"]])
        book = await venue.client.fetch_order_book("BTC/USDT")
        assert (book["bids"], book["asks"]) == ([[100, 1]], [[101, 2]])
        assert "last" in venue.act("step", listing="ETH/USDT", count=3)


async def test_cancel_by_the_venue_ends_an_order(opened: Opened) -> None:
    async with opened("binance") as venue:
        placed = await _buy(venue)
        venue.act("cancel", order=placed["id"], status="expired")
        assert (await venue.client.fetch_order(placed["id"], "BTC/USDT"))["status"] == "expired"


# ---- serving ----


def test_exchange_in_a_thread_serves_a_client_that_blocks() -> None:
    with serve_in_thread(FakeExchange("binance", limits=0)) as addresses:
        client = ccxt.binance({"enableRateLimit": False})
        addresses.apply_to(client)
        assert client.create_order("BTC/USDT", "limit", "buy", 0.01, 59000)["status"] == "open"
        client.session.close()


async def test_addresses_lead_nowhere_but_here() -> None:
    async with serve(FakeExchange("binance")) as addresses:
        client = ccxt.pro.binance()
        addresses.apply_to(client, account=None)
        assert not client.apiKey

        def leaves(urls: Any) -> list[str]:
            if isinstance(urls, dict):
                return [leaf for each in urls.values() for leaf in leaves(each)]
            return [urls]

        assert all("127.0.0.1" in each for each in leaves(client.urls["api"]))
        await client.close()


async def test_port_that_is_taken_is_told() -> None:
    async with serve(FakeExchange("binance")) as addresses:
        port = int(addresses.http.rsplit(":", 1)[1])
        with pytest.raises(ConfigError, match="can't listen"):
            await ExchangeServer(FakeExchange("binance"), port=port).start()


def test_dialect_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="binance, coinbase, hyperliquid, kraken"):
        FakeExchange("mtgox")
    with pytest.raises(ConfigError, match="binance"):
        made_up_listings("mtgox", 3)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_made_up_listings_are_traded_like_the_others(opened: Opened, dialect: str) -> None:
    async with opened(dialect, listings=made_up_listings(dialect, 12)) as venue:
        markets = await venue.client.load_markets()
        assert len(markets) == 12
        symbol = next(each for each in markets if each.startswith("C003"))
        assert (await venue.client.fetch_order_book(symbol))["bids"]


def test_seed_and_clock_make_the_same_exchange_again() -> None:
    first, second = (FakeExchange("kraken", seed=5, clock=SimulatedClock(10**18)) for _ in range(2))
    for each in (first, second):
        for _ in range(20):
            each.market.step_next()
    assert first.state() == second.state()
    keys = [exchange.marketplace.accounts["main"].key for exchange in (first, second)]
    assert keys[0] == keys[1]
    assert FakeExchange("kraken", seed=6).marketplace.accounts["main"].key != keys[0]


# ---- the program ----


def _program(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tutti.testing.exchanges", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_program_prints_its_addresses_serves_and_ends_when_told(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('[{"kind": "status", "where": "ticker", "status": 502}]', encoding="utf-8")
    program = _program("--dialect", "binance", "--faults", str(faults), "--balance", "USDT=500")
    assert program.stdout is not None
    told = json.loads(program.stdout.readline())
    assert told["dialect"] == "binance"
    client = ccxt.binance({"enableRateLimit": False, **told["credentials"]["main"]})
    client.urls["api"] = {**client.urls["api"], **told["urls"]}
    assert client.fetch_balance()["total"] == {"USDT": 500}
    with pytest.raises(ccxt.ExchangeNotAvailable):
        client.fetch_ticker("BTC/USDT")
    client.session.close()
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=10)
    assert program.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dialect", "binance", "--faults", "absent.json"], "can't read the faults"),
        (["--dialect", "binance", "--balance", "USDT"], "CURRENCY=AMOUNT"),
        (["--dialect", "binance", "--balance", "USDT=-5"], "CURRENCY=AMOUNT"),
        (["--dialect", "binance", "--balance", "=5"], "CURRENCY=AMOUNT"),
    ],
)
def test_program_that_can_not_start_says_why_and_ends_with_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--dialect", "mtgox", "invalid choice"),
        ("--port", "99999", "is not from 0 to 65535"),
        ("--port", "any", "invalid whole number value"),
        ("--seed", "-1", "is not from 0 on"),
        ("--depth", "0", "is not from 1 on"),
        ("--listings", "-4", "is not from 0 on"),
        ("--rate", "nan", "is not a number from 0 on"),
        ("--limits", "-1", "is not a number from 0 on"),
        ("--accounts", "a,a", "different names"),
        ("--accounts", "a,", "different names"),
    ],
)
def test_program_asked_for_what_there_is_not_ends_with_2(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--dialect", "binance", option, value])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
