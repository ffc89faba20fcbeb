"""What an account came to be worth where a currency lost its peg."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.ledger.records import decode
from tutti.model.order import FundingPaid
from tutti.sandbox.scenarios.conditions import currencies
from tutti.sandbox.scenarios.worth import profits, worth_of

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.build import Plan
    from tutti.app.config import Config
    from tutti.app.tiers import Outcome
    from tutti.model.market import FloatArray, MarketBlock
    from tutti.sandbox.scenarios.conditions import Conditions


def account_worth(
    config: Config,
    plan: Plan,
    block: MarketBlock,
    outcome: Outcome,
    folder: Path,
    under: Conditions,
) -> FloatArray:
    """Return the account's value at every close in a currency that kept its worth.

    Parameters
    ----------
    block : MarketBlock
        That ``outcome`` was run on.
    folder : Path
        Of the run's ledger, which says what funding was paid on what.
    """
    with SqliteLedgerReader(folder) as ledger:
        funding = [decode(row, FundingPaid) for row in ledger.rows(kinds=["funding"])]
    return worth_of(
        block,
        profits(block, outcome.fills, funding),
        {venue: float(cash) for venue, cash in plan.balances.items()},
        under.worth,
        config.quote_currency,
    )


def worth_of_unit(block: MarketBlock, under: Conditions) -> FloatArray | None:
    """Return what a unit of the account is worth at every close, shape (t,).

    None where instruments are quoted in different currencies: there is no such unit then.
    """
    quotes = {currencies(each.symbol)[1] for each in block.instruments}
    if len(quotes) > 1:
        return None
    (quote,) = quotes
    if quote not in under.worth:
        return np.ones(len(block))
    worth: FloatArray = np.exp(under.worth[quote].at(block.known_at))
    return worth
