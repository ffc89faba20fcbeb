"""The account in decimals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tutti.model.errors import InvariantBroken
from tutti.model.instrument import InstrumentId
from tutti.model.order import Fill, FundingPaid, Liquidated, Position, Side
from tutti.portfolio.positions import ClosedTrade, Portfolio

_BTC = InstrumentId("BTC-USD", "V")
_ETH = InstrumentId("ETH-USD", "W")


@pytest.fixture
def portfolio() -> Portfolio:
    """Return an account of 1000 at one venue and 500 at another."""
    return Portfolio({"V": Decimal(1_000), "W": Decimal(500)})


def _fill(  # a buy for a positive quantity
    quantity: str, price: str, fee: str = "0", ts: int = 10, instrument: InstrumentId = _BTC
) -> Fill:
    amount = Decimal(quantity)
    return Fill(
        id="f",
        order_id="o",
        instrument=instrument,
        ts=ts,
        side=Side.BUY if amount > 0 else Side.SELL,
        quantity=abs(amount),
        price=Decimal(price),
        fee=Decimal(fee),
        is_maker=False,
        slippage_bps=0.0,
    )


def test_first_fill_opens_a_position(portfolio: Portfolio) -> None:
    position = portfolio.apply(_fill("-2", "100", "0.5"), "trend")
    assert position == Position(
        instrument=_BTC,
        quantity=Decimal(-2),
        average_price=Decimal(100),
        opened_at=10,
        updated_at=10,
        realised=Decimal(0),
        fees=Decimal("0.5"),
        lead="trend",
    )
    assert portfolio.positions() == [position]
    assert portfolio.position(_BTC) == position
    assert portfolio.cash == {"V": Decimal("1199.5"), "W": Decimal(500)}
    assert (portfolio.fees, portfolio.turnover) == (Decimal("0.5"), Decimal(200))


def test_adding_moves_the_average_and_keeps_time_and_lead(portfolio: Portfolio) -> None:
    portfolio.apply(_fill("1", "100", "0.5"), "trend")
    position = portfolio.apply(_fill("3", "104", "0.5", ts=20), "other")
    assert (position.quantity, position.average_price) == (Decimal(4), Decimal(103))
    assert (position.opened_at, position.updated_at, position.lead) == (10, 20, "trend")
    assert position.fees == Decimal(1)


def test_reducing_realises_a_part(portfolio: Portfolio) -> None:
    portfolio.apply(_fill("-4", "100"), "trend")
    position = portfolio.apply(_fill("1", "90", "0.5", ts=20), "other")
    assert (position.quantity, position.average_price) == (Decimal(-3), Decimal(100))
    assert position.realised == portfolio.realised == Decimal(10)
    assert portfolio.trades == []


def test_closing_gives_a_trade_with_fees_and_funding(portfolio: Portfolio) -> None:
    portfolio.apply(_fill("4", "100", "0.4"), "trend")
    portfolio.apply(_fill("-1", "104", "0.1", ts=20), "x")
    portfolio.fund(FundingPaid(instrument=_BTC, ts=25, rate=0.01, amount=Decimal("-3")))
    position = portfolio.apply(_fill("-3", "108", "0.3", ts=30), "x")
    assert (position.quantity, position.average_price) == (Decimal(0), Decimal(0))
    assert (position.opened_at, position.lead) == (0, "")
    assert (position.realised, position.fees) == (Decimal(28), Decimal("0.8"))
    assert portfolio.trades == [
        ClosedTrade(
            instrument=_BTC,
            side=Side.BUY,
            quantity=Decimal(4),
            entry_price=Decimal(100),
            exit_price=Decimal(107),
            profit=Decimal("24.2"),
            fees=Decimal("0.8"),
            opened_at=10,
            closed_at=30,
            lead="trend",
        )
    ]
    assert portfolio.positions() == []
    assert portfolio.position(_BTC) is None
    assert portfolio.cash["V"] == Decimal("1024.2")
    assert portfolio.funding == Decimal(-3)


def test_turning_closes_one_trade_and_opens_another(portfolio: Portfolio) -> None:
    portfolio.apply(_fill("-2", "100"), "trend")
    position = portfolio.apply(_fill("3", "90", "0.9", ts=20), "other")
    assert (position.quantity, position.average_price) == (Decimal(1), Decimal(90))
    assert (position.opened_at, position.lead) == (20, "other")
    assert (position.realised, position.fees) == (Decimal(0), Decimal("0.3"))
    (trade,) = portfolio.trades
    assert (trade.side, trade.quantity, trade.lead) == (Side.SELL, Decimal(2), "trend")
    assert (trade.profit, trade.fees) == (Decimal("19.4"), Decimal("0.6"))


def test_position_opened_after_another_starts_from_nothing(portfolio: Portfolio) -> None:
    portfolio.apply(_fill("1", "100", "1"), "trend")
    portfolio.apply(_fill("-1", "110", "1"), "trend")
    position = portfolio.apply(_fill("1", "120", "1", ts=40), "other")
    assert (position.realised, position.fees, position.opened_at) == (Decimal(0), Decimal(1), 40)
    assert (portfolio.realised, portfolio.fees) == (Decimal(10), Decimal(3))


@pytest.mark.parametrize(("side", "held"), [(Side.SELL, "2"), (Side.BUY, "-2")])
def test_liquidation_closes_a_trade_of_the_positions_lead(
    portfolio: Portfolio, side: Side, held: str
) -> None:
    portfolio.apply(_fill(held, "100"), "trend")
    position = portfolio.liquidated(
        Liquidated(
            instrument=_BTC,
            ts=30,
            fill_id="l",
            side=side,
            quantity=Decimal(2),
            price=Decimal(100),
            fee=Decimal(5),
        )
    )
    assert position.quantity == 0
    (trade,) = portfolio.trades
    assert (trade.lead, trade.profit) == ("trend", Decimal(-5))


def test_equity_is_cash_and_positions_at_their_marks(portfolio: Portfolio) -> None:
    portfolio.apply(_fill("2", "100"), "trend")
    portfolio.apply(_fill("-1", "50", instrument=_ETH), "trend")
    portfolio.apply(_fill("1", "50", instrument=_ETH), "trend")
    assert portfolio.equity({_BTC: Decimal(110)}) == Decimal(1_520)


def test_equity_of_a_position_without_a_mark_breaks(portfolio: Portfolio) -> None:
    portfolio.apply(_fill("2", "100"), "trend")
    with pytest.raises(InvariantBroken, match=r"BTC-USD\.V is held and has no price"):
        portfolio.equity({})


def test_fill_where_there_is_no_account_breaks(portfolio: Portfolio) -> None:
    with pytest.raises(InvariantBroken, match="no account"):
        portfolio.apply(_fill("1", "1", instrument=InstrumentId("BTC-USD", "X")), "trend")


def test_positions_come_back_after_a_restart(portfolio: Portfolio) -> None:
    portfolio.apply(_fill("4", "100", "1"), "trend")
    portfolio.apply(_fill("-1", "110", "1", ts=20), "trend")
    again = Portfolio(portfolio.cash, portfolio.positions())
    assert again.positions() == portfolio.positions()
    assert again.equity({_BTC: Decimal(1)}) == portfolio.equity({_BTC: Decimal(1)})
    again.apply(_fill("-3", "120", "1", ts=30), "trend")
    (trade,) = again.trades
    assert (trade.profit, trade.fees, trade.opened_at) == (Decimal(67), Decimal(3), 10)


# ---- what no order explains ----


def test_adopted_position_is_booked_as_if_it_had_been_traded_without_a_fee(
    portfolio: Portfolio,
) -> None:
    position = portfolio.adopt(_BTC, Decimal(-2), Decimal(100), 10, "policy")
    assert (position.quantity, position.average_price) == (Decimal(-2), Decimal(100))
    assert (position.lead, position.fees) == ("policy", Decimal(0))
    assert portfolio.cash == {"V": Decimal(1_200), "W": Decimal(500)}
    assert portfolio.equity({_BTC: Decimal(100)}) == Decimal(1_500)


def test_position_that_is_adopted_away_is_closed(portfolio: Portfolio) -> None:
    portfolio.apply(_fill("2", "100"), "trend")
    position = portfolio.adopt(_BTC, Decimal(-2), Decimal(110), 20, "policy")
    assert position.quantity == 0
    assert portfolio.position(_BTC) is None
    assert portfolio.realised == Decimal(20)


def test_transfer_changes_the_cash_of_its_venue_and_nothing_else(portfolio: Portfolio) -> None:
    portfolio.transfer("W", Decimal("-100.5"))
    assert portfolio.cash == {"V": Decimal(1_000), "W": Decimal("399.5")}
    assert portfolio.turnover == 0
    with pytest.raises(InvariantBroken, match="no account at X"):
        portfolio.transfer("X", Decimal(1))
