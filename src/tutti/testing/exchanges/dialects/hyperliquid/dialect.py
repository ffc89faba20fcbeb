"""Hyperliquid: questions to ``/info``, signed actions to ``/exchange``, one websocket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import DAY
from tutti.testing.exchanges.dialect import Answer, Routed
from tutti.testing.exchanges.dialects.hyperliquid import wording
from tutti.testing.exchanges.dialects.hyperliquid.info import WHERE, Info
from tutti.testing.exchanges.dialects.hyperliquid.orders import Desk
from tutti.testing.exchanges.dialects.hyperliquid.streams import HyperliquidSession
from tutti.testing.exchanges.dialects.hyperliquid.terms import Assets
from tutti.testing.exchanges.dialects.hyperliquid.typed_data import (
    action_digest,
    address_of,
    agent_of,
    fee_approval_digest,
    recovered_address,
)
from tutti.testing.exchanges.limits import Rolling
from tutti.testing.exchanges.values import ZERO, Reason, Refused

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialect import Call, Session, Stream
    from tutti.testing.exchanges.marketplace import Marketplace

_MS = 1_000_000
_WEIGHT_PER_MINUTE = 1200
_LIGHT = {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState"}
_LIGHT_WEIGHT, _HEAVY_WEIGHT = 2, 20
_FREE_REQUESTS = 10_000
_KEPT_NONCES = 100
ACTIONS = {
    "order": "order.create",
    "cancel": "order.cancel",
    "cancelByCloid": "order.cancel",
    "modify": "order.amend",
    "batchModify": "order.amend",
    "scheduleCancel": "cancel_after",
    "updateLeverage": "leverage",
    "setReferrer": "settings",
    "approveBuilderFee": "settings",
}

Parameters = dict[str, Any]


class HyperliquidDialect:
    """Hyperliquid over a marketplace.

    Implements :class:`~tutti.testing.exchanges.dialect.Dialect`.

    Parameters
    ----------
    place : Marketplace
        Whose orders and books.
    limits : float
        How generous rate limits are, as a multiple of Hyperliquid's; 0 for none.
    """

    def __init__(self, place: Marketplace, limits: float) -> None:
        self._place = place
        self._assets = Assets(place)
        self._desk = Desk(place, self._assets)
        self._info = Info(place, self._assets, self._desk)
        scale = limits or 1e7
        self._limit = Rolling(int(_WEIGHT_PER_MINUTE * scale), 60.0)
        self._free_requests = int(_FREE_REQUESTS * scale)
        self._n_actions: dict[str, int] = {}
        self._nonces: dict[str, list[int]] = {}
        self._agent_of: dict[str, str] = {}

    def route(self, call: Call) -> Routed:
        """Understand a request.

        Raises
        ------
        Refused
            If there is no such endpoint, or the body can't be read.
        """
        if call.method != "POST" or call.path not in ("/info", "/exchange"):
            raise Refused(Reason.BAD_REQUEST, call.path)
        try:
            given = json.loads(call.body)
        except ValueError:
            raise Refused(Reason.BAD_REQUEST, "body") from None
        if not isinstance(given, dict):
            raise Refused(Reason.BAD_REQUEST, "body")
        where, listing = self.named(given)
        return Routed(where=where, listing=listing, run=lambda: Answer(body=self._run(call, given)))

    def named(self, given: Parameters) -> tuple[str, str]:
        """Return the endpoint in the words of faults, and the listing it is about."""
        action = given.get("action")
        if not isinstance(action, dict):
            listing = self._assets.get(given.get("coin"))
            where = WHERE.get(str(given.get("type")), "info")
            return where, "" if listing is None else listing.name
        where = ACTIONS.get(str(action.get("type")), "exchange")
        rows = action.get("orders") or action.get("cancels") or []
        first = rows[0] if rows else {}
        try:
            asset = self._assets.by_number(first.get("a", first.get("asset")))
        except Refused:
            return where, ""
        return where, asset.name

    def _run(self, call: Call, given: Parameters) -> Any:
        if call.path == "/info":
            kind = str(given.get("type"))
            weight = _LIGHT_WEIGHT if kind in _LIGHT else _HEAVY_WEIGHT
            if not self._limit.add(weight, call.ts):
                raise Refused(Reason.TOO_MANY_REQUESTS)
            return self._info.answer(given)
        if not self._limit.add(1, call.ts):
            raise Refused(Reason.TOO_MANY_REQUESTS)
        return self.act(given)

    def act(self, given: Parameters) -> dict[str, Any]:
        """Do a signed action.

        Raises
        ------
        Refused
            If the signature, the nonce or the action is wrong.
        """
        action = given.get("action") or {}
        account = self._signer(action, given)
        self._check_nonce(account, int(given.get("nonce") or 0))
        self._count(account, str(action.get("type")))
        response = self._do(account, action)
        return {"status": "ok", "response": response}

    def _signer(self, action: Parameters, given: Parameters) -> Account:
        signature = given.get("signature") or {}
        try:
            if action.get("type") == "approveBuilderFee":
                digest = fee_approval_digest(action)
            else:
                digest = action_digest(
                    action,
                    int(given["nonce"]),
                    given.get("vaultAddress"),
                    given.get("expiresAfter"),
                    is_mainnet=True,
                )
            address = recovered_address(digest, signature)
        except Exception as e:
            raise Refused(Reason.BAD_SIGNATURE) from e
        account = self._place.by_key.get(address) or self._agents().get(address)
        if account is None:
            # a wrong signature is a right one of somebody else: nobody whom the venue knows
            raise Refused(Reason.BAD_KEY, address)
        return account

    def _agents(self) -> dict[str, Account]:
        # accounts come while the exchange runs
        for account in self._place.accounts.values():
            if account.name not in self._agent_of:
                self._agent_of[account.name] = address_of(agent_of(account.secret))
        return {self._agent_of[name]: each for name, each in self._place.accounts.items()}

    def _check_nonce(self, account: Account, nonce: int) -> None:
        now = self._place.now()
        if not now - 2 * DAY < nonce * _MS < now + DAY:
            raise Refused(Reason.BAD_NONCE, f"{nonce} is too far from now")
        kept = self._nonces.setdefault(account.name, [])
        if nonce in kept or (len(kept) >= _KEPT_NONCES and nonce < kept[0]):
            raise Refused(Reason.BAD_NONCE, f"{nonce} was used")
        kept.append(nonce)
        kept.sort()
        del kept[:-_KEPT_NONCES]

    def _count(self, account: Account, kind: str) -> None:
        if kind.startswith("cancel"):
            return  # cancels have room of their own
        sent = self._n_actions[account.name] = self._n_actions.get(account.name, 0) + 1
        if sent <= self._free_requests:
            return
        traded = sum((x.price * x.quantity for x in self._place.fills_of(account)), ZERO)
        if sent > self._free_requests + traded:
            raise Refused(Reason.TOO_MANY_ORDERS, f"{sent} > {self._free_requests + int(traded)}")

    def _do(self, account: Account, action: Parameters) -> dict[str, Any]:
        match action.get("type"):
            case "order":
                return self._desk.place(account, action)
            case "cancel" | "cancelByCloid":
                return self._desk.cancel(account, action)
            case "modify" | "batchModify":
                return self._desk.modify(account, action)
            case "scheduleCancel":
                return self._desk.schedule_cancel(account, action)
            case "updateLeverage":
                listing = self._assets.by_number(action.get("asset"))
                leverage = int(action.get("leverage") or 0)
                if not 1 <= leverage <= listing.max_leverage:
                    raise Refused(Reason.BAD_REQUEST, "leverage")
                account.position(listing).leverage = leverage
                return {"type": "default"}
            case "setReferrer" | "approveBuilderFee" | "noop":
                return {"type": "default"}
            case other:
                raise Refused(Reason.UNKNOWN_ENDPOINT, str(other))

    def refuse(self, call: Call, refused: Refused) -> Answer:
        """Word a refusal: an order's, where a fault refuses one, is said of that order."""
        if call.path == "/exchange" and b'"type":"order"' in call.body:
            body = wording.failure(refused)
            if refused.reason in wording.OF_ONE_ORDER:
                said = wording.of_order(refused, 0, is_spot=False)
                data = {"statuses": [{"error": said}]}
                body = {"status": "ok", "response": {"type": "order", "data": data}}
                return Answer(body=body)
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
        return HyperliquidSession(
            self._place, self._assets, self._desk, self._info, self.act, stream
        )

    def urls(self, http: str, ws: str) -> dict[str, Any]:
        """Return the addresses that ccxt uses."""
        return {"public": http, "private": http, "ws": {"public": f"{ws}/ws"}}

    def credentials(self, account: Account) -> dict[str, str]:
        """Return a ccxt client's wallet, and the key of an agent that may trade for it."""
        return {"walletAddress": account.key, "privateKey": agent_of(account.secret)}
