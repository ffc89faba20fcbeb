"""Binance spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.adapters.venues.by_ccxt.dialect import Dialect, Permissions
from tutti.adapters.venues.by_ccxt.reaction import Code, Reaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BINANCE_CODES = (
    # -1006, -1007: the answer from the matching engine did not come; -1001: it was cut off
    Code(pattern=r'"code":\s*-100[167]\b', reaction=Reaction.RECONCILE),
    # too many requests, too many orders, overloaded: told before the order is looked at
    Code(pattern=r'"code":\s*-10(03|08|15)\b', reaction=Reaction.WAIT),
    # the clock is off: not looked at either
    Code(pattern=r'"code":\s*-1021\b', reaction=Reaction.RETRY),
    Code(pattern=r'"code":\s*-(2018|2019)\b', reaction=Reaction.FUNDS),
    # 11xx is about the request, 2xxx to 5xxx about the order: answers, whatever ccxt calls them
    Code(
        pattern=r'"code":\s*-(101[0-4]|1022|11\d\d|20[^1]\d|2010|[45]\d{3})\b',
        reaction=Reaction.REJECT,
    ),
)


def later_trades(known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what asks for the trades after those that are known: they come oldest first."""
    return {"fromId": max(int(each["id"]) for each in known) + 1}


BINANCE = Dialect(
    venue="BINANCE",
    exchange="binance",
    options={
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "fetchCurrencies": False,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
        "recvWindow": 5000,
    },
    finds_by_client_id=True,
    cancels_by_client_id=True,
    closed_needs_symbol=True,
    trade_filter="orderId",
    more_trades=later_trades,
    is_authoritative=True,
    fee_coin="BNB",
    refuses_at_limit=True,
    codes=BINANCE_CODES,
    permissions=Permissions(method="sapiGetAccountApiRestrictions", withdraws="enableWithdrawals"),
    ordinary_burst=20.0,
)
