"""One scenario at many moments: what it does hangs on what is held when it strikes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tutti.app.build import Plan
from tutti.app.config import Config
from tutti.app.studies.account_worth import account_worth, worth_of_unit
from tutti.app.studies.stressed_venues import fast_tier_knows, stressed_venues
from tutti.app.tiers import run_event, run_fast
from tutti.engine.decide import Trace
from tutti.model.market import MarketBlock
from tutti.sandbox.baselines import buy_and_hold
from tutti.sandbox.scenarios.conditions import conditions
from tutti.sandbox.scenarios.figures import Moment, stretch
from tutti.sandbox.scenarios.schedule import scheduled
from tutti.sandbox.scenarios.tape import StressedTape

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.app.tiers import Outcome
    from tutti.model.market import FloatArray
    from tutti.sandbox.scenarios.conditions import Conditions
    from tutti.sandbox.scenarios.scenario import Scenario

    Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strikes:
    """Lets a scenario strike at moments spread evenly over the bars that leave it time to end.

    Parameters
    ----------
    trace : Trace
        Of the run on these bars without any scenario.

    Notes
    -----
    Each is a run of its own, which ends with the scenario. The fast tier runs, which finds what the event tier does; only
    where a venue is down, or money is in several currencies, the event tier has to. Where a
    currency loses its peg, values are counted in one that doesn't.
    """

    config: Config
    plan: Plan
    block: MarketBlock
    trace: Trace

    def at(self, scenario: Scenario, count: int, progress: Progress) -> tuple[Moment, ...]:
        """Return what came of ``count`` moments, in the order of time."""
        found = []
        share = self._share_with_time(scenario) if count else 0.0
        for k in range(count):
            progress(k, count, f"{scenario.name}: moments")
            at = share * (k + 0.5) / count
            found.append(self._struck(replace(scenario, start=None, at=at)))
        progress(count, count, f"{scenario.name}: moments")
        return tuple(found)

    def _struck(self, scenario: Scenario) -> Moment:
        block, plan = self.block, self.plan
        under = conditions(scenario, plan.instruments, scenario.begins(block), block.step)
        stop = int((block.ts < under.end).sum())
        bars = StressedTape(under, plan.instruments).advance(block.rows(0, stop))
        outcome, worth = self._run(under, bars)
        unit = worth_of_unit(bars, under)
        balance = float(sum(plan.balances.values()))
        held = buy_and_hold(bars, balance, plan.setup.terms, plan.setup.costs.half_spread_bps)
        return Moment(
            ts=under.start,
            during=stretch(bars.known_at, worth, under.start, under.end),
            holding=stretch(
                bars.known_at, held if unit is None else held * unit, under.start, under.end
            ),
            unstressed=stretch(block.known_at, self.trace.equity, under.start, under.end),
            exposure=self._exposure(under.start),
            liquidations=sum(fill.reason == "liquidation" for fill in outcome.fills),
        )

    def _share_with_time(self, scenario: Scenario) -> float:
        # of the bars, that from which on it would be cut short; all where it doesn't fit at all
        block, instruments = self.block, self.plan.instruments
        begin = int(block.ts[0])
        lasts = conditions(scenario, instruments, begin, block.step).end - begin
        fits = int((block.ts <= int(block.known_at[-1]) - lasts).sum())
        return fits / len(block) or 1.0

    def _exposure(self, ts: int) -> float:
        before = int(np.searchsorted(self.block.known_at, ts, side="right")) - 1
        if before < 0 or not self.trace.equity[before] > 0.0:
            return 0.0
        return float(self.trace.gross[before] / self.trace.equity[before])

    def _run(self, under: Conditions, bars: MarketBlock) -> tuple[Outcome, FloatArray]:
        unit = worth_of_unit(bars, under)
        if unit is not None and fast_tier_knows(self.plan, under):
            schedule = scheduled(self.plan.setup.costs, under.spreads)
            outcome = run_fast(self.config, self.plan, bars, _unheard, schedule)
            return outcome, outcome.trace.equity * unit
        with tempfile.TemporaryDirectory(prefix="tutti-moment-") as made:
            folder = Path(made)
            outcome = run_event(
                self.config, self.plan, bars, (), "moment", folder, _unheard,
                venues=stressed_venues(self.config, self.plan, under),
            )  # fmt: skip
            worth = outcome.trace.equity
            if under.worth:
                worth = account_worth(self.config, self.plan, bars, outcome, folder, under)
        return outcome, worth


def _unheard(done: int, total: int, note: str) -> None:
    """Take no notice of progress."""
