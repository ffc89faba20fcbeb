"""Runs the two tiers over the same bars and brings what they found into one form."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.asking import silent_here
from tutti.app.build import analysis_of, costs_are_shared
from tutti.app.recorder import Recorder
from tutti.app.session import Session
from tutti.engine.decide import Trace, empty_trace
from tutti.kernel.collector import unhurried_collector
from tutti.model.arrays import FEES_PAID, FUNDING_RECEIVED, TURNOVER, Signals
from tutti.model.errors import ConfigError
from tutti.model.order import Fill, FundingPaid, Reason, Side
from tutti.portfolio.accounting import new_book
from tutti.portfolio.positions import Portfolio
from tutti.sandbox.fast import (
    FILL_I,
    FILL_LIQUIDATION,
    FILL_MAKER,
    FILL_ORDER,
    FILL_PRICE_TICKS,
    FILL_REASON,
    FILL_SIGNED_LOTS,
    FILL_T,
    FastTier,
)
from tutti.sandbox.result import ClosedTrade, FillRow, OrderRow, Parity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tutti.agents.timeline import OpinionTimeline
    from tutti.app.build import Plan
    from tutti.app.settings import Config
    from tutti.engine.analysis import Analysis
    from tutti.engine.decide import Rules
    from tutti.ledger.kinds import DataSource
    from tutti.model.market import MarketBlock
    from tutti.model.order import Position
    from tutti.sandbox.fast import FastResult
    from tutti.sandbox.scenarios.schedule import CostSchedule
    from tutti.sandbox.venue import SimulatedVenue

    Progress = Callable[[int, int, str], None]

_REPORTED = 250_000
"""Symbol-bars between two words on progress."""
_ANALYSED = 65_536
"""Symbol-bars analysed in one go: more would fall out of the processor's cache."""
_TICKS = 8192
"""Ticks analysed in one go, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one tier made of the bars.

    Parameters
    ----------
    trace : Trace
        Arrays of shape (t,), quote currency.
    fees, funding, turnover : float
        Sums, quote currency.
    ledger_hash : str
        Empty for the fast tier, which keeps no ledger.
    halted : str
        Why trading ended before the bars did; empty where it didn't.
    doubts : tuple of str
        What went wrong with agents' answers that were made here, a line an agent.
    """

    trace: Trace
    fills: tuple[FillRow, ...]
    orders: tuple[OrderRow, ...]
    trades: tuple[ClosedTrade, ...]
    refusals: dict[str, int]
    n_decisions: int
    n_orders: int
    n_refusals: int
    fees: float
    funding: float
    turnover: float
    ledger_hash: str = ""
    halted: str = ""
    doubts: tuple[str, ...] = ()


def run_event(  # noqa: PLR0913 - what a run consists of
    config: Config,
    plan: Plan,
    block: MarketBlock,
    data: Sequence[DataSource],
    run_id: str,
    out: Path,
    progress: Progress,
    versions: dict[str, str] | None = None,
    venues: Mapping[str, SimulatedVenue] | None = None,
    opinions: OpinionTimeline | None = None,
) -> Outcome:
    """Run the event tier and leave its ledger in ``out``.

    Parameters
    ----------
    venues : mapping of str to SimulatedVenue, optional
        Instead of those of the plan.
    opinions : OpinionTimeline, optional
        What agents say that have to be awaited; without it they are silent.
    """
    recorder = Recorder({instrument: i for i, instrument in enumerate(block.instruments)})
    with unhurried_collector(), ExitStack() as undo:
        store = undo.enter_context(SqliteLedger(out, Durability.BATCHED))
        session = Session(
            config, plan, store, run_id=run_id, start=int(block.ts[0]), data=data,
            listener=recorder, versions=versions, venues=venues,
            opinions=opinions,
        )  # fmt: skip
        if opinions is None and session.seats.awaited:
            silent_here(session.seats.awaited)
        trace, done = empty_trace(len(block)), 0
        for part in _parts(block, _REPORTED, progress, "event tier"):
            for whole, piece in zip(trace, session.process(part), strict=True):
                whole[done : done + len(part)] = piece
            done += len(part)
        head = session.stop(int(block.known_at[-1]), "end of data")
        undo.pop_all()
    portfolio = session.account.portfolio
    counts = session.engine.counts
    return Outcome(
        trace=trace,
        fills=recorder.fills(),
        orders=recorder.orders(),
        trades=recorder.trades(portfolio.trades),
        refusals=recorder.refusals,
        n_decisions=counts.decisions,
        n_orders=counts.orders,
        n_refusals=counts.refusals,
        fees=float(portfolio.fees),
        funding=float(portfolio.funding),
        turnover=float(portfolio.turnover),
        ledger_hash=head.hash,
        halted=session.engine.halted,
        doubts=_doubts(session.analysis),
    )


def run_fast(
    config: Config,
    plan: Plan,
    block: MarketBlock,
    progress: Progress,
    schedule: CostSchedule | None = None,
    opinions: OpinionTimeline | None = None,
) -> Outcome:
    """Run the fast tier, at the plan's costs or at those that ``schedule`` says.

    Parameters
    ----------
    opinions : OpinionTimeline, optional
        What agents say that have to be awaited; without it they are silent.

    Raises
    ------
    ConfigError
        If the venues differ in more than their spreads and fees.
    """
    if plan.setup.routes:
        raise ConfigError(
            "routes: the fast tier trades each instrument at its own venue; use --tier event"
        )
    if not costs_are_shared(plan):
        raise ConfigError(
            "the fast tier fills at all venues by one set of rules, and these venues differ; "
            "use --tier event, or set the costs under venues.default"
        )
    analysis = analysis_of(config, plan.instruments, late=opinions)
    if opinions is None and analysis.late is not None:
        silent_here(analysis.late.names)
    tier = fast_tier(plan, len(analysis.agent_names), block)
    for part in _parts(block, _ANALYSED, progress, "fast tier"):
        signals = analysis.advance(part).signals
        if schedule is None:
            tier.advance(part, signals)
            continue
        for rows, costs in schedule.pieces(part.ts):
            tier.reprice(costs)
            piece: dict[str, Any] = {name: array[rows] for name, array in signals._asdict().items()}
            tier.advance(part.rows(rows.start, rows.stop), Signals(**piece))
    found = tier.result()
    recorder = Recorder({instrument: i for i, instrument in enumerate(block.instruments)})
    portfolio = Portfolio(plan.balances)
    payments = _Payments(plan, block)
    for fill, reason in _typed(found, plan, block):
        # a forced close comes after the funding of its bar, any other fill before
        payments.book(fill, portfolio, including=reason is None)
        portfolio.apply(fill, "")
        recorder.booked(fill, reason)
    account = tier.book.account
    return Outcome(
        trace=found.trace,
        fills=recorder.fills(),
        orders=(),
        trades=recorder.trades(portfolio.trades),
        refusals={},
        n_decisions=found.n_decisions,
        n_orders=found.n_orders,
        n_refusals=found.n_refusals,
        fees=float(account[FEES_PAID]),
        funding=float(account[FUNDING_RECEIVED]),
        turnover=float(account[TURNOVER]),
        doubts=_doubts(analysis),
    )


def run_signals(
    plan: Plan, block: MarketBlock, rules: Rules, signals: Callable[[MarketBlock], Signals]
) -> FastResult:
    """Run the fast tier on signals from anywhere."""
    tier = fast_tier(plan, 0, block, rules)
    for part in _parts(block, _ANALYSED, _unheard, ""):
        tier.advance(part, signals(part))
    return tier.result()


def fast_tier(
    plan: Plan, n_agents: int, block: MarketBlock, rules: Rules | None = None
) -> FastTier:
    """Return a fast tier with the starting balances of the plan."""
    setup = plan.setup
    cash = plan.book_cash(plan.balances)
    return FastTier(
        terms=setup.terms,
        costs=setup.costs,
        rules=rules or setup.rules,
        style=setup.style,
        book=new_book(len(plan.instruments), n_agents, cash, int(block.ts[0])),
        n_ticks=len(block),
    )


def parity(event: Outcome, fast: Outcome) -> Parity:
    """Compare the tiers: equity at every tick, and fills one by one."""
    difference = np.abs(event.trace.equity - fast.trace.equity)
    scale = np.maximum(np.abs(event.trace.equity), np.finfo(np.float64).tiny)
    return Parity(
        max_rel_equity_diff=float((difference / scale).max()),
        fills_equal=_comparable(event) == _comparable(fast),
        n_fills_event=len(event.fills),
        n_fills_fast=len(fast.fills),
    )


def _comparable(outcome: Outcome) -> list[tuple[int, int, int, Decimal, Decimal, bool, str]]:
    # fills of one instant at different venues have no order between them
    return sorted(
        (fill.ts, fill.instrument, fill.side, fill.quantity, fill.price, fill.is_maker, fill.reason)
        for fill in outcome.fills
    )


def _doubts(analysis: Analysis) -> tuple[str, ...]:
    # of agents that ask somebody's code for each answer
    found = (getattr(agent, "doubt", "") for agent in analysis.panel.agents)
    return tuple(doubt for doubt in found if doubt)


def _parts(block: MarketBlock, cells: int, progress: Progress, note: str) -> Iterator[MarketBlock]:
    n = len(block.instruments)
    length = max(1, min(_TICKS, cells // n))
    for start in range(0, len(block), length):
        progress(start * n, len(block) * n, note)
        yield block.rows(start, min(start + length, len(block)))
    progress(len(block) * n, len(block) * n, note)


def _unheard(done: int, total: int, note: str) -> None:
    """Take no notice of progress."""


class _Payments:
    """Funding that the fast tier paid, as the portfolio takes it: trades count it in their profit."""

    def __init__(self, plan: Plan, block: MarketBlock) -> None:
        self._block = block
        self._columns = {each.id: i for i, each in enumerate(plan.instruments)}
        self._due = {
            each.id: np.flatnonzero(block.funding[:, i]).tolist()[::-1] if each.is_perpetual else []
            for i, each in enumerate(plan.instruments)
        }

    def book(self, fill: Fill, portfolio: Portfolio, *, including: bool) -> None:
        """Book what was paid on the fill's instrument before the fill's bar, or with that bar."""
        ts, due = self._block.ts, self._due[fill.instrument]
        last = fill.ts if including else fill.ts - 1
        while due and int(ts[due[-1]]) <= last:
            t = due.pop()
            held = portfolio.position(fill.instrument)
            if held is not None:
                portfolio.fund(self._payment(t, held))

    def _payment(self, t: int, held: Position) -> FundingPaid:
        i = self._columns[held.instrument]
        rate = float(self._block.funding[t, i])
        while np.isnan(self._block.close[t, i]):
            t -= 1  # no bar: at the last close
        amount = -float(held.quantity) * float(self._block.close[t, i]) * rate
        return FundingPaid(
            instrument=held.instrument,
            ts=int(self._block.ts[t]),
            rate=rate,
            amount=Decimal(repr(amount)),
        )


def _typed(
    found: FastResult, plan: Plan, block: MarketBlock
) -> Iterator[tuple[Fill, Reason | None]]:
    steps = [(each.quantity_step, each.price_step) for each in plan.instruments]
    for k, row in enumerate(found.fills.whole.tolist()):
        i, lots = row[FILL_I], row[FILL_SIGNED_LOTS]
        forced = row[FILL_ORDER] == FILL_LIQUIDATION
        price = row[FILL_PRICE_TICKS] * steps[i][1]
        fill = Fill(
            id=str(k),
            order_id="" if forced else str(row[FILL_ORDER]),
            instrument=plan.instruments[i].id,
            ts=int(block.ts[row[FILL_T]]),
            side=Side.BUY if lots > 0 else Side.SELL,
            quantity=abs(lots) * steps[i][0],
            price=price,
            fee=Decimal(repr(float(found.fills.money[k, 1]))),
            is_maker=row[FILL_MAKER] != 0,
            slippage_bps=float(found.fills.money[k, 2]),
        )
        yield fill, None if forced else Reason.of(row[FILL_REASON])
