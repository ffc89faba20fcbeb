"""From configuration to running parts: the one place that knows how they fit together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tutti.agents.aggregation import Aggregation
from tutti.agents.array_panel import ArrayPanel
from tutti.agents.state import AgentState, may_speak
from tutti.agents.timeline import OpinionTimeline
from tutti.app.calibration_file import correction_of
from tutti.app.plugins import factory_of
from tutti.app.routes import routes_of, sharing_cash
from tutti.app.seats import seats_of
from tutti.app.settings import DEFAULT_VENUE, AgentSettings
from tutti.app.worth import follower_of
from tutti.conductor.regime import RegimeClassifier, RegimeRules
from tutti.conductor.weights import regime_weights
from tutti.engine.analysis import Analysis, LateViews, Weighting
from tutti.engine.decide import Rules, Style
from tutti.engine.run import Setup
from tutti.execution.cost import Costs, costs_of
from tutti.execution.matching import LIMIT, MARKET
from tutti.execution.submission import RetryRules
from tutti.execution.terms import terms_of
from tutti.features.pipeline import FeaturePipeline
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Regime
from tutti.policy.ema_cross import EmaCross
from tutti.policy.hybrid import HybridPolicy, HybridWeights
from tutti.policy.sizing import Sizing, SizingMethod
from tutti.policy.targets import TargetSettings
from tutti.risk.care import MAX_VENUES
from tutti.risk.limits import OwnLimits, RiskSettings, with_own
from tutti.sandbox.venue import SimulatedVenue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.app.seats import Seats
    from tutti.app.settings import Config
    from tutti.model.instrument import Instrument
    from tutti.policy.port import Policy

_MILLISECOND = 1_000_000
_WITHOUT_PARAMS = ("hybrid", "ema_cross")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything about a run that the configuration and the instruments decide.

    Parameters
    ----------
    venues : tuple of str
        In the order of ``Terms.venue`` and ``Book.cash``.
    balances : dict of str to Decimal
        Cash at each venue at the start, quote currency.
    venue_costs : dict of str to Costs
        Over all columns, as each venue charges.
    """

    setup: Setup
    venues: tuple[str, ...]
    balances: dict[str, Decimal]
    venue_costs: dict[str, Costs]
    agents: tuple[AgentSettings, ...]

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The columns."""
        return self.setup.instruments

    def book_cash(self, cash: Mapping[str, Decimal]) -> list[float]:
        """Return ``cash`` by venue as the book has it: of venues that share, with one of them."""
        totals = [0.0] * len(self.venues)
        place = {name: v for v, name in enumerate(self.venues)}
        for each, v in zip(self.instruments, self.setup.terms.venue.tolist(), strict=True):
            place[each.id.venue] = v
        for name, amount in cash.items():
            totals[place[name]] += float(amount)
        return totals


def plan_of(config: Config, instruments: Sequence[Instrument], step: int) -> Plan:
    """Return what ``config`` makes of a run over ``instruments``.

    Parameters
    ----------
    step : int
        Length of a bar, ns.

    Raises
    ------
    ConfigError
        If something in the configuration doesn't fit the instruments.
    """
    venues = tuple(dict.fromkeys(each.id.venue for each in instruments))
    _all_known(config, venues)
    costs = {name: _costs(config, name, instruments) for name in venues}
    policy = policy_of(config, instruments)
    routes = routes_of(config, instruments)
    setup = Setup(
        instruments=tuple(instruments),
        terms=sharing_cash(terms_of(instruments, venues), routes),
        costs=_over_all(costs, instruments),
        rules=rules_of(config, policy, [each.id for each in instruments]),
        style=_style(config, step),
        policy_name=policy.name,
        retry=RetryRules(),
        segment_ticks=_segment_ticks(config, len(instruments)),
        routes=routes,
    )
    return Plan(
        setup=setup,
        venues=venues,
        balances=_balances(config, venues),
        venue_costs=costs,
        agents=tuple(agent for agent in config.agents if agent.enabled),
    )


def analysis_of(
    config: Config,
    instruments: Sequence[Instrument],
    seats: Seats | None = None,
    late: LateViews | None = None,
    *,
    follows: bool = True,
) -> Analysis:
    """Return features, panel, conductor and policy with nothing remembered yet.

    Parameters
    ----------
    seats : Seats, optional
        The agents, where they were made already.
    late : LateViews, optional
        What those say that have to be awaited; without it they have no views.
    follows : bool
        Let weights follow worth as it goes, where the configuration says so. In a running account
        they do from session to session: see `tutti.app.weight_steps`.

    Raises
    ------
    ConfigError
        If an agent, a policy or an instrument is not known.
    """
    ids = [each.id for each in instruments]
    seats = seats or seats_of(config)
    settings = seats.settings
    keys = {agent.name: f"agents[{k}]" for k, agent in enumerate(config.agents)}
    active = may_speak([_state(keys[agent.name], agent, ids) for agent in settings], ids)
    panel = ArrayPanel([agent for _, agent in seats.quick], active=active[: len(seats.quick)])
    policy = policy_of(config, instruments)
    classifier = None
    if settings or seats.conductor or isinstance(policy, HybridPolicy):
        classifier = _classifier(config, ids)
    shown = [name for _, agent in seats.late for name in getattr(agent, "needs", ())]
    needs = (*panel.needs, *shown, *policy.needs, *(classifier.needs if classifier else ()))
    names = [agent.name for agent in settings]
    weighting = Weighting(
        method=Aggregation[config.aggregation.method.upper()],
        weights=np.array([agent.weight for agent in settings], np.float64),
        regime_weights=regime_weights(
            names, {Regime[name]: table for name, table in config.conductor.weights.items()}
        ),
        active=active,
    )
    return Analysis(
        pipeline=FeaturePipeline(needs, len(ids)),
        panel=panel,
        classifier=classifier,
        policy=policy,
        weighting=weighting,
        late=(late or OpinionTimeline(seats.awaited, ids)) if seats.awaited else None,
        correction=correction_of(config, names),
        follower=follower_of(config, instruments, weighting) if follows else None,
    )


def policy_of(config: Config, instruments: Sequence[Instrument]) -> Policy:
    """Return the policy that the configuration names, with nothing remembered yet.

    Raises
    ------
    ConfigError
        If there is none of that name, or its parameters don't fit.
    """
    settings = config.policy
    if settings.params and settings.name in _WITHOUT_PARAMS:
        raise ConfigError(
            f"policy.params: {settings.name} has none, its settings are keys of policy itself; "
            "remove it"
        )
    sizing = Sizing(
        **{**settings.sizing.model_dump(), "method": SizingMethod(settings.sizing.method)}
    )
    ids = [each.id for each in instruments]
    match settings.name:
        case "hybrid":
            return HybridPolicy(
                ids,
                sizing,
                weights=HybridWeights(**settings.weights.model_dump()),
                pairs=[_pair(pair, ids) for pair in settings.pairs],
            )
        case "ema_cross":
            return EmaCross(
                settings.fast, settings.slow, sizing, len(ids), long_only=settings.long_only
            )
        case name:
            factory = factory_of("policy.name", "tutti.policies", name)
            return cast("Policy", factory(settings, ids, sizing))


def rules_of(config: Config, policy: Policy, instruments: Sequence[InstrumentId] = ()) -> Rules:
    """Return targets, care and limits as the kernels take them.

    Raises
    ------
    ConfigError
        If an instrument has limits of its own and is not traded.
    """
    targets = TargetSettings(
        entry_threshold=config.policy.entry_threshold,
        exit_threshold=config.policy.exit_threshold,
        rebalance_band=config.policy.rebalance_band,
        max_positions=config.policy.max_positions,
        exit_on_neutral=config.policy.exit_on_neutral,
    )
    values: dict[str, Any] = config.risk.model_dump(exclude={"care", "instruments"})
    values |= config.risk.care.model_dump()
    unlimited: dict[str, Any] = {
        name: math.inf if value is None else value for name, value in values.items()
    }
    risk = RiskSettings(
        base_notional=config.policy.sizing.base_notional,
        max_positions=config.policy.max_positions,
        **unlimited,
    )
    return Rules(
        targets=targets.rules(sizes_are_fractions=policy.sizes_are_fractions),
        care=risk.care_rules(),
        limits=with_own(risk.limits(), len(instruments), _own_limits(config, instruments)),
    )


def _own_limits(config: Config, instruments: Sequence[InstrumentId]) -> dict[int, OwnLimits]:
    own: dict[int, OwnLimits] = {}
    for name, settings in config.risk.instruments.items():
        column = instruments.index(_known(name, instruments, f"risk.instruments.{name}"))
        given = settings.max_fraction, settings.max_notional
        fraction, notional = (math.inf if each is None else each for each in given)
        # one that is to go opens nothing, whatever it may hold
        own[column] = OwnLimits(fraction, 0.0 if settings.leaving else notional)
    return own


def venues_of(config: Config, plan: Plan) -> dict[str, SimulatedVenue]:
    """Return a simulated venue for each venue of the plan, with its starting balance."""
    instruments = plan.instruments
    return {
        name: SimulatedVenue(
            name,
            [each for each in instruments if each.id.venue == name],
            [i for i, each in enumerate(instruments) if each.id.venue == name],
            plan.venue_costs[name],
            plan.balances[name],
            currency=config.quote_currency,
        )
        for name in plan.venues
    }


def costs_are_shared(plan: Plan) -> bool:
    """Tell whether all venues charge and fill by the same rules, spreads aside."""
    scalars = {tuple(costs)[1:] for costs in plan.venue_costs.values()}
    return len(scalars) == 1


def _all_known(config: Config, venues: Sequence[str]) -> None:
    if len(venues) > MAX_VENUES:
        raise ConfigError(
            f"the instruments are at {len(venues)} venues, and a run trades at {MAX_VENUES} at"
            " most; leave some out, or trade them in a run of their own"
        )
    for name in config.venues:
        if name not in (*venues, DEFAULT_VENUE):
            raise ConfigError(
                f"venues.{name}: this run trades nothing there; there are "
                f"{', '.join(venues)}, and {DEFAULT_VENUE} for all"
            )


def _costs(config: Config, venue: str, instruments: Sequence[Instrument]) -> Costs:
    settings = config.venue(venue)
    return costs_of(
        np.array([config.half_spread_bps(str(each.id)) for each in instruments]),
        impact_coefficient=settings.impact_coefficient,
        participation=settings.participation,
        latency_ns=round(settings.latency_ms * _MILLISECOND),
        through=settings.limit_through,
        liquidation_fee=settings.liquidation_fee,
    )


def _over_all(costs: Mapping[str, Costs], instruments: Sequence[Instrument]) -> Costs:
    # what the decision cycle looks at is the same for all; spreads differ by column
    return costs[instruments[0].id.venue]


def _balances(config: Config, venues: Sequence[str]) -> dict[str, Decimal]:
    given = {name: config.venue(name).starting_balance for name in venues}
    left = config.starting_balance - sum((cash for cash in given.values() if cash), Decimal(0))
    open_to = [name for name in venues if given[name] is None]
    if open_to and left <= 0:
        raise ConfigError(
            f"starting_balance {config.starting_balance} is used up by the venues' own; nothing is "
            f"left for {', '.join(open_to)}: raise it"
        )
    share = left / len(open_to) if open_to else Decimal(0)
    balances = {name: share if cash is None else cash for name, cash in given.items()}
    if not any(balances.values()):
        raise ConfigError(
            f"venues.{venues[0]}.starting_balance and all others are 0: there is nothing to trade "
            "with; write a number such as 5000"
        )
    return balances


def _style(config: Config, step: int) -> Style:
    settings = config.execution
    return Style(
        order_type=LIMIT if settings.order_type == "limit" else MARKET,
        limit_offset_bps=float(settings.limit_offset_bps),
        lifetime_ns=settings.time_in_force_bars * step,
    )


def _segment_ticks(config: Config, n_instruments: int) -> int:
    if not config.ledger.keep_opinions:
        return 0
    # a segment is held in memory twice: keep wide ones short
    widest = max(16, 4_000_000 // (max(n_instruments, 1) * 16))
    return min(config.ledger.segment_ticks, widest)


def _state(key: str, settings: AgentSettings, ids: Sequence[InstrumentId]) -> AgentState:
    allowed = None
    if settings.instruments is not None:
        allowed = frozenset(
            _known(name, ids, f"{key}.instruments") for name in settings.instruments
        )
    return AgentState(name=settings.name, display_name=settings.display_name, instruments=allowed)


def _classifier(config: Config, ids: Sequence[InstrumentId]) -> RegimeClassifier:
    reference = None
    if config.conductor.scope == "reference":
        name = config.conductor.reference or ""
        reference = ids.index(_known(name, ids, "conductor.reference"))
    rules = RegimeRules(**config.conductor.rules.model_dump())
    return RegimeClassifier(rules, len(ids), reference)


def _pair(pair: tuple[str, str], ids: Sequence[InstrumentId]) -> tuple[InstrumentId, InstrumentId]:
    first, second = (_known(name, ids, "policy.pairs") for name in pair)
    return first, second


def _known(name: str, ids: Sequence[InstrumentId], key: str) -> InstrumentId:
    instrument = InstrumentId.parse(name)
    if instrument not in ids:
        listed = ", ".join(map(str, ids))
        raise ConfigError(f"{key} names {name}, which this run does not trade; there are {listed}")
    return instrument
