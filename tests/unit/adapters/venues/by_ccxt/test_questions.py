"""Answers that come in pages: read to the end, and never taken for all where they are not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from tutti.adapters.venues.by_ccxt.contracts import Contract
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.dialects.kucoin import KUCOIN
from tutti.adapters.venues.by_ccxt.questions import Questions
from tutti.adapters.venues.by_ccxt.reading import Tracked
from tutti.kernel.clock import SECOND, LiveClock
from tutti.model.errors import VenueError
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import OrderStatus, Side

_START = 1_704_067_200 * SECOND
_ID = "0123456789abcdef0123456789abcdef"
_BTC = InstrumentId("BTC-USD", "SOMEWHERE")


@dataclass
class Client:
    """Answers with what a test puts in, newest first and a page at a time, as ccxt would."""

    closed: list[dict[str, Any]] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    has: dict[str, bool] = field(
        default_factory=lambda: {"fetchClosedOrders": True, "fetchMyTrades": True}
    )

    async def fetch_open_orders(self, *_: Any) -> list[dict[str, Any]]:
        return []

    async def fetch_closed_orders(
        self, symbol: str, since: int, limit: int, params: dict[str, Any]
    ) -> list[dict[str, Any]]:
        del symbol, since
        return self._page(self.closed, limit, params)

    async def fetch_my_trades(
        self, symbol: str | None, since: int | None, limit: int, params: dict[str, Any]
    ) -> list[dict[str, Any]]:
        del symbol, since
        return self._page(self.trades, min(limit, 50), params)

    def _page(
        self, rows: list[dict[str, Any]], limit: int, params: dict[str, Any]
    ) -> list[dict[str, Any]]:
        self.asked.append(params)
        until = params.get("until", 2**62)
        newest = [each for each in rows if each["timestamp"] <= until]
        return sorted(newest, key=lambda each: -each["timestamp"])[:limit]


def _questions(client: Client) -> tuple[Questions, Tracked]:
    terms: dict[str, object] = {"quantity_step": Decimal(1), "price_step": Decimal(1)}
    contract = Contract(
        id=_BTC, symbol="BTC/USD", base="BTC", quote="USD", size=Decimal(1), terms=terms
    )
    instrument = Instrument(
        id=_BTC, kind=InstrumentKind.SPOT, price_step=Decimal(1), quantity_step=Decimal(1)
    )
    dialect = replace(dialect_of("SOMEWHERE"), is_authoritative=True)
    tracked = Tracked(
        order_id=_ID, client_id=_ID, contract=contract, side=Side.BUY, quantity=Decimal(120),
        asked_at=_START,
    )  # fmt: skip
    asking = Questions(client, dialect, {_BTC: contract}, {_BTC: instrument}, LiveClock())
    return asking, tracked


def _order(number: int, client_id: str = "", **changes: Any) -> dict[str, Any]:
    ms = _START // 1_000_000 + number
    return {"id": f"V{number}", "clientOrderId": client_id, "timestamp": ms, **changes}


def _trade(number: int) -> dict[str, Any]:
    fee = {"cost": 0.1, "currency": "USD"}
    return {"id": str(number), "order": "V1", "price": 10.0, "amount": 1.0, "fee": fee,
            "timestamp": _START // 1_000_000 + number}  # fmt: skip


async def test_order_is_found_among_more_than_a_page_of_later_ones() -> None:
    mine = _order(1, _ID, status="closed", amount=120.0, filled=0.0)
    client = Client(closed=[mine, *(_order(n) for n in range(2, 1400))])
    asking, tracked = _questions(client)
    found = await asking.look(tracked, _START)
    assert found is not None
    assert found.venue_order_id == "V1"
    assert len(client.asked) == 3


async def test_order_not_found_on_the_last_page_does_not_exist() -> None:
    asking, tracked = _questions(Client(closed=[_order(n) for n in range(700)]))
    assert await asking.look(tracked, _START) is None


async def test_order_behind_more_than_can_be_looked_through_is_not_called_absent() -> None:
    # all at one instant: the next page begins where the last one did
    asking, tracked = _questions(Client(closed=[_order(7) for _ in range(700)]))
    with pytest.raises(VenueError, match="more orders of BTC/USD than can be looked through"):
        await asking.look(tracked, _START)


async def test_fills_are_read_back_in_time_where_no_page_can_be_named() -> None:
    mine = _order(1, _ID, status="closed", amount=120.0, filled=120.0)
    client = Client(closed=[mine], trades=[_trade(n) for n in range(120)])
    asking, tracked = _questions(client)
    found = await asking.look(tracked, _START)
    assert found is not None
    assert (found.status, len(found.fills)) == (OrderStatus.FILLED, 120)


async def test_fills_that_the_venue_does_not_show_yet_are_not_asked_for_without_end() -> None:
    mine = _order(1, _ID, status="closed", amount=120.0, filled=120.0)
    client = Client(closed=[mine], trades=[_trade(7) | {"id": str(n)} for n in range(60)])
    asking, tracked = _questions(client)
    found = await asking.look(tracked, _START)
    assert found is not None
    assert len(found.fills) == 50
    assert len(client.asked) == 3


async def test_cash_of_each_currency_is_less_by_what_its_own_contracts_cost() -> None:
    contracts, instruments = {}, {}
    for quote in ("USDT", "USDC"):
        name = InstrumentId(f"BTC-{quote}-PERP", "SOMEWHERE")
        contracts[name] = Contract(
            id=name, symbol=f"BTC/{quote}:{quote}", base="BTC", quote=quote, size=Decimal(1),
            terms={},
        )  # fmt: skip
        instruments[name] = Instrument(
            id=name, kind=InstrumentKind.PERPETUAL, price_step=Decimal(1), quantity_step=Decimal(1)
        )
    dialect = replace(dialect_of("SOMEWHERE"), total_is_equity=True)
    asking = Questions(_Wallet(), dialect, contracts, instruments, LiveClock())
    told = await asking.holdings({"USDT", "USDC"})
    assert told.balances == {"USDT": Decimal(1000 - 200 - 10), "USDC": Decimal(500 + 50 - 5)}


class _Wallet:
    """Account with a long position in one currency and a short one in another."""

    async def fetch_balance(self) -> dict[str, Any]:
        return {"total": {"USDT": 1000, "USDC": 500}}

    async def fetch_positions(self, symbols: list[str]) -> list[dict[str, Any]]:
        assert len(symbols) == 2
        return [
            {"symbol": "BTC/USDT:USDT", "contracts": 2, "entryPrice": 100, "side": "long",
             "unrealizedPnl": 10},
            {"symbol": "BTC/USDC:USDC", "contracts": 1, "entryPrice": 50, "side": "short",
             "unrealizedPnl": 5},
        ]  # fmt: skip


def test_pages_of_kucoin_are_numbered() -> None:
    assert KUCOIN.more_trades is not None
    assert KUCOIN.more_trades([_trade(n) for n in range(100)]) == {"currentPage": 3}


def test_trades_of_binance_go_on_after_the_newest_that_is_known() -> None:
    more = dialect_of("BINANCE").more_trades
    assert more is not None
    assert more([_trade(8), _trade(9)]) == {"fromId": 10}
