"""Kraken spot.

``fetchOrder`` maps a client order id to ``userref`` while ``createOrder`` sends ``cl_ord_id``, so
orders are looked for among the open and closed ones, which can be asked for one ``cl_ord_id``.
"""

from tutti.adapters.venues.by_ccxt.dialect import Dialect, Permissions
from tutti.adapters.venues.by_ccxt.reaction import Code, Reaction

KRAKEN = Dialect(
    venue="KRAKEN",
    exchange="kraken",
    scan_filter="clientOrderId",
    cancels_by_client_id=True,
    # fifty at a time, newest first; times are rounded to seconds, in which more may be traded
    more_trades=lambda known: {"ofs": len(known)},
    deadline_key="deadline",
    is_authoritative=True,
    refuses_at_limit=True,
    codes=(
        Code(
            pattern=r"Rate limit exceeded|Temporary lockout|Too many requests",
            reaction=Reaction.WAIT,
        ),
        Code(pattern=r"Market in (post_only|cancel_only) mode", reaction=Reaction.RETRY),
        Code(pattern=r"EAPI:Invalid nonce", reaction=Reaction.RETRY),
        # internal errors and time-outs of the matching engine say nothing of the order
        Code(
            pattern=r"EService:(Unavailable|Busy|Deadline elapsed)|Internal error",
            reaction=Reaction.RECONCILE,
        ),
        Code(
            pattern=r'"error":\s*\["E(Order|Query|General|Funding|Trade):', reaction=Reaction.REJECT
        ),
    ),
    permissions=Permissions(
        method="privatePostGetApiKeyInfo",
        withdraws="result.permissions",
        words=("withdraw-funds",),
    ),
    switch_s=60.0,
    ordinary_burst=8.0,
)
