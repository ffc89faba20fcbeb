"""Arrays and decimals keep the same account, and it adds up."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.execution.terms import terms_of
from tutti.model.arrays import EQUITY, FEES_PAID, FUNDING_RECEIVED, TURNOVER
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import Fill, FundingPaid, Side
from tutti.portfolio.accounting import apply_fill, equity, mark, new_book, pay_funding
from tutti.portfolio.positions import Portfolio

pytestmark = pytest.mark.kernels

_INSTRUMENTS = [
    Instrument(
        id=InstrumentId(f"X{k}", venue),
        kind=InstrumentKind.PERPETUAL,
        price_step=Decimal(tick),
        quantity_step=Decimal(lot),
    )
    for k, (venue, tick, lot) in enumerate(
        [("A", "0.1", "0.001"), ("A", "0.00001", "100"), ("B", "0.25", "1")]
    )
]
_TERMS = terms_of(_INSTRUMENTS, ["A", "B"])
_LEADS = ("ada", "bob")
_START = Decimal(100_000)


@dataclass(frozen=True, kw_only=True)
class _Filled:
    i: int
    lots: int
    ticks: int
    fee: Decimal
    lead: int


@dataclass(frozen=True, kw_only=True)
class _Funded:
    i: int
    rate: Decimal


@dataclass(frozen=True, kw_only=True)
class _Marked:
    ticks: tuple[int, ...]


_TICKS = st.integers(1, 2_000_000)
_STEPS = st.one_of(
    st.builds(
        _Filled,
        i=st.sampled_from([0, 0, 1, 2]),
        lots=st.sampled_from([1, -1, 2, -2, 3, -50]),
        ticks=_TICKS,
        fee=st.decimals(-1, 5, places=6),
        lead=st.integers(0, 1),
    ),
    st.builds(_Funded, i=st.integers(0, 2), rate=st.decimals("-0.01", "0.01", places=6)),
    st.builds(_Marked, ticks=st.tuples(_TICKS, _TICKS, _TICKS)),
)


def _fill(step: _Filled) -> Fill:
    terms = _INSTRUMENTS[step.i]
    return Fill(
        id="f",
        order_id="o",
        instrument=terms.id,
        ts=10,
        side=Side.BUY if step.lots > 0 else Side.SELL,
        quantity=abs(step.lots) * terms.quantity_step,
        price=step.ticks * terms.price_step,
        fee=step.fee,
        is_maker=False,
        slippage_bps=0.0,
    )


@given(steps=st.lists(_STEPS, max_size=30))
def test_account_in_arrays_and_in_decimals_agree_and_add_up(
    steps: list[_Filled | _Funded | _Marked],
) -> None:
    book = new_book(3, 2, [float(_START), 0.0], 0)
    portfolio = Portfolio({"A": _START, "B": Decimal(0)})
    marks = [Decimal(1_000 * terms.price_step) for terms in _INSTRUMENTS]
    mark(book, _TERMS, np.array([float(price) for price in marks]), 5)
    paid = Decimal(0)
    lots = [0, 0, 0]
    realised = 0.0
    largest = float(_START)
    for step in steps:
        if isinstance(step, _Marked):
            marks = [
                ticks * terms.price_step
                for ticks, terms in zip(step.ticks, _INSTRUMENTS, strict=True)
            ]
            mark(book, _TERMS, np.array([float(price) for price in marks]), 20)
        elif isinstance(step, _Funded):
            terms = _INSTRUMENTS[step.i]
            amount = -lots[step.i] * terms.quantity_step * marks[step.i] * step.rate
            portfolio.fund(
                FundingPaid(instrument=terms.id, ts=15, rate=float(step.rate), amount=amount)
            )
            pay_funding(book, _TERMS, step.i, float(step.rate), float(marks[step.i]))
            paid -= amount
        else:
            fill = _fill(step)
            position = portfolio.apply(fill, _LEADS[step.lead])
            realised += apply_fill(
                book, _TERMS, step.i, step.lots, float(fill.price), float(fill.fee), 10, step.lead
            )
            lots[step.i] += step.lots
            paid += (fill.quantity if step.lots > 0 else -fill.quantity) * fill.price + fill.fee
            assert position.lead == ("" if not lots[step.i] else _LEADS[book.lead[step.i]])
            assert position.opened_at == book.opened_at[step.i]
            assert float(position.average_price) == pytest.approx(
                book.average_price[step.i], rel=1e-9
            )
        largest = max(largest, *(abs(lot * float(t)) for lot, t in zip(lots, marks, strict=True)))

    held = sum(
        (lot * terms.quantity_step * price
         for lot, terms, price in zip(lots, _INSTRUMENTS, marks, strict=True)),
        Decimal(0),
    )  # fmt: skip
    decimal = portfolio.equity(dict(zip((t.id for t in _INSTRUMENTS), marks, strict=True)))
    assert decimal == _START - paid + held

    scale = largest + float(portfolio.turnover)
    assert float(decimal) == pytest.approx(equity(book, _TERMS), abs=1e-9 * scale)
    assert [float(cash) for cash in portfolio.cash.values()] == pytest.approx(
        book.cash.tolist(), abs=1e-9 * scale
    )
    assert float(portfolio.realised) == pytest.approx(realised, abs=1e-9 * scale)
    assert float(portfolio.fees) == pytest.approx(book.account[FEES_PAID])
    assert float(portfolio.turnover) == pytest.approx(book.account[TURNOVER])
    assert float(portfolio.funding) == pytest.approx(
        book.account[FUNDING_RECEIVED], abs=1e-9 * scale
    )
    # every change of equity since the start belongs to a lead
    assert sum(book.agent_day) == pytest.approx(float(decimal - _START), abs=1e-9 * scale)
    for i, lot in enumerate(lots):
        assert book.lots[i] == lot
        if lot == 0:
            assert (book.average_price[i], book.opened_at[i], book.lead[i]) == (0.0, 0, -1)
    mark(book, _TERMS, np.full(3, np.nan), 30)
    assert book.account[EQUITY] == equity(book, _TERMS)


@given(steps=st.lists(_STEPS, max_size=30))
def test_closed_trades_and_open_positions_share_all_profit(
    steps: list[_Filled | _Funded | _Marked],
) -> None:
    portfolio = Portfolio({"A": _START, "B": Decimal(0)})
    for step in steps:
        if isinstance(step, _Filled):
            portfolio.apply(_fill(step), _LEADS[step.lead])
    closed = sum((trade.profit for trade in portfolio.trades), Decimal(0))
    still = sum((each.realised - each.fees for each in portfolio.positions()), Decimal(0))
    total = portfolio.realised - portfolio.fees
    assert abs(closed + still - total) <= Decimal("1e-12") * (1 + portfolio.turnover)
    for trade in portfolio.trades:
        sign = trade.side.sign
        gross = sign * trade.quantity * (trade.exit_price - trade.entry_price)
        assert abs(gross - trade.fees - trade.profit) <= Decimal("1e-12") * (1 + portfolio.turnover)
