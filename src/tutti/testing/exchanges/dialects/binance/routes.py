"""Binance's REST endpoints, what they weigh, and who answers them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tutti.testing.exchanges.dialects.binance.accounts import Accounts
from tutti.testing.exchanges.dialects.binance.market_data import Figures

if TYPE_CHECKING:
    from tutti.testing.exchanges.dialects.binance.perpetual_orders import Orders
    from tutti.testing.exchanges.dialects.binance.streams import Streams
    from tutti.testing.exchanges.dialects.binance.terms import Symbols
    from tutti.testing.exchanges.marketplace import Marketplace

Run = Callable[..., Any]
_NEW_ORDERS = ("order.create", "order.amend")


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: its name in faults, who answers, its weight, and what it asks of callers."""

    where: str
    run: Run
    weight: int
    is_signed: bool = False
    is_keyed: bool = False
    is_perpetual: bool = False

    @property
    def is_new_order(self) -> bool:
        """True where the limit of new orders counts."""
        return self.where in _NEW_ORDERS


Routes = dict[tuple[str, str], Route]


def make_routes(place: Marketplace, symbols: Symbols, orders: Orders, streams: Streams) -> Routes:
    """Return all endpoints by method and path."""
    accounts = Accounts(place, symbols)
    spot = Figures(place, symbols, is_perpetual=False)
    perpetual = Figures(place, symbols, is_perpetual=True)
    signed = [
        *_orders("/api/v3", orders.spot),
        *_orders("/fapi/v1", orders.perpetual),
        *_spot(orders, accounts),
        *_perpetual(orders, accounts),
    ]
    routes = {
        (method, path): Route(
            where, run, weight, is_signed=True, is_perpetual=path.startswith("/fapi")
        )
        for method, path, where, run, weight in signed
    }
    public = [
        *_public("/api/v3", spot),
        *_public("/fapi/v1", perpetual),
        ("/fapi/v1/premiumIndex", "funding", perpetual.premium, 1),
        ("/sapi/v1/system/status", "time", spot.status, 1),
        ("/fapi/v1/fundingRate", "funding", perpetual.rates, 1),
        ("/fapi/v1/openInterest", "ticker", perpetual.open_interest, 1),
        ("/dapi/v1/exchangeInfo", "markets", perpetual.no_markets, 1),
    ]
    for path, where, run, weight in public:
        routes["GET", path] = Route(where, run, weight, is_perpetual=not path.startswith("/api"))
    keys: dict[str, Run] = {
        "POST": streams.key_post,
        "PUT": streams.key_put,
        "DELETE": streams.key_delete,
    }
    for path in ("/api/v3/userDataStream", "/fapi/v1/listenKey"):
        for method, run in keys.items():
            routes[method, path] = Route(
                "listen_key", run, 2, is_keyed=True, is_perpetual=path.startswith("/fapi")
            )
    return routes


def _public(root: str, figures: Figures) -> list[tuple[str, str, Run, int]]:
    return [
        (f"{root}/ping", "time", figures.ping, 1),
        (f"{root}/time", "time", figures.time, 1),
        (f"{root}/exchangeInfo", "markets", figures.markets, 20),
        (f"{root}/depth", "book", figures.book, 5),
        (f"{root}/trades", "trades", figures.trades, 10),
        (f"{root}/aggTrades", "trades", figures.aggregated_trades, 2),
        (f"{root}/klines", "candles", figures.candles, 2),
        (f"{root}/ticker/24hr", "ticker", figures.day, 2),
        (f"{root}/ticker/price", "ticker", figures.prices, 2),
        (f"{root}/ticker/bookTicker", "ticker", figures.best, 2),
    ]


def _orders(root: str, desk: Any) -> list[tuple[str, str, str, Run, int]]:
    return [
        ("POST", f"{root}/order", "order.create", desk.create, 1),
        ("POST", f"{root}/order/test", "order.test", desk.test, 1),
        ("GET", f"{root}/order", "order.fetch", desk.fetch, 4),
        ("DELETE", f"{root}/order", "order.cancel", desk.cancel, 1),
        ("GET", f"{root}/openOrders", "orders.open", desk.open, 6),
        ("GET", f"{root}/allOrders", "orders.all", desk.all, 20),
    ]


def _spot(orders: Orders, accounts: Accounts) -> list[tuple[str, str, str, Run, int]]:
    desk = orders.spot
    return [
        ("DELETE", "/api/v3/openOrders", "order.cancel_all", desk.cancel_all, 1),
        ("POST", "/api/v3/order/cancelReplace", "order.amend", desk.replace, 1),
        ("PUT", "/api/v3/order/amend/keepPriority", "order.amend", desk.shrink, 4),
        ("GET", "/api/v3/myTrades", "trades.mine", desk.fills, 20),
        ("GET", "/api/v3/account", "balances", accounts.spot, 20),
        ("GET", "/api/v3/account/commission", "fees", accounts.commission, 20),
        ("GET", "/sapi/v1/capital/config/getall", "currencies", accounts.coins, 10),
        ("GET", "/sapi/v1/margin/allPairs", "markets", accounts.margin_pairs, 1),
        ("GET", "/sapi/v1/margin/isolated/allPairs", "markets", accounts.margin_pairs, 1),
        ("GET", "/sapi/v1/account/apiRestrictions", "permissions", accounts.restrictions, 1),
        ("GET", "/sapi/v1/asset/tradeFee", "fees", accounts.trade_fee, 1),
    ]


def _perpetual(orders: Orders, accounts: Accounts) -> list[tuple[str, str, str, Run, int]]:
    desk = orders.perpetual
    rows: list[tuple[str, str, str, Run, int]] = [
        ("PUT", "/fapi/v1/order", "order.amend", desk.amend, 1),
        ("GET", "/fapi/v1/openOrder", "order.fetch", desk.fetch, 1),
        ("DELETE", "/fapi/v1/allOpenOrders", "order.cancel_all", desk.cancel_all, 1),
        ("POST", "/fapi/v1/countdownCancelAll", "cancel_after", desk.countdown, 10),
        ("GET", "/fapi/v1/userTrades", "trades.mine", desk.fills, 5),
        ("POST", "/fapi/v1/algoOrder", "order.create", desk.create_waiting, 1),
        ("GET", "/fapi/v1/algoOrder", "order.fetch", desk.fetch_waiting, 1),
        ("DELETE", "/fapi/v1/algoOrder", "order.cancel", desk.cancel_waiting, 1),
        ("GET", "/fapi/v1/openAlgoOrders", "orders.open", desk.open_waiting, 1),
        ("GET", "/fapi/v1/allAlgoOrders", "orders.all", desk.all_waiting, 5),
        ("DELETE", "/fapi/v1/algoOpenOrders", "order.cancel_all", desk.cancel_all, 1),
        ("GET", "/fapi/v1/income", "funding.mine", accounts.income, 30),
        ("GET", "/fapi/v1/leverageBracket", "leverage", accounts.brackets, 1),
        ("POST", "/fapi/v1/leverage", "leverage", accounts.set_leverage, 1),
        ("POST", "/fapi/v1/marginType", "leverage", accounts.set_margin_type, 1),
        ("POST", "/fapi/v1/batchOrders", "order.create", desk.create_many, 5),
        ("DELETE", "/fapi/v1/batchOrders", "order.cancel", desk.cancel_many, 1),
        ("GET", "/fapi/v1/commissionRate", "fees", accounts.perpetual_commission, 20),
        ("GET", "/fapi/v1/positionSide/dual", "positions", accounts.is_hedged, 30),
    ]
    for version in ("v2", "v3"):
        rows += [
            ("GET", f"/fapi/{version}/account", "balances", accounts.perpetual, 5),
            ("GET", f"/fapi/{version}/balance", "balances", accounts.margin, 5),
            ("GET", f"/fapi/{version}/positionRisk", "positions", accounts.positions, 5),
        ]
    return rows
