"""The account that a ledger adds up to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.app.build import plan_of
from tutti.app.config import Config
from tutti.app.restore import fresh_account, moved_cash, restored_account
from tutti.kernel.clock import DAY, HOUR
from tutti.ledger.fold import LedgerState
from tutti.ledger.kinds import AccountState, ModeChange
from tutti.model.arrays import (
    DAY_NUMBER,
    DAY_START_EQUITY,
    EQUITY,
    FEES_PAID,
    FLATTEN,
    FUNDING_RECEIVED,
    MODE,
    PEAK_EQUITY,
    TRADING,
    TURNOVER,
)
from tutti.model.errors import ConfigError, InvariantBroken
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import (
    Order,
    OrderFilled,
    OrderIntent,
    OrderStatus,
    OrderType,
    Position,
    Reason,
    Side,
)
from tutti.portfolio.accounting import mark
from tutti.risk.breakers import update_mode
from tutti.risk.review import RULES, Proposals, objections

if TYPE_CHECKING:
    from tutti.app.build import Plan

BTC, ETH = (InstrumentId(f"{name}-USDT-PERP", "SIM") for name in ("BTC", "ETH"))
_NOW = 100 * DAY + 5 * HOUR


@pytest.fixture
def plan() -> Plan:
    instruments = [
        Instrument(
            id=each, kind=InstrumentKind.PERPETUAL, price_step=Decimal("0.01"),
            quantity_step=Decimal("0.001"), max_leverage=Decimal(20),
        )
        for each in (BTC, ETH)
    ]  # fmt: skip
    return plan_of(Config(), instruments, HOUR)


def _position(instrument: InstrumentId, quantity: str, **changes: Any) -> Position:
    values: dict[str, Any] = {
        "instrument": instrument, "quantity": Decimal(quantity), "average_price": Decimal(100),
        "opened_at": 7, "updated_at": 9, "realised": Decimal(1), "fees": Decimal("0.5"),
        "lead": "vpin",
    }  # fmt: skip
    return Position(**(values | changes))


def _state(**changes: Any) -> LedgerState:
    return LedgerState(**({"run_id": "paper", "cash": {"SIM": Decimal(9000)}} | changes))


def test_fresh_account_holds_the_balances_and_nothing_else(plan: Plan) -> None:
    account = fresh_account(plan, ("vpin", "news", "macro"), _NOW)
    assert account.portfolio.cash == {"SIM": Decimal(10_000)}
    assert account.portfolio.positions() == []
    assert account.book.cash.tolist() == [10_000.0]
    assert account.book.agent_day.tolist() == [0.0] * 3
    assert account.book.account[DAY_NUMBER] == 100
    assert account.orders.is_idle


def test_restored_account_holds_what_the_ledger_does(plan: Plan) -> None:
    state = _state(
        positions={str(BTC): _position(BTC, "-1.5"), str(ETH): _position(ETH, "0")},
        mode=ModeChange(mode="flatten", reason=""),
        account=AccountState(
            equity=9_500.0, peak_equity=11_000.0, day=99, day_start_equity=9_900.0, fees=12.0,
            funding=-3.0, turnover=4_000.0, agent_day={"vpin": -44.0, "gone": 1.0},
        ),
    )  # fmt: skip
    account = restored_account(plan, ("momentum_hunter", "vpin"), state, _NOW)
    book = account.book
    assert book.lots.tolist() == [-1500, 0]
    assert (book.average_price[0], book.opened_at[0], book.lead[0]) == (100.0, 7, 1)
    # a flat one remembers when it was closed: the instrument rests for a while
    assert book.closed_at.tolist() == [0, 9]
    assert [position.quantity for position in account.portfolio.positions()] == [Decimal("-1.5")]
    assert account.portfolio.cash == {"SIM": Decimal(9000)}
    figures = {
        EQUITY: 9_500.0, PEAK_EQUITY: 11_000.0, DAY_NUMBER: 99.0, DAY_START_EQUITY: 9_900.0,
        MODE: FLATTEN, FEES_PAID: 12.0, FUNDING_RECEIVED: -3.0, TURNOVER: 4_000.0,
    }  # fmt: skip
    assert {index: book.account[index] for index in figures} == figures
    assert book.agent_day.tolist() == [0.0, -44.0, 1.0]
    assert account.agents == ("momentum_hunter", "vpin", "gone")


def _figures(**agent_day: float) -> AccountState:
    return AccountState(
        equity=9_500.0, peak_equity=9_900.0, day=100, day_start_equity=9_900.0, fees=0.0,
        funding=0.0, turnover=0.0, agent_day=agent_day,
    )  # fmt: skip


def test_agent_that_left_keeps_its_loss_of_the_day_and_has_it_on_its_return(plan: Plan) -> None:
    state = _state(account=_figures(vpin=-400.0, news=0.0))
    away = restored_account(plan, ("momentum_hunter",), state, _NOW)
    assert dict(zip(away.agents, away.book.agent_day.tolist(), strict=True)) == {
        "momentum_hunter": 0.0,
        "vpin": -400.0,
    }
    back = restored_account(plan, ("vpin", "momentum_hunter"), state, _NOW)
    assert dict(zip(back.agents, back.book.agent_day.tolist(), strict=True)) == {
        "vpin": -400.0,
        "momentum_hunter": 0.0,
    }


def test_position_of_an_agent_that_left_goes_on_counting_for_it(plan: Plan) -> None:
    state = _state(positions={str(BTC): _position(BTC, "1")}, account=_figures(vpin=0.0))
    account = restored_account(plan, ("momentum_hunter",), state, _NOW)
    assert account.agents[account.book.lead[0]] == "vpin"


def test_order_of_an_agent_that_left_will_count_for_it(plan: Plan) -> None:
    intent = OrderIntent(
        id="a" * 32, instrument=BTC, as_of=1, side=Side.BUY, quantity=Decimal(3),
        type=OrderType.MARKET, price=None, reference_price=Decimal(100), reason=Reason.ENTRY,
        lead="vpin", reduces=False,
    )  # fmt: skip
    order = Order(
        id=intent.id, instrument=BTC, side=Side.BUY, quantity=Decimal(3), type=OrderType.MARKET,
        price=None, status=OrderStatus.ACCEPTED, created_at=1, updated_at=2,
    )  # fmt: skip
    state = _state(
        open_orders={order.id: order}, intents={order.id: intent}, account=_figures(vpin=0.0)
    )
    assert restored_account(plan, (), state, _NOW).agents == ("vpin",)


def test_loss_of_an_agent_that_left_ends_with_a_resume(plan: Plan) -> None:
    state = _state(account=_figures(vpin=-400.0), is_reset=True)
    assert restored_account(plan, (), state, _NOW).agents == ()


def test_position_of_an_agent_that_left_is_the_policys(plan: Plan) -> None:
    state = _state(positions={str(BTC): _position(BTC, "1")})
    assert restored_account(plan, (), state, _NOW).book.lead[0] == -1


def test_account_that_was_killed_before_its_first_figures_starts_with_its_cash(plan: Plan) -> None:
    account = restored_account(plan, (), _state(), _NOW)
    assert account.book.account[EQUITY] == account.book.account[PEAK_EQUITY] == 9000.0


def test_order_that_was_open_is_open_with_the_fills_that_were_booked(plan: Plan) -> None:
    order = Order(
        id="a" * 32, instrument=BTC, side=Side.BUY, quantity=Decimal(3), type=OrderType.MARKET,
        price=None, status=OrderStatus.PARTIALLY_FILLED, created_at=1, updated_at=2,
        filled=Decimal(1), average_price=Decimal(100),
    )  # fmt: skip
    state = _state(
        open_orders={order.id: order}, fills={order.id: {"trade-1000"}, "other": {"trade-5"}}
    )
    orders = restored_account(plan, (), state, _NOW).orders
    assert orders.open() == (order,)

    def fill(fill_id: str) -> OrderFilled:
        return OrderFilled(
            order_id=order.id, ts=3, fill_id=fill_id, quantity=Decimal(1), price=Decimal(100),
            fee=Decimal(0), is_maker=False,
        )  # fmt: skip

    assert orders.apply(fill("trade-1000")) is None
    after = orders.apply(fill("trade-5"))
    assert after is not None
    assert after.filled == 2
    with pytest.raises(InvariantBroken):
        orders.add(order)


def test_order_that_ended_is_known_with_its_fills(plan: Plan) -> None:
    order = Order(
        id="b" * 32, instrument=BTC, side=Side.BUY, quantity=Decimal(3), type=OrderType.MARKET,
        price=None, status=OrderStatus.FILLED, created_at=1, updated_at=2,
        filled=Decimal(3), average_price=Decimal(100),
    )  # fmt: skip
    state = _state(ended={order.id: order}, fills={order.id: {"trade-7"}})
    orders = restored_account(plan, (), state, _NOW).orders
    assert orders.is_idle
    again = OrderFilled(
        order_id=order.id, ts=3, fill_id="trade-7", quantity=Decimal(3), price=Decimal(100),
        fee=Decimal(0), is_maker=False,
    )  # fmt: skip
    assert orders.apply(again) is None


@pytest.mark.parametrize(
    ("position", "message"),
    [
        pytest.param(
            _position(InstrumentId("SOL-USDT-PERP", "SIM"), "1"),
            r"holds 1 of SOL-USDT-PERP.SIM, which this configuration doesn't trade",
            id="not-traded",
        ),
        pytest.param(
            _position(BTC, "1.0005"), r"no multiple of the quantity step 0.001", id="off-the-step"
        ),
    ],
)
def test_position_that_does_not_fit_is_refused(
    plan: Plan, position: Position, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        restored_account(plan, (), _state(positions={str(position.instrument): position}), _NOW)


# ---- venues that come and go ----


def _at(*venues: str) -> Plan:
    instruments = [
        Instrument(
            id=InstrumentId("BTC-USDT-PERP", name), kind=InstrumentKind.PERPETUAL,
            price_step=Decimal("0.01"), quantity_step=Decimal("0.001"), max_leverage=Decimal(20),
        )
        for name in venues
    ]  # fmt: skip
    return plan_of(Config(), instruments, HOUR)


def _cash(**amounts: int) -> dict[str, Decimal]:
    return {name: Decimal(amount) for name, amount in amounts.items()}


def test_account_whose_venues_are_the_same_moves_nothing() -> None:
    assert moved_cash(_at("A", "B"), _state(cash=_cash(A=10, B=0)), _NOW) == ()


def test_new_venue_gets_an_equal_share_of_each_of_the_others() -> None:
    state = _state(cash=_cash(A=6000, B=3000))
    moved = moved_cash(_at("A", "B", "C"), state, _NOW)
    assert state.cash == _cash(A=4000, B=2000, C=3000)
    assert [(each.venue, int(each.amount)) for each in moved] == [
        ("A", -2000), ("C", 2000), ("B", -1000), ("C", 1000),
    ]  # fmt: skip
    assert {each.ts for each in moved} == {_NOW}
    assert "from A to C" in moved[0].detail


def test_what_a_short_sale_brought_in_is_not_moved() -> None:
    state = _state(cash=_cash(A=6000), positions={"x": _position(InstrumentId("X", "A"), "-20")})
    moved_cash(_at("A", "B"), state, _NOW)
    assert state.cash == _cash(A=4000, B=2000)


def test_venue_without_free_cash_gives_none() -> None:
    state = _state(cash=_cash(A=-50, B=3000))
    moved_cash(_at("A", "B", "C"), state, _NOW)
    assert state.cash == _cash(A=-50, B=2000, C=1000)


def test_cash_of_a_venue_that_goes_moves_to_one_that_stays() -> None:
    state = _state(cash=_cash(A=6000, B=3000, C=0))
    moved = moved_cash(_at("B"), state, _NOW)
    assert state.cash == _cash(A=0, B=9000, C=0)
    assert sum(each.amount for each in moved) == 0


def test_cash_moves_on_when_all_venues_are_new() -> None:
    state = _state(cash=_cash(A=6000))
    moved_cash(_at("B", "C"), state, _NOW)
    assert state.cash["A"] == 0
    assert sum(state.cash.values()) == 6000


def test_what_is_not_traded_any_more_is_left_behind_where_that_is_asked_for(plan: Plan) -> None:
    dust = _position(InstrumentId("SOL-USDT", "SIM"), "0.01")
    state = _state(positions={str(BTC): _position(BTC, "1"), "SOL-USDT.SIM": dust})
    account = restored_account(plan, (), state, _NOW, leaves_behind=True)
    assert [each.instrument for each in account.portfolio.positions()] == [BTC]
    assert account.portfolio.cash == {"SIM": Decimal(9000)}
    with pytest.raises(ConfigError, match=r"holds 0\.01 of SOL-USDT\.SIM"):
        restored_account(plan, (), state, _NOW)


def test_holding_is_valued_at_what_it_cost_until_there_is_a_price(plan: Plan) -> None:
    # a venue that is down at a restart: equity that nobody knows would close everything else
    state = _state(positions={str(ETH): _position(ETH, "2")})
    book = restored_account(plan, (), state, _NOW).book
    terms, limits = plan.setup.terms, plan.setup.rules.limits
    assert (book.mark[1], book.marked_at[1]) == (100.0, -1)
    mark(book, terms, np.array([50.0, np.nan]), _NOW)
    update_mode(book, limits, _NOW)
    assert book.account[EQUITY] == 9_200.0
    assert book.account[MODE] == TRADING
    # and nothing is sent on such a price
    wanted = Proposals(np.array([-2000]), np.array([1]), np.array([-1]))
    findings = objections(wanted, book, terms, limits, np.zeros(2, np.int64), _NOW)
    assert RULES[findings.codes[0]] == "stale_data"
