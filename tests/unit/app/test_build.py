"""What a configuration makes of a run."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tutti.agents.aggregation import Aggregation
from tutti.app.build import (
    analysis_of,
    costs_are_shared,
    plan_of,
    policy_of,
    rules_of,
    venues_of,
)
from tutti.app.config import Config, override
from tutti.app.seats import seats_of
from tutti.execution.matching import LIMIT, MARKET
from tutti.kernel.clock import HOUR, SECOND
from tutti.model.errors import ConfigError
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.policy.ema_cross import EmaCross
from tutti.policy.hybrid import HybridPolicy
from tutti.risk.care import MAX_VENUES


def _instrument(name: str) -> Instrument:
    return Instrument(
        id=InstrumentId.parse(name),
        kind=InstrumentKind.PERPETUAL,
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.001"),
    )


_BOTH = (_instrument("BTC-USDT-PERP.A"), _instrument("ETH-USDT-PERP.B"))


def _config(**changes: Any) -> Config:
    return override(Config(), {key.replace("__", "."): value for key, value in changes.items()})


def test_plan_gives_each_venue_its_costs_and_its_share() -> None:
    config = _config(
        venues={
            "default": {"half_spread_bps": 2, "latency_ms": 1.5},
            "B": {"half_spread_bps": 7, "participation": 0.3, "starting_balance": 3000},
        }
    )
    plan = plan_of(config, _BOTH, HOUR)
    assert plan.venues == ("A", "B")
    assert plan.balances == {"A": Decimal(7000), "B": Decimal(3000)}
    assert plan.setup.terms.venue.tolist() == [0, 1]
    for name, participation in (("A", 0.1), ("B", 0.3)):
        costs = plan.venue_costs[name]
        assert costs.half_spread_bps.tolist() == [2.0, 7.0]
        assert costs.participation == participation
        assert costs.latency_ns == 1_500_000
    assert not costs_are_shared(plan)
    venues = venues_of(config, plan)
    assert venues["B"].balances() == {"USDT": Decimal(3000)}
    assert plan.instruments == _BOTH


def test_spreads_may_differ_where_costs_are_shared() -> None:
    config = _config(venues={"A": {"half_spread_bps": 2}, "B": {"half_spread_bps": 7}})
    assert costs_are_shared(plan_of(config, _BOTH, HOUR))


def test_balance_is_split_evenly_between_venues_without_their_own() -> None:
    plan = plan_of(_config(), _BOTH, HOUR)
    assert plan.balances == {"A": Decimal(5000), "B": Decimal(5000)}


def test_more_venues_than_the_guard_of_liquidations_tells_apart_are_refused() -> None:
    listed = [_instrument(f"BTC-USDT-PERP.V{number}") for number in range(MAX_VENUES + 1)]
    assert len(plan_of(_config(), listed[:-1], HOUR).venues) == MAX_VENUES
    with pytest.raises(ConfigError, match="63 venues, and a run trades at 62 at most"):
        plan_of(_config(), listed, HOUR)


def test_balance_that_is_used_up_is_refused() -> None:
    config = _config(venues={"A": {"starting_balance": 10_000}})
    with pytest.raises(ConfigError, match="nothing is left for B"):
        plan_of(config, _BOTH, HOUR)


def test_style_and_rules_come_from_the_configuration() -> None:
    config = _config(
        execution__order_type="limit", execution__limit_offset_bps=3, policy__max_positions=4,
        execution__time_in_force_bars=2, risk__max_gross_fraction=None, risk__max_daily_loss=7,
        risk__care__cooldown_s=9, risk__care__liquidation_margin=0.08,
    )  # fmt: skip
    setup = plan_of(config, _BOTH, HOUR).setup
    assert (setup.style.order_type, setup.style.lifetime_ns) == (LIMIT, 2 * HOUR)
    assert setup.style.limit_offset_bps == 3.0
    assert setup.rules.targets.max_positions == setup.rules.limits.max_positions == 4
    assert setup.rules.limits.max_gross_fraction == math.inf
    assert setup.rules.limits.max_daily_loss == 7.0
    assert setup.rules.care.cooldown_ns == 9 * SECOND
    # the guard and the margin that review keeps back are the same figure
    assert setup.rules.care.liquidation_margin == setup.rules.limits.liquidation_margin == 0.08
    assert plan_of(_config(), _BOTH, HOUR).setup.style.order_type == MARKET


def test_limits_of_single_instruments_come_from_the_configuration() -> None:
    own = {
        "ETH-USDT-PERP.B": {"max_fraction": 0.05, "max_notional": 500},
        "BTC-USDT-PERP.A": {"leaving": "keep", "max_notional": 500},
    }
    limits = plan_of(_config(risk__instruments=own), _BOTH, HOUR).setup.rules.limits
    assert limits.own_fraction.tolist() == [math.inf, 0.05]
    assert limits.own_notional.tolist() == [0.0, 500.0]


def test_limits_of_an_instrument_that_is_not_traded_are_refused() -> None:
    own = {"SOL-USDT.A": {"max_fraction": 0.05}}
    with pytest.raises(ConfigError, match=r"risk\.instruments\.SOL-USDT\.A names SOL-USDT\.A"):
        plan_of(_config(risk__instruments=own), _BOTH, HOUR)


@pytest.mark.parametrize(
    ("method", "fractions"), [("notional", False), ("fixed_fraction", True), ("cvar_budget", True)]
)
def test_rules_know_how_sizes_are_meant(method: str, fractions: bool) -> None:
    config = _config(policy__sizing__method=method)
    rules = rules_of(config, policy_of(config, _BOTH))
    assert rules.targets.sizes_are_fractions is fractions


def test_policy_is_the_one_that_is_named(installed: None) -> None:
    pairs = [["BTC-USDT-PERP.A", "ETH-USDT-PERP.B"]]
    hybrid = policy_of(_config(policy__pairs=pairs), _BOTH)
    assert isinstance(hybrid, HybridPolicy)
    cross = policy_of(_config(policy__name="ema_cross", policy__fast=5, policy__slow=9), _BOTH)
    assert isinstance(cross, EmaCross)
    assert (cross.fast, cross.slow) == (5, 9)
    assert policy_of(_config(policy__name="contrarian"), _BOTH).name == "contrarian"


def test_segments_are_off_or_as_long_as_memory_allows() -> None:
    assert plan_of(_config(ledger__keep_opinions=False), _BOTH, HOUR).setup.segment_ticks == 0
    assert plan_of(_config(ledger__segment_ticks=33), _BOTH, HOUR).setup.segment_ticks == 33
    many = tuple(_instrument(f"C{k}-USDT-PERP.A") for k in range(5000))
    assert plan_of(_config(), many, HOUR).setup.segment_ticks < 100


def test_agents_that_are_switched_off_are_not_asked() -> None:
    agents = [{"name": "vpin", "enabled": False}, {"name": "mean_reversion", "weight": 3}]
    config = _config(agents=agents, conductor__weights={})
    analysis = analysis_of(config, _BOTH)
    assert analysis.agent_names == ("mean_reversion",)
    assert analysis.weighting.weights.tolist() == [3.0]
    assert [agent.name for agent in plan_of(config, _BOTH, HOUR).agents] == ["mean_reversion"]


def test_agent_speaks_only_of_its_own_instruments() -> None:
    agents = [{"name": "vpin", "instruments": ["ETH-USDT-PERP.B"]}, {"name": "mean_reversion"}]
    analysis = analysis_of(
        _config(agents=agents, conductor__weights={}, aggregation__method="majority_vote"), _BOTH
    )
    assert analysis.weighting.active.tolist() == [[0, 1], [1, 1]]
    assert analysis.weighting.method is Aggregation.MAJORITY_VOTE


def test_regime_is_worked_out_where_somebody_asks_for_it() -> None:
    nobody = _config(agents=(), policy__name="ema_cross", conductor__weights={})
    assert analysis_of(nobody, _BOTH).classifier is None
    alone = _config(agents=(), conductor__weights={})
    assert analysis_of(alone, _BOTH).classifier is not None
    reference = _config(conductor={"scope": "reference", "reference": "ETH-USDT-PERP.B"})
    assert analysis_of(reference, _BOTH).classifier is not None


@pytest.mark.usefixtures("installed")
def test_features_that_an_awaited_agent_needs_are_worked_out() -> None:
    config = _config(agents=[{"name": "scholar"}], conductor__weights={})
    assert "rsi_21" in analysis_of(config, _BOTH).pipeline.names


def test_agents_that_have_to_be_awaited_sit_behind_the_others(installed: None) -> None:
    config = _config(
        agents=[{"name": "pundit", "weight": 5}, {"name": "vpin"}], conductor__weights={}
    )
    seats = seats_of(config)
    assert [each.name for each in seats.settings] == ["vpin", "pundit"]
    analysis = analysis_of(config, _BOTH, seats)
    assert analysis.agent_names == ("vpin", "pundit")
    assert analysis.weighting.weights.tolist() == [1.0, 5.0]
    assert analysis.late is not None
    assert np.isnan(analysis.late.views(np.array([0])).bias).all()
