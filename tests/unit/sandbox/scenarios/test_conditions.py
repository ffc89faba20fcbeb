"""Scenarios that find something to act on, and those that don't."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.sandbox.scenarios.conftest import START, STRUCK, Lay

from tutti.kernel.clock import DAY, HOUR
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.scenarios.catalogue import SCENARIOS
from tutti.sandbox.scenarios.conditions import conditions, currencies
from tutti.sandbox.scenarios.effects import Depeg, Effect, Funding, Outage, Shock, Spread
from tutti.sandbox.scenarios.scenario import DoesNotApply, Scenario
from tutti.sandbox.scenarios.span import Span
from tutti.universe.instruments import Universe

_DAY = Span("1d")


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [("BTC-USDT-PERP", ("BTC", "USDT")), ("eth-usd", ("ETH", "USD")), ("AAPL", ("AAPL", ""))],
)
def test_currencies_of_a_symbol_are_its_first_two_parts(symbol: str, pair: tuple[str, str]) -> None:
    assert currencies(symbol) == pair


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (Shock(size=-0.1, on=("DOGE*",)), "shock: on 'DOGE.' means no instrument of this run"),
        (Shock(size=-0.1, on=()), "shock: on names no instrument; there are BTC-USDT-PERP.X"),
        (Spread(factor=5.0, lasts=_DAY, on=("*", "nothing")), "'nothing' means no instrument"),
        (Depeg(low=0.9, currency="DAI"), "'DAI' is in no pair of this run; there are BTC, USDT"),
        (Outage(lasts=_DAY, venue="Z"), "nothing trades at venue 'Z'; there are X, Y"),
    ],
)
def test_effect_on_nothing_is_refused_with_what_there_is(
    lay: Lay, effect: Effect, said: str
) -> None:
    with pytest.raises(DoesNotApply, match=said):
        lay(effect)


def test_funding_without_time_between_settlements_is_refused(lay: Lay) -> None:
    with pytest.raises(ConfigError, match="every must be above 0; write every: 8h"):
        lay(Funding(rate=0.01, lasts=_DAY, every=Span("0")))


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (Funding(rate=0.01, lasts=_DAY), "only perpetuals pay funding"),
        (Depeg(low=0.9), "nothing here is quoted in a stablecoin; there are USD"),
    ],
)
def test_effect_that_spot_in_dollars_knows_nothing_of_does_not_apply(
    effect: Effect, said: str
) -> None:
    block = SimulatedMarket(
        [MarketSpec(instrument=InstrumentId("BTC-USD", "K"))], seed=1, step=HOUR, start=START
    ).next_block(100)
    with pytest.raises(DoesNotApply, match=said):
        conditions(
            Scenario(name="x", about="", effects=(effect,)),
            Universe.of_block(block).instruments, START, HOUR,
        )  # fmt: skip


def test_outage_without_a_name_is_at_the_first_venue_and_a_depeg_of_the_first_stablecoin(
    lay: Lay,
) -> None:
    under = lay(Outage(lasts=_DAY), Depeg(low=0.9)).under
    assert [each.venue for each in under.blackouts] == ["X"]
    assert list(under.worth) == ["USDT"]


def test_scenario_lasts_from_its_start_to_its_last_effect(lay: Lay) -> None:
    begins = START + STRUCK * HOUR
    under = lay(Spread(factor=2.0, lasts=_DAY), Shock(size=-0.1, over=Span("3d"))).under
    assert (under.start, under.end) == (begins, begins + 3 * DAY)


def test_instruments_moved_alike_share_a_course(lay: Lay) -> None:
    under = lay(Shock(size=-0.1), Shock(size=-0.2, on=("ETH*",))).under
    assert sorted(columns.tolist() for _, columns in under.courses) == [[0, 2], [1]]


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_every_scenario_that_comes_with_tutti_changes_something(lay: Lay, name: str) -> None:
    laid = lay(*SCENARIOS[name].effects)
    changed = len(laid.after) < len(laid.before) or any(
        not np.array_equal(getattr(laid.after, field), getattr(laid.before, field))
        for field in ("close", "volume", "funding")
    )
    assert changed


def test_scenario_that_starts_outside_the_bars_is_refused(lay: Lay) -> None:
    scenario = Scenario(name="late", about="", effects=(Shock(size=-0.1),), start=START - DAY)
    with pytest.raises(DoesNotApply, match=r"late: starts at 2023-12-31.*write at: 0.5"):
        scenario.begins(lay(Shock(size=-0.1)).before)


def test_scenario_begins_at_its_instant_or_at_its_fraction_of_the_bars(lay: Lay) -> None:
    block = lay(Shock(size=-0.1)).before
    dated = Scenario(name="dated", about="", effects=(Shock(size=-0.1),), start=START + 7)
    half = Scenario(name="half", about="", effects=(Shock(size=-0.1),))
    assert dated.begins(block) == START + 7
    assert half.begins(block) == int(block.ts[120])


def test_scenario_without_effects_or_beyond_the_bars_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no effects"):
        Scenario(name="idle", about="", effects=())
    with pytest.raises(ConfigError, match="at must be in"):
        Scenario(name="never", about="", effects=(Shock(size=-0.1),), at=1.0)


def test_scenario_as_json_says_what_a_file_would() -> None:
    plain = SCENARIOS["market_crash"].to_dict()
    assert plain["at"] == 0.5
    assert plain["start"] is None
    shock = plain["effects"][0]["shock"]
    assert shock["size"] == -0.2
    assert shock["over"] == "4h"
