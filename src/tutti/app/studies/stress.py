"""Runs a strategy through scenarios: the same engine on bars and venues that went wrong."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.backtest import run_name, terms_overrides
from tutti.app.build import plan_of
from tutti.app.comparison import metrics_of
from tutti.app.studies.account_worth import account_worth
from tutti.app.studies.attribute import attribute_block
from tutti.app.studies.moments import Strikes
from tutti.app.studies.stressed_venues import fast_tier_knows, stressed_venues
from tutti.app.tiers import Outcome, parity, run_event, run_fast
from tutti.app.trials import admit, judged
from tutti.ledger.kinds import DataSource, ModeChange
from tutti.ledger.records import decode
from tutti.model.errors import ConfigError
from tutti.model.market import MarketBlock
from tutti.model.order import OrderStatus
from tutti.sandbox.baselines import buy_and_hold
from tutti.sandbox.scenarios.conditions import Conditions, conditions
from tutti.sandbox.scenarios.figures import Change, Figures, Stressed, curves_of, stretch
from tutti.sandbox.scenarios.scenario import DoesNotApply
from tutti.sandbox.scenarios.schedule import scheduled
from tutti.sandbox.scenarios.tape import StressedTape
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tutti.app.backtest import Source
    from tutti.app.build import Plan
    from tutti.app.config import Config
    from tutti.ledger.trials import TrialRegister
    from tutti.sandbox.scenarios.scenario import Scenario

    Progress = Callable[[int, int, str], None]

BASELINE = "baseline"
"""Name of the folder of the run without any scenario."""

_ENDED_BADLY = (
    OrderStatus.REJECTED,
    OrderStatus.FAILED,
    OrderStatus.CANCELLED,
    OrderStatus.EXPIRED,
)
_FIELDS = ("open", "high", "low", "close", "volume", "funding")


@dataclass(frozen=True, slots=True, kw_only=True)
class StressStudy:
    """What scenarios did to a strategy.

    Parameters
    ----------
    skipped : mapping of str to str
        Scenarios that had nothing to act on, and why.
    honest : mapping
        What the run without any scenario proves; empty on a simulated market.
    """

    instruments: tuple[str, ...]
    stressed: tuple[Stressed, ...]
    skipped: Mapping[str, str]
    honest: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    block: MarketBlock
    outcome: Outcome
    folder: Path


def run_stress(  # noqa: PLR0913 - what a study is of
    config: Config,
    source: Source,
    scenarios: Sequence[Scenario],
    out: Path,
    progress: Progress,
    *,
    both_tiers: bool = False,
    n_moments: int = 0,
    register: TrialRegister | None = None,
) -> StressStudy:
    """Run ``config`` over the bars as they are, and once more under each scenario.

    Parameters
    ----------
    scenarios : sequence of Scenario
        With different names; where there are several, those that don't apply are left out.
    out : Path
        Empty or absent; each run leaves its ledger in a folder there.
    both_tiers : bool
        Run the fast tier too and compare, where it knows all that happens: no venue is down, nothing
        is routed, and venues differ in spreads and fees alone.
    n_moments : int
        Let each scenario strike at so many other moments too, spread evenly over the bars.
    register : TrialRegister, optional
        The run without any scenario is recorded there as a trial, where its bars are from files.

    Raises
    ------
    ConfigError
        If the folder holds something, or the only scenario doesn't apply.
    """
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty; choose another folder with --out")
    block = source.block
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    plan = plan_of(config, universe.instruments, block.step)
    study = _Study(config, source, plan, out, progress, both_tiers)
    laid, skipped = _laid(scenarios, plan, block)
    if source.files:
        admit(register, config, block, source.files, study.run_id)
    baseline = study.baseline()
    honest: dict[str, Any] = {}
    if source.files:
        equity = baseline.outcome.trace.equity
        honest = judged(
            register, config, block, source.files, equity, run_id=study.run_id, kind="stress"
        ).to_dict()
    return StressStudy(
        instruments=tuple(map(str, block.instruments)),
        stressed=tuple(study.stressed(baseline, each, n_moments) for each in laid),
        skipped=skipped,
        honest=honest,
    )


def _laid(
    scenarios: Sequence[Scenario], plan: Plan, block: MarketBlock
) -> tuple[list[Conditions], dict[str, str]]:
    laid, skipped = [], {}
    for each in scenarios:
        try:
            laid.append(conditions(each, plan.instruments, each.begins(block), block.step))
        except DoesNotApply as error:
            if len(scenarios) == 1:
                raise
            skipped[each.name] = str(error)
    return laid, skipped


class _Study:
    def __init__(
        self,
        config: Config,
        source: Source,
        plan: Plan,
        out: Path,
        progress: Progress,
        both_tiers: bool,  # noqa: FBT001
    ) -> None:
        self._config, self._source, self._plan = config, source, plan
        self._out, self._progress, self._both_tiers = out, progress, both_tiers
        self.run_id = run_name(config, source).replace("backtest-", "stress-")

    def baseline(self) -> _Run:
        folder = self._out / BASELINE
        block = self._source.block
        outcome = run_event(
            self._config, self._plan, block, self._source.files, self.run_id, folder,
            self._named(BASELINE),
        )  # fmt: skip
        return _Run(block=block, outcome=outcome, folder=folder)

    def stressed(self, baseline: _Run, under: Conditions, n_moments: int) -> Stressed:
        plan, name = self._plan, under.scenario.name
        block = StressedTape(under, plan.instruments).advance(self._source.block)
        what = _source_of(under.scenario)
        folder = self._out / name
        outcome = run_event(
            self._config, plan, block, (*self._source.files, what),
            f"{self.run_id}-{what.sha256[:12]}", folder, self._named(name),
            venues=stressed_venues(self._config, plan, under),
        )  # fmt: skip
        run = _Run(block=block, outcome=outcome, folder=folder)
        return Stressed(
            scenario=under.scenario,
            starts=under.start,
            ends=under.end,
            changed_bars=_changed(self._source.block, block),
            baseline=_figures(plan, baseline, replace(under, worth={}), self._config),
            stressed=_figures(plan, run, under, self._config),
            folder=str(folder),
            parity=self._parity(run, under),
            curves=curves_of(
                baseline.block.known_at,
                baseline.outcome.trace.equity,
                block.known_at,
                outcome.trace.equity,
            ),
            moments=Strikes(
                config=self._config,
                plan=plan,
                block=baseline.block,
                trace=baseline.outcome.trace,
            ).at(under.scenario, n_moments, self._progress),
        )

    def _parity(self, run: _Run, under: Conditions) -> dict[str, Any] | None:
        if not self._both_tiers or not fast_tier_knows(self._plan, under):
            return None
        schedule = scheduled(self._plan.setup.costs, under.spreads)
        fast = run_fast(self._config, self._plan, run.block, self._progress, schedule)
        return asdict(parity(run.outcome, fast))

    def _named(self, name: str) -> Progress:
        return lambda done, total, _: self._progress(done, total, name)


def _source_of(scenario: Scenario) -> DataSource:
    # on record like a file that was read: the run can't be had without it
    written = json.dumps(scenario.to_dict(), sort_keys=True)
    return DataSource(
        path=f"scenario:{scenario.name}", sha256=hashlib.sha256(written.encode()).hexdigest()
    )


def _figures(plan: Plan, run: _Run, under: Conditions, config: Config) -> Figures:
    outcome, block = run.outcome, run.block
    setup, known_at = plan.setup, block.known_at
    balance = float(sum(plan.balances.values()))
    held = buy_and_hold(block, balance, setup.terms, setup.costs.half_spread_bps)
    counted = Counter(order.reason for order in outcome.orders)
    unfilled = Counter(
        order.status for order in outcome.orders if OrderStatus(order.status) in _ENDED_BADLY
    )
    with SqliteLedgerReader(run.folder) as ledger:
        modes = [(row.ts, decode(row, ModeChange)) for row in ledger.rows(kinds=["mode"])]
    parts = attribute_block(run.folder, block, None).attribution.parts
    figures = Figures(
        final_equity=float(outcome.trace.equity[-1]),
        metrics=metrics_of(block, outcome),
        during=stretch(known_at, outcome.trace.equity, under.start, under.end),
        holding=stretch(known_at, held, under.start, under.end),
        n_fills=len(outcome.fills),
        liquidations=sum(fill.reason == "liquidation" for fill in outcome.fills),
        fees=outcome.fees,
        funding=outcome.funding,
        orders=dict(sorted(counted.items())),
        unfilled=dict(sorted(unfilled.items())),
        refusals=dict(sorted(outcome.refusals.items())),
        breakers=tuple(Change(ts=ts, mode=each.mode, reason=each.reason) for ts, each in modes),
        halted=outcome.halted,
        components={name: float(value) for name, value in parts._asdict().items()},
    )
    if not under.worth:
        return figures
    worth = account_worth(config, plan, block, outcome, run.folder, under)
    return replace(
        figures,
        worth=stretch(known_at, worth, under.start, under.end),
        final_worth=float(worth[-1]),
    )


def _changed(before: MarketBlock, after: MarketBlock) -> int:
    rows = np.searchsorted(before.ts, after.ts)
    changed = np.isfinite(before.close)
    same = np.ones(after.close.shape, bool)
    for name in _FIELDS:
        old, new = getattr(before, name)[rows], getattr(after, name)
        same &= (old == new) | (np.isnan(old) & np.isnan(new))
    changed[rows] &= ~same
    return int(changed.sum())
