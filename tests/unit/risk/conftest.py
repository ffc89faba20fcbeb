"""Accounts to test risk on: two perpetuals and a spot at one venue, a perpetual at another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from tutti.model.arrays import (
    DAY_START_EQUITY,
    EQUITY,
    PEAK_EQUITY,
    Book,
    Terms,
)

NOW = 1_700_000_000_000_000_000

MakeBook: TypeAlias = Callable[..., Book]


@pytest.fixture
def terms() -> Terms:
    """Return the terms of BTC, ETH (perpetuals), SOL (spot) at venue 0 and XRP (perpetual) at 1."""
    return Terms(
        lot=np.array([0.001, 0.01, 0.1, 1.0]),
        tick=np.array([0.1, 0.01, 0.01, 0.0001]),
        min_lots=np.ones(4, np.int64),
        min_notional=np.full(4, 5.0),
        maker_fee=np.full(4, 0.0002),
        taker_fee=np.full(4, 0.0005),
        is_perpetual=np.array([1, 1, 0, 1]),
        max_leverage=np.array([20.0, 10.0, 1.0, 5.0]),
        maintenance_margin=np.array([0.01, 0.02, 0.0, 0.05]),
        venue=np.array([0, 0, 0, 1]),
    )


@pytest.fixture
def make_book(terms: Terms) -> MakeBook:
    """Return a maker of books: lots by column, cash by venue, marks 50,000, 2,500, 100 and 0.5."""

    def make(
        lots: dict[int, int] | None = None,
        *,
        cash: tuple[float, float] = (10_000.0, 10_000.0),
        average: dict[int, float] | None = None,
        working: dict[int, int] | None = None,
    ) -> Book:
        book = Book(
            lots=np.zeros(4, np.int64),
            average_price=np.zeros(4),
            opened_at=np.zeros(4, np.int64),
            closed_at=np.zeros(4, np.int64),
            paused_until=np.zeros(4, np.int64),
            lead=np.full(4, -1),
            mark=np.array([50_000.0, 2_500.0, 100.0, 0.5]),
            marked_at=np.full(4, NOW),
            working=np.zeros(4, np.int64),
            cash=np.array(cash),
            agent_day=np.zeros(2),
            account=np.zeros(8),
        )
        for i, count in (lots or {}).items():
            book.lots[i] = count
            book.average_price[i] = (average or {}).get(i, book.mark[i])
            book.opened_at[i] = NOW
            # bought at the mark: equity stays what the cash was
            book.cash[terms.venue[i]] -= count * terms.lot[i] * book.mark[i]
        for i, count in (working or {}).items():
            book.working[i] = count
        book.account[[EQUITY, PEAK_EQUITY, DAY_START_EQUITY]] = sum(cash)
        return book

    return make
