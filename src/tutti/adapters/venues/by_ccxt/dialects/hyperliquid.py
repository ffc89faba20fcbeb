"""Hyperliquid perpetuals.

A market order is an immediate-or-cancel limit order with a bound on its price. ccxt would sign the
approval of its builder and a referral with the user's key before the first order, and name its
builder in each: all of that is off.
"""

from tutti.adapters.venues.by_ccxt.client_ids import HEX
from tutti.adapters.venues.by_ccxt.dialect import Dialect
from tutti.adapters.venues.by_ccxt.reaction import Code, Reaction

HYPERLIQUID = Dialect(
    venue="HYPERLIQUID",
    exchange="hyperliquid",
    is_perpetual=True,
    options={
        "builderFee": False,
        "refSet": True,
        "defaultSlippage": 0.01,
        "fetchMarkets": {"types": ["swap"]},
    },
    client_ids=HEX,
    finds_by_client_id=True,
    cancels_by_client_id=True,
    total_is_equity=True,
    is_authoritative=True,
    market_needs_price=True,
    refuses_at_limit=True,
    codes=(
        Code(pattern=r"Too many cumulative requests", reaction=Reaction.WAIT),
        Code(pattern=r"Insufficient margin|Insufficient spot", reaction=Reaction.FUNDS),
        Code(pattern=r'"status":\s*"err"|"error":\s*"', reaction=Reaction.REJECT),
    ),
    reads=("/info",),
    silenced=("initialize_client",),
    wallet_withdraws=True,
    switch_s=60.0,
)
