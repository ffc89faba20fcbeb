"""Guards of a real account: the fence, the key's rights, the dead man's switch, the clock."""

from __future__ import annotations

import asyncio
import importlib
from decimal import Decimal
from typing import Any

import pytest

from tutti.adapters.venues.by_ccxt.account_guard import arm_switch, refuse_withdrawal
from tutti.adapters.venues.by_ccxt.client import exchange_class
from tutti.adapters.venues.by_ccxt.dialects import DIALECTS
from tutti.adapters.venues.by_ccxt.fence import Fence
from tutti.adapters.venues.by_ccxt.skew import measure_skew
from tutti.adapters.venues.by_ccxt.tasks import Tasks
from tutti.kernel.clock import MINUTE, SECOND, SimulatedClock
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.order import OrderIntent, OrderType, Reason, Side

errors = importlib.import_module("ccxt.base.errors")


def _intent(quantity: str = "1", *, price: str | None = None, reduces: bool = False) -> OrderIntent:
    return OrderIntent(
        id="0" * 32,
        instrument=InstrumentId("BTC-USDT", "BINANCE"),
        as_of=0,
        side=Side.BUY,
        quantity=Decimal(quantity),
        type=OrderType.MARKET,
        price=None if price is None else Decimal(price),
        reference_price=Decimal(100),
        reason=Reason.ENTRY,
        lead="x",
        reduces=reduces,
    )


def test_fence_stops_an_order_that_is_too_large() -> None:
    fence = Fence(max_order_notional=Decimal(100))
    assert fence.objection(_intent(), 0) == ""
    assert "max_order_notional 100" in fence.objection(_intent("1.01"), 0)
    assert "max_order_notional" in fence.objection(_intent(price="101"), 0)


def test_fence_stops_orders_that_come_too_often() -> None:
    fence = Fence(max_orders_per_minute=2)
    assert [fence.objection(_intent(), ts) for ts in (0, SECOND)] == ["", ""]
    assert "max_orders_per_minute" in fence.objection(_intent(), 2 * SECOND)
    assert fence.objection(_intent(), MINUTE) == ""


def test_fence_lets_through_what_reduces_a_position() -> None:
    fence = Fence(max_order_notional=Decimal(1), max_orders_per_minute=1)
    assert [fence.objection(_intent("50", reduces=True), 0) for _ in range(3)] == ["", "", ""]


class _Client:
    """Client whose every method gives one answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.n_asked = 0

    def __getattr__(self, name: str) -> Any:
        async def ask(*_: Any) -> Any:
            self.n_asked += 1
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return ask


_MAY = {
    "BINANCE": {"enableWithdrawals": True},
    "BINANCE_USDM": {"enableWithdrawals": "true"},
    "KRAKEN": {"result": {"permissions": ["query-funds", "withdraw-funds"]}},
    "COINBASE": {"can_view": True, "can_trade": True, "can_transfer": True},
    "KUCOIN": {"data": {"permission": "General,Spot,Transfer"}},
}
_MAY_NOT = {
    "BINANCE": {"enableWithdrawals": False, "enableSpotAndMarginTrading": True},
    "BINANCE_USDM": {"enableWithdrawals": "false"},
    "KRAKEN": {"result": {"permissions": ["query-funds", "modify-trades"]}},
    "COINBASE": {"can_view": True, "can_trade": True, "can_transfer": False},
    "KUCOIN": {"data": {"permission": "General,Spot"}},
    "ASTER": {},
}


@pytest.mark.parametrize("venue", _MAY)
async def test_key_that_may_withdraw_is_refused(venue: str) -> None:
    with pytest.raises(ConfigError, match=f"{venue}: this key may withdraw"):
        await refuse_withdrawal(_Client(_MAY[venue]), DIALECTS[venue])


@pytest.mark.parametrize("venue", _MAY_NOT)
async def test_key_that_may_only_trade_is_taken(venue: str) -> None:
    await refuse_withdrawal(_Client(_MAY_NOT[venue]), DIALECTS[venue])


class _Wallet(_Client):
    """Client of a venue where whoever trades signs."""

    def __init__(self, key: str) -> None:
        super().__init__({})
        self.walletAddress = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
        self.privateKey = key

    def eth_get_address_from_private_key(self, key: str) -> str:
        return str(exchange_class("hyperliquid", "X").eth_get_address_from_private_key(key))


async def test_key_of_a_wallet_is_refused_and_that_of_its_agent_taken() -> None:
    own, agent = f"0x{1:064x}", f"0x{2:064x}"
    with pytest.raises(
        ConfigError, match=r"HYPERLIQUID: this key may withdraw, .* the wallet's own"
    ):
        await refuse_withdrawal(_Wallet(own), DIALECTS["HYPERLIQUID"])
    await refuse_withdrawal(_Wallet(agent), DIALECTS["HYPERLIQUID"])


async def test_private_key_that_is_none_is_refused_without_being_told() -> None:
    with pytest.raises(ConfigError, match="private_key is none") as refused:
        await refuse_withdrawal(_Wallet("hunter2"), DIALECTS["HYPERLIQUID"])
    assert "hunter2" not in str(refused.value)


async def test_key_of_which_the_venue_tells_nothing_is_taken_and_logged() -> None:
    await refuse_withdrawal(_Client({"result": {}}), DIALECTS["KRAKEN"])
    await refuse_withdrawal(_Client({"result": "?"}), DIALECTS["KRAKEN"])


async def test_question_about_a_key_that_is_not_answered_stops_the_start() -> None:
    with pytest.raises(errors.RequestTimeout):
        await refuse_withdrawal(_Client(errors.RequestTimeout("slow")), DIALECTS["KRAKEN"])


async def test_switch_is_armed_again_and_again() -> None:
    client = _Client({})
    task = asyncio.ensure_future(arm_switch(client, _quick("KRAKEN")))
    await asyncio.sleep(0.1)
    task.cancel()
    assert client.n_asked > 2


@pytest.mark.parametrize(
    "error", [errors.RequestTimeout("slow"), TypeError("a web page"), KeyError("result")]
)
async def test_switch_that_could_not_be_armed_is_tried_again(error: Exception) -> None:
    client = _Client(error)
    task = asyncio.ensure_future(arm_switch(client, _quick("KRAKEN")))
    await asyncio.sleep(0.1)
    task.cancel()
    assert client.n_asked > 2


async def test_switch_that_the_venue_refuses_is_given_up() -> None:
    client = _Client(errors.ExchangeError("not enough volume traded"))
    await asyncio.wait_for(arm_switch(client, _quick("HYPERLIQUID")), 1.0)
    assert client.n_asked == 1


async def test_switch_that_was_armed_once_is_never_given_up() -> None:
    client = _Client({})
    task = asyncio.ensure_future(arm_switch(client, _quick("KRAKEN")))
    await asyncio.sleep(0.05)
    client._answer = errors.ExchangeError("internal error")
    asked = client.n_asked
    await asyncio.sleep(0.1)
    assert not task.done()
    task.cancel()
    assert client.n_asked > asked + 1


def _quick(venue: str) -> Any:
    from dataclasses import replace

    return replace(DIALECTS[venue], switch_s=0.06)


class _Server:
    """Server whose clock is ahead, and whose answers take their time."""

    def __init__(self, clock: SimulatedClock, ahead_ms: int, resolution_ms: int = 1) -> None:
        self._resolution = resolution_ms
        self.has = {"fetchTime": True}
        self.options: dict[str, Any] = {"timeDifference": 0}
        self._clock = clock
        self._ahead = ahead_ms
        self._delays = iter([SECOND // 5, SECOND // 50, SECOND // 100])

    async def fetch_time(self) -> int:
        delay = next(self._delays)
        self._clock.advance_to(self._clock.now() + delay)
        told = self._clock.now() // 1_000_000 + self._ahead
        self._clock.advance_to(self._clock.now() + delay)
        return told // self._resolution * self._resolution


async def test_clocks_are_compared_at_the_middle_of_the_request() -> None:
    clock = SimulatedClock(1_700_000_000 * SECOND)
    server = _Server(clock, 2500)
    await measure_skew(server, clock)
    assert server.options["timeDifference"] == -2500


@pytest.mark.parametrize("phase_ms", [0, 300, 600, 950])
@pytest.mark.parametrize(("ahead_ms", "least", "most"), [(0, 0, 0), (2500, -2500, -1500),
                                                         (-2500, 1500, 2500)])  # fmt: skip
async def test_clock_that_tells_whole_seconds_is_taken_for_no_further_than_it_must_be(
    phase_ms: int, ahead_ms: int, least: int, most: int
) -> None:
    clock = SimulatedClock(1_700_000_000 * SECOND + phase_ms * 1_000_000)
    server = _Server(clock, ahead_ms, resolution_ms=1000)
    await measure_skew(server, clock)
    assert least <= server.options["timeDifference"] <= most


async def test_clocks_are_not_compared_where_the_client_makes_no_use_of_it() -> None:
    clock = SimulatedClock()
    server = _Server(clock, 5)
    server.options = {}
    await measure_skew(server, clock)
    assert server.options == {}


async def test_tasks_end_with_their_owner_and_a_failure_ends_only_itself() -> None:
    tasks = Tasks("BINANCE")

    async def fail() -> None:
        raise RuntimeError("broken")

    async def last() -> None:
        await asyncio.sleep(3600)

    tasks.start(fail())
    tasks.start(last())
    await asyncio.sleep(0.01)
    assert len(tasks) == 1
    await tasks.close()
    assert len(tasks) == 0
