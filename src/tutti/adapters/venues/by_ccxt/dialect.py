"""What differs from venue to venue, as a value; each has a small file of its own beside this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tutti.adapters.venues.by_ccxt.client_ids import PLAIN, ClientIds
from tutti.adapters.venues.by_ccxt.reaction import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """How to ask what a key may do.

    Parameters
    ----------
    method : str
        Implicit method of the ccxt client.
    withdraws : str
        Path of the answer that tells whether the key may withdraw, dots between keys. It says so
        with True, or with one of ``words`` among a list or in a text.
    words : tuple of str
    """

    method: str
    withdraws: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One exchange, as far as it is unlike the others.

    Parameters
    ----------
    venue : str
        Venue part of our instruments' ids.
    exchange : str
        Its name in ccxt.
    is_perpetual : bool or None
        Whether perpetuals trade here; None where both do and the symbol tells.
    options : mapping
        Passed to ccxt as ``options``.
    client_ids : ClientIds
        Form of the client order ids.
    client_id_key : str
        Parameter of ``createOrder`` that carries it.
    finds_by_client_id : bool
        Whether ``fetchOrder`` takes a client order id; else orders are scanned.
    scan_filter : str
        Parameter by which ``fetchOpenOrders`` and ``fetchClosedOrders`` take a client order id; empty
        for none.
    cancels_by_client_id : bool
        Whether ``cancelOrder`` takes a client order id in ``client_id_key``.
    closed_needs_symbol : bool
        Whether closed orders and trades are only told for one symbol at a time.
    trade_filter : str
        Parameter by which ``fetchMyTrades`` takes a venue order id; empty where trades are scanned.
    more_trades : callable or None
        Takes the trades that are known and returns the parameters of ``fetchMyTrades`` that show more
        of them; None where pages go back in time (``until``).
    funding_page : int
        Payments of funding to ask for at once; 0 for as many as the venue shows by itself.
    total_is_equity : bool
        Whether the total of a balance has the unrealised gain of open contracts in it.
    is_authoritative : bool
        Whether an order that none of the look-ups finds is certain not to exist.
    market_needs_price : bool
        Whether a market order is given the price it was decided at, to bound it by.
    deadline_key : str
        Parameter of ``createOrder`` by which an order that arrives late is refused there: an instant,
        as RFC 3339 writes it. Empty where there is none.
    fee_coin : str
        Currency that fees may be paid in though it is neither bought nor sold; empty for none.
    buys_by_cost : bool
        Whether a market purchase is placed as an amount of quote currency there: it is sent as an
        immediate-or-cancel limit order instead, so that the quantity is the one approved.
    refuses_at_limit : bool
        Whether a request over the limit is certain not to have been looked at.
    codes : tuple of Code
        What its own words and numbers mean, where ccxt's class does not say.
    reads : tuple of str
        Ends of addresses to which a POST changes nothing.
    silenced : tuple of str
        Methods of the ccxt client that do what nobody asked for: they are made to do nothing.
    permissions : Permissions or None
        How to ask whether the key may withdraw; None where the venue does not tell.
    wallet_withdraws : bool
        Whether the private key of a wallet may withdraw, while that of an agent it approved may not.
    switch_s : float
        Seconds without a sign of life after which its dead man's switch is to cancel all orders; 0
        where it has none.
    ordinary_burst : float
        Requests of cost 1 that may leave at once after a pause.
    """

    venue: str
    exchange: str
    is_perpetual: bool | None = False
    options: Mapping[str, Any] = field(default_factory=dict)
    client_ids: ClientIds = PLAIN
    client_id_key: str = "clientOrderId"
    finds_by_client_id: bool = False
    scan_filter: str = ""
    cancels_by_client_id: bool = False
    closed_needs_symbol: bool = False
    trade_filter: str = ""
    more_trades: Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]] | None = None
    funding_page: int = 0
    total_is_equity: bool = False
    is_authoritative: bool = False
    market_needs_price: bool = False
    deadline_key: str = ""
    fee_coin: str = ""
    buys_by_cost: bool = False
    refuses_at_limit: bool = False
    codes: tuple[Code, ...] = ()
    reads: tuple[str, ...] = ()
    silenced: tuple[str, ...] = ()
    permissions: Permissions | None = None
    wallet_withdraws: bool = False
    switch_s: float = 0.0
    ordinary_burst: float = 10.0
