"""KuCoin spot."""

from tutti.adapters.venues.by_ccxt.dialect import Dialect, Permissions
from tutti.adapters.venues.by_ccxt.reaction import Code, Reaction

KUCOIN = Dialect(
    venue="KUCOIN",
    exchange="kucoin",
    options={"defaultType": "spot", "fetchCurrencies": False, "fetchMarkets": {"types": ["spot"]}},
    finds_by_client_id=True,
    cancels_by_client_id=True,
    trade_filter="orderId",
    more_trades=lambda known: {"currentPage": len(known) // 50 + 1},
    is_authoritative=True,
    fee_coin="KCS",
    refuses_at_limit=True,
    codes=(
        Code(pattern=r'"code":\s*"?429000', reaction=Reaction.WAIT),
        Code(pattern=r'"code":\s*"?400002', reaction=Reaction.RETRY),
        Code(pattern=r'"code":\s*"?5\d\d', reaction=Reaction.RECONCILE),
        Code(pattern=r'"code":\s*"?200004', reaction=Reaction.FUNDS),
        # six digits are an answer of the order service, not of what stands before it
        Code(pattern=r'"code":\s*"?[1-4]\d{5}', reaction=Reaction.REJECT),
    ),
    permissions=Permissions(
        method="privateGetUserApiKey", withdraws="data.permission", words=("Transfer", "Withdrawal")
    ),
)
