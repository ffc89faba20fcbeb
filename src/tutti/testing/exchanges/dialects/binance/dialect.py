"""Binance: who calls, whether the signature is right, and whether the limits hold."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import SECOND
from tutti.testing.exchanges.dialect import Answer, Routed
from tutti.testing.exchanges.dialects.binance import wording
from tutti.testing.exchanges.dialects.binance.perpetual_orders import Orders
from tutti.testing.exchanges.dialects.binance.routes import make_routes
from tutti.testing.exchanges.dialects.binance.streams import Streams
from tutti.testing.exchanges.dialects.binance.terms import Symbols
from tutti.testing.exchanges.dialects.parameters import optional_whole, parse_form, text
from tutti.testing.exchanges.limits import Window
from tutti.testing.exchanges.values import Reason, Refused

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialect import Call, Session, Stream
    from tutti.testing.exchanges.dialects.binance.routes import Route
    from tutti.testing.exchanges.marketplace import Marketplace

_MS = 1_000_000
_SIGNATURE = re.compile(r"&?signature=([^&]*)")
_WEIGHT_PER_MINUTE = 6000
_PERPETUAL_WEIGHT_PER_MINUTE = 2400
_ORDERS_PER_10_S = 100

Parameters = dict[str, str]


class BinanceDialect:
    """Binance over a marketplace; implements :class:`~tutti.testing.exchanges.dialect.Dialect`.

    Parameters
    ----------
    place : Marketplace
        Whose orders and books.
    limits : float
        How generous rate limits are, as a multiple of Binance's; 0 for none.
    """

    def __init__(self, place: Marketplace, limits: float) -> None:
        self._place = place
        self._symbols = Symbols(place)
        scale = limits or 1e9
        self._weights = {
            False: Window(int(_WEIGHT_PER_MINUTE * scale), 60),
            True: Window(int(_PERPETUAL_WEIGHT_PER_MINUTE * scale), 60),
        }
        self._order_counts = {
            False: Window(int(_ORDERS_PER_10_S * scale), 10),
            True: Window(int(_ORDERS_PER_10_S * scale), 10),
        }
        self._orders = Orders(place, self._symbols)
        self._streams = Streams(place, self._symbols, self._orders, self._check_signature)
        self._routes = make_routes(place, self._symbols, self._orders, self._streams)

    # ---- the dialect ----

    def route(self, call: Call) -> Routed:
        """Understand a request.

        Raises
        ------
        Refused
            If there is no such endpoint.
        """
        route = self._routes.get((call.method, call.path))
        if route is None:
            raise Refused(Reason.UNKNOWN_ENDPOINT, call.path)
        given = parse_form(call.query)
        if call.body:
            given.update(parse_form(call.body.decode("utf-8", "replace")))
        symbols = self._symbols.perpetual if route.is_perpetual else self._symbols.spot
        listing = symbols.get(given.get("symbol", ""))
        return Routed(
            where=route.where,
            listing="" if listing is None else listing.name,
            run=lambda: self._run(route, call, given),
        )

    def _run(self, route: Route, call: Call, given: Parameters) -> Answer:
        weights = self._weights[route.is_perpetual]
        if not weights.add(route.weight, call.ts):
            wait = weights.wait_s(call.ts)
            raise Refused(Reason.TOO_MANY_REQUESTS, retry_after_s=wait)
        headers = {"X-MBX-USED-WEIGHT-1M": str(weights.used)}
        if not route.is_signed and not route.is_keyed:
            return Answer(body=route.run(given), headers=headers)
        account = self._place.by_key.get(call.headers.get("X-MBX-APIKEY", ""))
        if account is None:
            raise Refused(Reason.BAD_KEY)
        if route.is_signed:
            total = call.query + call.body.decode("utf-8", "replace")
            self._check_signature(account, total, given)
            self._check_time(given, call.ts)
        if route.is_new_order:
            count = self._order_counts[route.is_perpetual]
            if not count.add(1, call.ts):
                raise Refused(Reason.TOO_MANY_ORDERS, retry_after_s=count.wait_s(call.ts))
            headers["X-MBX-ORDER-COUNT-10S"] = str(count.used)
        body = route.run(account, given)
        return Answer(body=body, headers=headers)

    def _check_signature(self, account: Account, total: str, given: Parameters) -> None:
        found = _SIGNATURE.search(total)
        if found is None:
            raise Refused(Reason.MISSING_PARAMETER, "signature")
        payload = total[: found.start()] + total[found.end() :]
        right = hmac.new(account.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, given["signature"]):
            raise Refused(Reason.BAD_SIGNATURE)

    def _check_time(self, given: Parameters, now: int) -> None:
        sent = int(text(given, "timestamp"))
        window = optional_whole(given, "recvWindow") or 5000
        if sent * _MS >= now + SECOND:
            raise Refused(
                Reason.BAD_TIME,
                "Timestamp for this request was 1000ms ahead of the server's time.",
            )
        if now - sent * _MS > window * _MS:
            raise Refused(
                Reason.BAD_TIME, "Timestamp for this request is outside of the recvWindow."
            )

    def refuse(self, call: Call, refused: Refused) -> Answer:
        """Word a refusal."""
        return wording.refusal(
            refused,
            is_perpetual=call.path.startswith("/fapi"),
            is_cancel=call.method == "DELETE",
        )

    def fail(self, status: int, retry_after_s: float) -> Answer:
        """Word an outage."""
        return wording.outage(status, retry_after_s)

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
        urls: dict[str, Any] = {
            "public": f"{http}/api/v3",
            "private": f"{http}/api/v3",
            "v1": f"{http}/api/v1",
            "dapiPublic": f"{http}/dapi/v1",
            "ws": {
                "spot": f"{ws}/stream/ws",
                "margin": f"{ws}/stream/ws",
                "linear": f"{ws}/fstream/ws",
                "ws-api": {"spot": f"{ws}/ws-api/v3", "linear": f"{ws}/ws-fapi/v1"},
            },
        }
        for version in ("", "V2", "V3", "V4"):
            urls[f"sapi{version}"] = f"{http}/sapi/{(version or 'V1').lower()}"
        for kind in ("Public", "Private"):
            for version in ("", "V2", "V3"):
                urls[f"fapi{kind}{version}"] = f"{http}/fapi/{(version or 'V1').lower()}"
        return urls

    def credentials(self, account: Account) -> dict[str, str]:
        """Return a ccxt client's key and secret."""
        return {"apiKey": account.key, "secret": account.secret}
