"""Coinbase Advanced.

ccxt drops ``clientOrderId`` here and makes one up; only ``client_order_id`` gets through. Orders
can't be asked for by it, so they are looked for among the open and closed ones and in the fills.
"""

from tutti.adapters.venues.by_ccxt.client_ids import UUID
from tutti.adapters.venues.by_ccxt.dialect import Dialect, Permissions
from tutti.adapters.venues.by_ccxt.reaction import Code, Reaction

COINBASE = Dialect(
    venue="COINBASE",
    exchange="coinbase",
    options={"fetchCurrencies": False},
    client_ids=UUID,
    client_id_key="client_order_id",
    trade_filter="order_ids",
    is_authoritative=True,
    buys_by_cost=True,
    refuses_at_limit=True,
    codes=(
        Code(pattern=r"INSUFFICIENT_FUND", reaction=Reaction.FUNDS),
        # a refusal comes as an answer: "success": false, with its reason
        Code(pattern=r'"success":\s*false|"error_response"', reaction=Reaction.REJECT),
        Code(pattern=r'"error":\s*"(invalid_|validation_|param_)', reaction=Reaction.REJECT),
    ),
    permissions=Permissions(method="v3PrivateGetBrokerageKeyPermissions", withdraws="can_transfer"),
)
