"""Kraken: who calls, whether nonce and signature are right, and whether the limits hold."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import SECOND
from tutti.testing.exchanges.dialect import Answer, Routed
from tutti.testing.exchanges.dialects.kraken import wording
from tutti.testing.exchanges.dialects.kraken.market_data import MarketData
from tutti.testing.exchanges.dialects.kraken.orders import Desk
from tutti.testing.exchanges.dialects.kraken.streams import Streams
from tutti.testing.exchanges.dialects.kraken.terms import Pairs, asset_of, pair_of
from tutti.testing.exchanges.dialects.parameters import parse_form, plain
from tutti.testing.exchanges.limits import Decaying
from tutti.testing.exchanges.values import ZERO, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialect import Call, Session, Stream
    from tutti.testing.exchanges.marketplace import Marketplace

# Of an intermediate account: the counter of private requests, and that of orders by pair.
_REQUESTS, _REQUESTS_PER_S = 20.0, 0.5
_ORDERS, _ORDERS_PER_S = 125.0, 2.34
_PUBLIC, _PUBLIC_PER_S = 20.0, 1.0
# What cancelling costs by the order's age: a young order's costs most.
_CANCEL_COSTS = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Route:
    where: str
    run: Any
    cost: float = 1.0


class KrakenDialect:
    """Kraken over a marketplace; implements :class:`~tutti.testing.exchanges.dialect.Dialect`.

    Parameters
    ----------
    place : Marketplace
        Whose orders and books.
    limits : float
        How generous rate limits are, as a multiple of Kraken's; 0 for none.
    """

    def __init__(self, place: Marketplace, limits: float) -> None:
        self._place = place
        self._pairs = Pairs(place)
        self._scale = limits or 1e9
        self._public = Decaying(_PUBLIC * self._scale, _PUBLIC_PER_S * self._scale)
        self._private: dict[str, Decaying] = {}
        self._orders: dict[tuple[str, str], Decaying] = {}
        self._desk = Desk(place, self._pairs)
        self._streams = Streams(place, self._desk)
        self._routes = self._make_routes()

    def _make_routes(self) -> dict[str, _Route]:
        market, desk = MarketData(self._place, self._pairs), self._desk
        public = {
            "Time": ("time", market.time),
            "SystemStatus": ("time", market.status),
            "Assets": ("currencies", market.assets),
            "AssetPairs": ("markets", market.pairs),
            "Ticker": ("ticker", market.ticker),
            "OHLC": ("candles", market.candles),
            "Depth": ("book", market.book),
            "Trades": ("trades", market.trades),
        }
        private: dict[str, tuple[str, Callable[[Account, Parameters], Any], float]] = {
            "AddOrder": ("order.create", desk.create, 0.0),
            "AmendOrder": ("order.amend", desk.amend, 0.0),
            "CancelOrder": ("order.cancel", desk.cancel, 0.0),
            "CancelOrderBatch": ("order.cancel", desk.cancel_batch, 0.0),
            "CancelAll": ("order.cancel_all", desk.cancel_all, 1.0),
            "CancelAllOrdersAfter": ("cancel_after", desk.cancel_after, 1.0),
            "QueryOrders": ("order.fetch", desk.query, 1.0),
            "OpenOrders": ("orders.open", desk.open, 1.0),
            "ClosedOrders": ("orders.all", desk.closed, 1.0),
            "TradesHistory": ("trades.mine", desk.history, 2.0),
            "QueryTrades": ("trades.mine", desk.query_fills, 1.0),
            "Balance": ("balances", self._balance, 1.0),
            "BalanceEx": ("balances", self._balance_with_holds, 1.0),
            "TradeVolume": ("fees", self._fees, 1.0),
            "GetWebSocketsToken": ("listen_key", self._streams.token, 1.0),
            "GetApiKeyInfo": ("permissions", self._permissions, 1.0),
        }
        routes = {f"/0/public/{k}": _Route(where, run) for k, (where, run) in public.items()}
        routes |= {f"/0/private/{k}": _Route(*each) for k, each in private.items()}
        return routes

    # ---- the dialect ----

    def route(self, call: Call) -> Routed:
        """Understand a request.

        Raises
        ------
        Refused
            If there is no such endpoint.
        """
        route = self._routes.get(call.path)
        if route is None:
            raise Refused(Reason.UNKNOWN_ENDPOINT, call.path)
        given = self._given(call)
        listing = self._pairs.get(str(given.get("pair") or ""))
        return Routed(
            where=route.where,
            listing="" if listing is None else listing.name,
            run=lambda: self._run(route, call, given),
        )

    def _given(self, call: Call) -> Parameters:
        body = call.body.decode("utf-8", "replace")
        given: Parameters = dict(parse_form(call.query))
        if body.startswith("{"):
            try:
                given |= json.loads(body)
            except ValueError:
                raise Refused(Reason.BAD_REQUEST, "body") from None
        else:
            given |= parse_form(body)
        return given

    def _run(self, route: _Route, call: Call, given: Parameters) -> Answer:
        if call.path.startswith("/0/public/"):
            if not self._public.add(1, call.ts):
                return Answer(body={"error": ["EGeneral:Too many requests"]})
            return Answer(body={"error": [], "result": route.run(given)})
        account = self._authenticated(call, given)
        self._count(account, route, given, call.ts)
        return Answer(body={"error": [], "result": route.run(account, given)})

    def _authenticated(self, call: Call, given: Parameters) -> Account:
        account = self._place.by_key.get(call.headers.get("API-Key", ""))
        if account is None:
            raise Refused(Reason.BAD_KEY)
        nonce = str(given.get("nonce") or "")
        digest = hashlib.sha256(nonce.encode() + call.body).digest()
        secret = base64.b64decode(account.secret)
        right = hmac.new(secret, call.path.encode() + digest, hashlib.sha512).digest()
        sent = call.headers.get("API-Sign", "")
        if not hmac.compare_digest(base64.b64encode(right).decode(), sent):
            raise Refused(Reason.BAD_SIGNATURE)
        if not nonce.isdigit() or int(nonce) <= account.last_nonce:
            raise Refused(Reason.BAD_NONCE)
        account.last_nonce = int(nonce)
        return account

    def _count(self, account: Account, route: _Route, given: Parameters, now: int) -> None:
        if route.cost:
            counter = self._private.get(account.name)
            if counter is None:
                counter = self._private[account.name] = Decaying(
                    _REQUESTS * self._scale, _REQUESTS_PER_S * self._scale
                )
            if not counter.add(route.cost, now):
                raise Refused(Reason.TOO_MANY_REQUESTS)
        elif route.where != "order.cancel":
            self.count_order(account, str(given.get("pair") or ""), 1, now)
        else:
            self._count_cancel(account, given, now)

    def count_order(self, account: Account, pair: str, cost: float, now: int) -> None:
        """Count on the order counter of a pair.

        Raises
        ------
        Refused
            If that is too much.
        """
        counter = self._orders.get((account.name, pair))
        if counter is None:
            counter = self._orders[account.name, pair] = Decaying(
                _ORDERS * self._scale, _ORDERS_PER_S * self._scale
            )
        if not counter.add(cost, now):
            raise Refused(Reason.TOO_MANY_ORDERS)

    def _count_cancel(self, account: Account, given: Parameters, now: int) -> None:
        # cancels are never refused for this; they only use up room for new orders
        try:
            order = self._desk.find_either(account, given)
        except Refused:
            return
        age = (now - order.created_at) / SECOND
        cost = next((cost for limit, cost in _CANCEL_COSTS if age < limit), 0)
        counter = self._orders.get((account.name, pair_of(order.listing)))
        if counter is not None and cost:
            counter.add(cost, now)

    def _balance(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        return {asset_of(name): f"{amount:.10f}" for name, amount in account.spot.items()}

    def _balance_with_holds(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        return {
            asset_of(name): {
                "balance": f"{amount:.10f}",
                "hold_trade": f"{account.held.get(name, ZERO):.10f}",
            }
            for name, amount in account.spot.items()
        }

    def _fees(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        asked = [self._pairs.find(x) for x in str(given.get("pair") or "").split(",") if x]
        answer: dict[str, Any] = {"currency": "ZUSD", "volume": "0.0000"}
        for key, kind in (("fees", "taker_fee"), ("fees_maker", "maker_fee")):
            answer[key] = {
                pair_of(each): {"fee": plain(getattr(each, kind) * 100), "tiervolume": "0.0000"}
                for each in asked
            }
        return answer

    def _permissions(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        granted = ["query-funds", "modify-trades", "query-open-trades", "query-closed-trades"]
        if account.may_withdraw:
            granted.append("withdraw-funds")
        return {"api_key_name": account.name, "api_key": account.key, "permissions": granted}

    def refuse(self, call: Call, refused: Refused) -> Answer:  # noqa: ARG002
        """Word a refusal."""
        return wording.refusal(refused)

    def fail(self, status: int, retry_after_s: float) -> Answer:  # noqa: ARG002
        """Word an outage."""
        return wording.outage(status)

    def open_stream(self, path: str, stream: Stream) -> Session:
        """Begin a websocket conversation.

        Raises
        ------
        Refused
            If nothing is streamed there.
        """
        return self._streams.open(path, stream)

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        """Return the addresses that ccxt uses."""
        return {
            "public": http,
            "private": http,
            "ws": {
                "public": f"{ws}/public",
                "private": f"{ws}/private",
                "publicV2": f"{ws}/public/v2",
                "privateV2": f"{ws}/private/v2",
            },
        }

    def credentials(self, account: Account) -> dict[str, str]:
        """Return a ccxt client's key and secret."""
        return {"apiKey": account.key, "secret": account.secret}
