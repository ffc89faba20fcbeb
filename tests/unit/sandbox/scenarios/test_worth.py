"""What money in several currencies is worth."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import HOUR
from tutti.model.order import FundingPaid
from tutti.sandbox.result import FillRow
from tutti.sandbox.scenarios.span import Course
from tutti.sandbox.scenarios.worth import profits, worth_of

if TYPE_CHECKING:
    from tutti.model.market import MarketBlock


def _fill(block: MarketBlock, t: int, instrument: int, quantity: int, price: str) -> FillRow:
    return FillRow(
        ts=int(block.ts[t]), instrument=instrument, side=1 if quantity > 0 else -1,
        quantity=Decimal(abs(quantity)), price=Decimal(price), fee=Decimal("0.5"), is_maker=False,
        slippage_bps=0.0, order_id="", reason="",
    )  # fmt: skip


@pytest.fixture
def flat(market: MarketBlock) -> MarketBlock:
    """Return five bars at 100, with a hole."""
    five = market.rows(0, 5)
    close = np.full((5, 3), 100.0)
    close[2, 0] = np.nan
    close[4, 0] = 110.0
    return replace(five, close=close)


def test_profit_is_cash_flows_and_holdings_at_the_last_known_close(flat: MarketBlock) -> None:
    paid = FundingPaid(
        instrument=flat.instruments[0], ts=int(flat.ts[3]), rate=0.0, amount=Decimal("-0.25")
    )
    found = profits(flat, [_fill(flat, 1, 0, 2, "101")], [paid])
    assert found[:, 0].tolist() == [0.0, -2.5, -2.5, -2.75, 17.25]
    assert (found[:, 1:] == 0.0).all()


def test_worth_is_by_the_currency_of_each_profit_and_each_venue(flat: MarketBlock) -> None:
    # two instruments in USDT at X, one in USD at Y; USDT halves after three bars
    half = Course.through(
        [(int(flat.known_at[3]) - HOUR // 2, 0.0), (int(flat.known_at[3]), np.log(0.5))]
    )
    profit = np.zeros((5, 3))
    profit[:, 0], profit[:, 2] = 10.0, 20.0
    found = worth_of(flat, profit, {"X": 100.0, "Y": 100.0}, {"USDT": half}, "USDT")
    assert found == pytest.approx([230.0, 230.0, 230.0, 175.0, 175.0])


def test_money_at_a_venue_without_the_accounts_currency_is_in_its_first_quote(
    flat: MarketBlock,
) -> None:
    gone = Course.through([(0, np.log(0.5))])
    found = worth_of(flat, np.zeros((5, 3)), {"X": 100.0, "Y": 100.0}, {"USDT": gone}, "EUR")
    assert found == pytest.approx(np.full(5, 150.0))
