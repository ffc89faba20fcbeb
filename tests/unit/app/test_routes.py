"""Routes of the configuration, and the money that their venues share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tutti.app.build import Plan, plan_of
from tutti.app.config import Config, override
from tutti.app.restore import fresh_account, restored_account
from tutti.app.routes import routes_of
from tutti.app.tiers import run_fast
from tutti.engine.run import Route
from tutti.execution.router.split import Strategy
from tutti.kernel.clock import HOUR
from tutti.ledger.fold import LedgerState
from tutti.model.errors import ConfigError
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import MarketBlock
from tutti.model.order import Position

_NAMES = ("BTC-USDT-PERP.A", "ETH-USDT-PERP.B", "BTC-USDT-PERP.B", "BTC-USDT-PERP.C")


def _instruments(**steps: str) -> list[Instrument]:
    return [
        Instrument(
            id=InstrumentId.parse(name),
            kind=InstrumentKind.PERPETUAL,
            price_step=Decimal("0.01"),
            quantity_step=Decimal(steps.get(name[-1], "0.001")),
            max_leverage=Decimal(20),
        )
        for name in _NAMES
    ]


def _config(*ids: str, strategy: str = "best_price", name: str = _NAMES[0]) -> Config:
    return override(Config(), {"routes": {name: {"strategy": strategy, "instruments": list(ids)}}})


def _plan(*ids: str, **steps: str) -> Plan:
    return plan_of(_config(*ids), _instruments(**steps), HOUR)


def test_legs_come_in_the_order_of_the_list() -> None:
    config = _config(_NAMES[3], _NAMES[0], strategy="priority")
    assert routes_of(config, _instruments()) == (
        Route(column=0, legs=(3, 0), strategy=Strategy.PRIORITY),
    )


def test_instrument_that_is_decided_on_is_a_leg_without_being_listed() -> None:
    (route,) = routes_of(_config(_NAMES[2], _NAMES[3]), _instruments())
    assert route.legs == (0, 2, 3)


def test_configuration_without_routes_has_none() -> None:
    assert plan_of(Config(), _instruments(), HOUR).setup.routes == ()


@pytest.mark.parametrize(
    ("config", "steps", "said"),
    [
        (
            _config("BTC-USDT-PERP.X"),
            {},
            "routes.BTC-USDT-PERP.A names BTC-USDT-PERP.X, which this run does not trade",
        ),
        (
            _config(_NAMES[2], name="SOL-USDT-PERP.A"),
            {},
            "routes.SOL-USDT-PERP.A names SOL-USDT-PERP.A, which this run does not trade",
        ),
        (_config(_NAMES[1], _NAMES[2]), {}, "two instruments are at B; name one a venue"),
        (
            _config(_NAMES[2]),
            {"B": "0.0001"},
            "name the route after the instrument with the finest",
        ),
    ],
    ids=["unknown leg", "unknown name", "twice at a venue", "finer step"],
)
def test_route_that_can_not_be_is_refused(config: Config, steps: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        routes_of(config, _instruments(**steps))


def test_instrument_belongs_to_one_route() -> None:
    legs = {"instruments": [_NAMES[3]]}
    config = override(Config(), {"routes": {_NAMES[0]: legs, _NAMES[2]: legs}})
    with pytest.raises(ConfigError, match=r"is in routes\.BTC-USDT-PERP\.A already"):
        routes_of(config, _instruments())


def test_spot_does_not_stand_for_a_contract() -> None:
    instruments = _instruments()
    spot = Instrument(
        id=InstrumentId("BTC-USDT", "D"), kind=InstrumentKind.SPOT,
        price_step=Decimal("0.01"), quantity_step=Decimal("0.001"),
    )  # fmt: skip
    with pytest.raises(ConfigError, match="a route is of one kind"):
        routes_of(_config("BTC-USDT.D"), [*instruments, spot])


def test_venues_of_a_route_share_their_money() -> None:
    plan = _plan(_NAMES[3])
    assert plan.venues == ("A", "B", "C")
    assert plan.setup.terms.venue.tolist() == [0, 1, 1, 0]
    account = fresh_account(plan, (), 0)
    third = 10_000 / 3
    assert account.book.cash.tolist() == pytest.approx([2 * third, third, 0.0])
    assert list(account.portfolio.cash) == ["A", "B", "C"]


def test_what_the_venues_of_a_route_hold_is_one_position_after_a_restart() -> None:
    plan = _plan(_NAMES[2], _NAMES[3], C="0.01")

    def held(k: int, quantity: str, price: int, opened_at: int, lead: str) -> Position:
        return Position(
            instrument=InstrumentId.parse(_NAMES[k]), quantity=Decimal(quantity),
            average_price=Decimal(price), opened_at=opened_at, updated_at=9,
            realised=Decimal(0), fees=Decimal(0), lead=lead,
        )  # fmt: skip

    state = LedgerState(
        run_id="paper",
        cash={name: Decimal(1000) for name in "ABC"},
        positions={
            _NAMES[0]: held(0, "0.5", 100, 7, "vpin"),
            _NAMES[1]: held(1, "2", 50, 3, "vpin"),
            _NAMES[3]: held(3, "1.5", 120, 5, "other"),
        },
    )
    account = restored_account(plan, ("vpin", "other"), state, HOUR)
    book = account.book
    assert book.lots.tolist() == [2000, 2000, 0, 0]
    assert book.average_price.tolist() == pytest.approx([115.0, 50.0, 0.0, 0.0])
    assert book.opened_at.tolist() == [5, 3, 0, 0]
    assert book.lead.tolist() == [1, 0, -1, -1]
    assert book.cash.tolist() == [3000.0, 0.0, 0.0]
    assert {str(each.instrument) for each in account.portfolio.positions()} == {
        _NAMES[0], _NAMES[1], _NAMES[3],
    }  # fmt: skip


def test_venues_that_hold_against_each_other_have_a_price_after_a_restart() -> None:
    # without one, no order to close them would pass the review
    def held(k: int, quantity: str, price: int) -> Position:
        return Position(
            instrument=InstrumentId.parse(_NAMES[k]), quantity=Decimal(quantity),
            average_price=Decimal(price), opened_at=7, updated_at=9,
            realised=Decimal(0), fees=Decimal(0), lead="vpin",
        )  # fmt: skip

    state = LedgerState(
        run_id="paper",
        cash={name: Decimal(1000) for name in "ABC"},
        positions={_NAMES[0]: held(0, "2", 100), _NAMES[3]: held(3, "-2", 120)},
    )
    book = restored_account(_plan(_NAMES[3]), ("vpin",), state, HOUR).book
    assert book.lots.tolist() == [0, 0, 0, 0]
    assert book.average_price[0] == 0.0
    assert (book.mark[0], book.marked_at[0]) == (110.0, -1)


def test_flat_route_is_flat_after_a_restart() -> None:
    state = LedgerState(run_id="paper", cash={name: Decimal(1000) for name in "ABC"})
    book = restored_account(_plan(_NAMES[3]), (), state, HOUR).book
    assert not book.lots.any()


def test_fast_tier_refuses_routes() -> None:
    nothing: Any = np.zeros((0, 4))
    block = MarketBlock(
        instruments=tuple(InstrumentId.parse(name) for name in _NAMES),
        ts=np.zeros(0, np.int64), step=HOUR, open=nothing, high=nothing, low=nothing,
        close=nothing, volume=nothing, funding=nothing,
    )  # fmt: skip
    config = _config(_NAMES[3])
    with pytest.raises(ConfigError, match="routes: the fast tier trades each instrument"):
        run_fast(config, _plan(_NAMES[3]), block, lambda done, total, note: None)
