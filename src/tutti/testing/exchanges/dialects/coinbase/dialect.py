"""Coinbase Advanced: who calls, with which token, and whether the limits hold."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tutti.kernel.clock import iso
from tutti.testing.exchanges.dialect import Answer, Routed
from tutti.testing.exchanges.dialects.coinbase import wording
from tutti.testing.exchanges.dialects.coinbase.market_data import MarketData
from tutti.testing.exchanges.dialects.coinbase.orders import Desk
from tutti.testing.exchanges.dialects.coinbase.signing import Tokens
from tutti.testing.exchanges.dialects.coinbase.streams import CoinbaseSession
from tutti.testing.exchanges.dialects.coinbase.terms import Products, written_id
from tutti.testing.exchanges.dialects.parameters import trimmed
from tutti.testing.exchanges.limits import Rolling
from tutti.testing.exchanges.values import ZERO, Reason, Refused

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialect import Call, Session, Stream
    from tutti.testing.exchanges.marketplace import Marketplace

_PUBLIC_PER_S, _PRIVATE_PER_S = 10, 30
_ROOT = "/api/v3/brokerage"
_WITH_NAMES = (
    (re.compile(rf"^{_ROOT}/(market/)?products/([^/]+)$"), "products/{id}", "product_id"),
    (
        re.compile(rf"^{_ROOT}/(market/)?products/([^/]+)/ticker$"),
        "products/{id}/ticker",
        "product_id",
    ),
    (
        re.compile(rf"^{_ROOT}/(market/)?products/([^/]+)/candles$"),
        "products/{id}/candles",
        "product_id",
    ),
    (re.compile(rf"^{_ROOT}/(orders/historical)/([^/]+)$"), "orders/historical/{id}", "order_id"),
)

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Route:
    where: str
    run: Any
    is_private: bool


class CoinbaseDialect:
    """Coinbase over a marketplace; implements :class:`~tutti.testing.exchanges.dialect.Dialect`.

    Parameters
    ----------
    place : Marketplace
        Whose orders and books.
    limits : float
        How generous rate limits are, as a multiple of Coinbase's; 0 for none.
    """

    def __init__(self, place: Marketplace, limits: float) -> None:
        self._place = place
        self._products = Products(place)
        self._desk = Desk(place, self._products)
        self._market = MarketData(place, self._products)
        self._tokens = Tokens(place)
        scale = limits or 1e7
        self._public = Rolling(max(1, int(_PUBLIC_PER_S * scale)), 1.0)
        self._private = Rolling(max(1, int(_PRIVATE_PER_S * scale)), 1.0)
        self._routes = self._make_routes()

    def _make_routes(self) -> dict[tuple[str, str], _Route]:
        market, desk = self._market, self._desk
        data = {
            "products": ("markets", market.products),
            "products/{id}": ("markets", market.product),
            "products/{id}/ticker": ("ticker", market.ticker),
            "products/{id}/candles": ("candles", market.candles),
            "product_book": ("book", market.book),
        }
        public = {f"{_ROOT}/market/{path}": each for path, each in data.items()}
        public |= {
            f"{_ROOT}/time": ("time", market.time),
            "/v2/time": ("time", market.epoch),
            "/v2/currencies": ("currencies", market.fiat),
            "/v2/currencies/crypto": ("currencies", market.crypto),
            "/v2/exchange-rates": ("currencies", market.rates),
        }
        routes = {("GET", path): _Route(*each, is_private=False) for path, each in public.items()}
        for path, (where, run) in {**data, "best_bid_ask": ("book", market.best)}.items():
            routes["GET", f"{_ROOT}/{path}"] = _Route(where, _ignoring_account(run), True)  # noqa: FBT003
        private = {
            ("POST", "orders"): ("order.create", desk.create),
            ("POST", "orders/preview"): ("order.test", desk.preview),
            ("POST", "orders/batch_cancel"): ("order.cancel", desk.cancel),
            ("POST", "orders/edit"): ("order.amend", desk.amend),
            ("GET", "orders/historical/{id}"): ("order.fetch", desk.fetch),
            ("GET", "orders/historical/batch"): ("orders.all", desk.batch),
            ("GET", "orders/historical/fills"): ("trades.mine", desk.fills),
            ("GET", "accounts"): ("balances", self._accounts),
            ("GET", "transaction_summary"): ("fees", self._fees),
            ("GET", "key_permissions"): ("permissions", self._permissions),
        }
        for (method, path), each in private.items():
            routes[method, f"{_ROOT}/{path}"] = _Route(*each, is_private=True)
        routes["GET", "/v2/accounts"] = _Route("balances", self._wallets, is_private=True)
        return routes

    # ---- the dialect ----

    def route(self, call: Call) -> Routed:
        """Understand a request.

        Raises
        ------
        Refused
            If there is no such endpoint.
        """
        given = self._given(call)
        route = self._routes.get((call.method, call.path))
        if route is None:
            route = self._named(call, given)
        if route is None:
            raise Refused(Reason.UNKNOWN_ENDPOINT, call.path)
        listing = self._products.get(str(given.get("product_id") or ""))
        where = route.where
        if where == "orders.all" and given.get("order_status") == "OPEN":
            where = "orders.open"
        return Routed(
            where=where,
            listing="" if listing is None else listing.name,
            run=lambda: self._run(route, call, given),
        )

    def _named(self, call: Call, given: Parameters) -> _Route | None:
        for pattern, path, name in _WITH_NAMES:
            found = pattern.match(call.path)
            if found is not None:
                given[name] = found[2]
                market = "market/" if found[1] == "market/" else ""
                return self._routes.get((call.method, f"{_ROOT}/{market}{path}"))
        return None

    def _given(self, call: Call) -> Parameters:
        given: Parameters = {
            name: values[0] if len(values) == 1 else values
            for name, values in parse_qs(call.query).items()
        }
        if call.body:
            try:
                given |= json.loads(call.body)
            except ValueError:
                raise Refused(Reason.BAD_REQUEST, "body") from None
        return given

    def _run(self, route: _Route, call: Call, given: Parameters) -> Answer:
        limit = self._private if route.is_private else self._public
        if not limit.add(1, call.ts):
            raise Refused(Reason.TOO_MANY_REQUESTS)
        if not route.is_private:
            return Answer(body=route.run(given))
        sent = call.headers.get("Authorization", "")
        uri = f"{call.method} {call.headers.get('Host', '')}{call.path}"
        account = self._tokens.whose(sent.removeprefix("Bearer "), uri=uri)
        return Answer(body=route.run(account, given))

    def _accounts(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        fiat = {each.quote for each in self._products.all()}
        rows = []
        for k, (currency, total) in enumerate(sorted(account.spot.items())):
            held = account.held.get(currency, ZERO)
            kind = "FIAT" if currency in fiat else "CRYPTO"
            rows.append(
                {
                    "uuid": written_id(k + 1),
                    "name": f"{currency} Wallet",
                    "currency": currency,
                    "available_balance": {"value": trimmed(total - held), "currency": currency},
                    "default": True,
                    "active": True,
                    "created_at": iso(0),
                    "updated_at": iso(self._place.now()),
                    "deleted_at": None,
                    "type": f"ACCOUNT_TYPE_{kind}",
                    "ready": True,
                    "hold": {"value": trimmed(held), "currency": currency},
                    "retail_portfolio_id": "portfolio",
                }
            )
        return {"accounts": rows, "has_next": False, "cursor": "", "size": len(rows)}

    def _wallets(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        # v2 knows of no holds
        fiat = {each.quote for each in self._products.all()}
        rows = [
            {
                "id": written_id(k + 1),
                "name": f"{currency} Wallet",
                "primary": True,
                "type": "fiat" if currency in fiat else "wallet",
                "currency": {"code": currency, "name": currency},
                "balance": {"amount": trimmed(total), "currency": currency},
                "resource": "account",
            }
            for k, (currency, total) in enumerate(sorted(account.spot.items()))
        ]
        return {"pagination": {"next_uri": None, "limit": 250}, "data": rows}

    def _fees(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        listing = self._products.all()[0]
        return {
            "total_volume": 0,
            "total_fees": 0,
            "fee_tier": {
                "pricing_tier": "Advanced 1",
                "taker_fee_rate": trimmed(listing.taker_fee),
                "maker_fee_rate": trimmed(listing.maker_fee),
            },
        }

    def _permissions(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        return {
            "can_view": True,
            "can_trade": True,
            "can_transfer": account.may_withdraw,
            "portfolio_uuid": "portfolio",
            "portfolio_type": "DEFAULT",
        }

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
        if path.split("?")[0] != "/ws":
            raise Refused(Reason.UNKNOWN_ENDPOINT, path)
        return CoinbaseSession(self._place, self._products, self._desk, self._tokens, stream)

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        """Return the addresses that ccxt uses."""
        return {"rest": http, "ws": f"{ws}/ws"}

    def credentials(self, account: Account) -> dict[str, str]:
        """Return a ccxt client's key name and private key."""
        return {"apiKey": account.key, "secret": account.secret}


def _ignoring_account(run: Any) -> Any:
    def asked(account: Account, given: Parameters) -> Any:  # noqa: ARG001
        return run(given)

    return asked
