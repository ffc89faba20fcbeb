"""Binance's websocket API: requests like REST's, and the spot user stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tutti.kernel.clock import SECOND
from tutti.testing.exchanges.dialects.binance.user_events import SpotEvents
from tutti.testing.exchanges.dialects.binance.wording import worded
from tutti.testing.exchanges.dialects.parameters import optional_whole
from tutti.testing.exchanges.happenings import OrderChanged
from tutti.testing.exchanges.values import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialect import Stream
    from tutti.testing.exchanges.dialects.binance.perpetual_orders import Orders
    from tutti.testing.exchanges.happenings import Happening
    from tutti.testing.exchanges.marketplace import Marketplace

_MS = 1_000_000

Parameters = dict[str, str]


class ApiSession:
    """One connection to the websocket API.

    Parameters
    ----------
    check_signature : callable
        Takes the account, the signed text and the parameters, and refuses a wrong one.
    """

    def __init__(
        self,
        place: Marketplace,
        orders: Orders,
        check_signature: Callable[[Account, str, Parameters], None],
        stream: Stream,
        *,
        is_perpetual: bool,
    ) -> None:
        self._place = place
        self._stream = stream
        self._check_signature = check_signature
        self._is_perpetual = is_perpetual
        self._events = SpotEvents(place, orders.spot)
        self._user: Account | None = None
        desk = orders.perpetual if is_perpetual else orders.spot
        self._methods: dict[str, Callable[[Account, Parameters], Any]] = {
            "order.place": desk.create,
            "order.test": desk.test,
            "order.cancel": desk.cancel,
            "order.status": desk.fetch,
            "openOrders.status": desk.open,
            "allOrders": desk.all,
            "myTrades": desk.fills,
        }
        if is_perpetual:
            self._methods["order.modify"] = orders.perpetual.amend
        else:
            self._methods["order.cancelReplace"] = orders.spot.replace
            self._methods["openOrders.cancelAll"] = orders.spot.cancel_all
        place.listeners.append(self._hear)

    def close(self) -> None:
        """Stop listening."""
        self._place.listeners.remove(self._hear)

    def beat(self, ts: int) -> None:
        """Do nothing by time."""

    def receive(self, text: str) -> None:
        """Answer a request."""
        asked = json.loads(text)
        method = str(asked.get("method"))
        try:
            result = self._do(method, asked.get("params") or {})
        except Refused as refused:
            status, code, said = worded(
                refused, is_perpetual=self._is_perpetual, is_cancel=method == "order.cancel"
            )
            answer = {
                "id": asked.get("id"),
                "status": status,
                "error": {"code": code, "msg": said},
            }
        else:
            answer = {"id": asked.get("id"), "status": 200, "result": result}
        self._stream.send("stream.answers", answer)

    def _do(self, method: str, given: dict[str, Any]) -> Any:
        self._place.pass_time()
        if method == "ping":
            return {}
        if method == "time":
            return {"serverTime": self._place.now() // _MS}
        account = self._signed(given)
        if method == "userDataStream.subscribe.signature":
            self._user = account
            return {"subscriptionId": 0}
        if method == "userDataStream.unsubscribe":
            self._user = None
            return {}
        run = self._methods.get(method)
        if run is None:
            raise Refused(Reason.UNKNOWN_ENDPOINT, method)
        words = {key: _word(value) for key, value in given.items()}
        return run(account, words)

    def _signed(self, given: dict[str, Any]) -> Account:
        account = self._place.by_key.get(str(given.get("apiKey", "")))
        if account is None:
            raise Refused(Reason.BAD_KEY)
        # the payload is the parameters in the order of their names
        payload = "&".join(
            f"{key}={quote(_word(given[key]), safe='~()*!.')}"
            for key in sorted(given)
            if key != "signature"
        )
        plain = "&".join(
            f"{key}={_word(given[key])}" for key in sorted(given) if key != "signature"
        )
        signature = str(given.get("signature", ""))
        try:
            self._check_signature(
                account, f"{plain}&signature={signature}", {"signature": signature}
            )
        except Refused:
            self._check_signature(
                account, f"{payload}&signature={signature}", {"signature": signature}
            )
        words = {key: _word(value) for key, value in given.items()}
        sent = optional_whole(words, "timestamp") or 0
        window = optional_whole(words, "recvWindow") or 5000
        late = self._place.now() - sent * _MS
        if late > window * _MS or late <= -SECOND:
            raise Refused(
                Reason.BAD_TIME, "Timestamp for this request is outside of the recvWindow."
            )
        return account

    def _hear(self, happening: Happening) -> None:
        account = self._user
        if account is None or not isinstance(happening, OrderChanged):
            return
        order = happening.order
        if order.account != account.name or order.listing.is_perpetual:
            return
        for where, event in self._events.of(happening, account):
            message = {"subscriptionId": 0, "event": event}
            self._stream.send(where, message, listing=order.listing.name)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
