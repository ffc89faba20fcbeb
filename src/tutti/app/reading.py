"""Reads a running account: state, positions, agents, and what would be done about an instrument."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tutti.app.agent_watch import AgentWatch
from tutti.app.backtest import terms_overrides
from tutti.app.build import analysis_of
from tutti.app.state import Mode, OpinionRow, PositionRow, Prediction, ServiceState
from tutti.engine.records import DecisionWriter, agent_pnl
from tutti.engine.run import MODES, Counts
from tutti.execution.terms import terms_of
from tutti.kernel.clock import SECOND
from tutti.model.arrays import EQUITY, MODE, PEAK_EQUITY, TRADING
from tutti.model.errors import ConfigError
from tutti.model.opinion import Regime
from tutti.model.order import Reason
from tutti.policy.targets import target_at
from tutti.portfolio.accounting import new_book
from tutti.risk.breakers import UNRESOLVED, may_lead
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tutti.agents.monitor import Window
    from tutti.app.desk import Desk
    from tutti.app.metrics import Metrics
    from tutti.app.paper import PaperAccount
    from tutti.app.settings import Config
    from tutti.app.state import AgentRow, DecisionRow, OrderView
    from tutti.engine.analysis import Analysis, AnalysisBlock
    from tutti.kernel.clock import Clock
    from tutti.model.arrays import Book, Terms
    from tutti.model.market import MarketBlock

_SHOWN = 50


class Reading:
    """Read side of a service; every answer is a snapshot and changes nothing.

    Parameters
    ----------
    feed : str
        Kind of feed, to be shown.
    speed : float
        Market seconds in one second.
    """

    def __init__(  # noqa: PLR0913 - what it shows
        self,
        config: Config,
        account: PaperAccount,
        desk: Desk,
        metrics: Metrics,
        *,
        feed: str,
        speed: float,
        clock: Clock,
    ) -> None:
        self.config = config
        self.account = account
        self.metrics = metrics
        self.feed = feed
        self.api_url = ""
        self.symbols_refused = ""
        self.agents_refused = ""
        self.ticks = 0
        self._desk = desk
        self._pace = speed
        self._time = clock
        self._started_at = clock.now()
        self._heard_at = self._started_at
        self._market: MarketBlock | None = None
        self._before = Counts()
        self._start_equity = self._equity()
        self._watch = AgentWatch(
            account.session.analysis.agent_names,
            account.plan,
            config.worth,
        )

    def over_to(self, config: Config, account: PaperAccount) -> None:
        """Show the account as another session has taken it up; what was counted stays counted."""
        self._before = self.counts()
        self.config, self.account = config, account
        self._desk.seat(config.agents)
        self._watch.over_to(account.session.analysis.agent_names, account.plan)
        self._market = None

    def counts(self) -> Counts:
        """Return what has happened since the service began."""
        now, before = self.account.session.engine.counts, self._before
        return Counts(
            ticks=now.ticks + before.ticks,
            decisions=now.decisions + before.decisions,
            orders=now.orders + before.orders,
            fills=now.fills + before.fills,
            refusals=now.refusals + before.refusals,
            differences=dict(Counter(now.differences) + Counter(before.differences)),
        )

    def noted(self, tick: MarketBlock) -> None:
        """Take note of a tick that was worked through."""
        self.ticks += 1
        self._market = tick
        self._heard_at = self._time.now()
        thought = self.account.session.engine.last_thought
        if thought is not None:
            self._judge(self._watch.noted(tick, thought.views))
            names = self.account.session.analysis.panel.names
            self._desk.thought(thought, names, self.account.as_of)
        self.metrics.equity.set(self._equity())
        self.metrics.drawdown.set(self._drawdown())
        self.metrics.open_positions.set(int(np.count_nonzero(self._book.lots)))
        self.metrics.market_data_age.set(0.0)
        self.metrics.heard(self.account.plan.venues, 0.0)
        self.metrics.differed(self.counts().differences)

    async def recall(self, folder: Path, past: AgentWatch, **what: int) -> None:
        """Judge agents by what the ledger has of them, too; see `AgentWatch.recall`.

        Parameters
        ----------
        past : AgentWatch
            Of `AgentWatch.hold`.
        """
        try:
            await past.recall_beside(folder, **what)
        finally:
            self._judge(self._watch.take_up(past))

    def _judge(self, windows: Iterable[Window]) -> None:
        for window in windows:
            if not math.isnan(window.ratio):
                self.metrics.agent_information_ratio.labels(window.agent).set(window.ratio)

    def status(self) -> ServiceState:
        """Return the state as of now."""
        counts = self.counts()
        age = (self._time.now() - self._heard_at) / SECOND
        self.metrics.market_data_age.set(age)
        self.metrics.heard(self.account.plan.venues, age)
        return ServiceState(
            run_id=self.account.session.run_id,
            as_of=self.account.as_of,
            feed=self.feed,
            started_at=self._started_at,
            ticks=self.ticks,
            equity=self._equity(),
            start_equity=self._start_equity,
            drawdown=self._drawdown(),
            mode=Mode(MODES[int(self._book.account[MODE])]),
            regime=self._regimes(),
            positions=self.positions(),
            decisions=self.decisions(_SHOWN),
            refusals=self._desk.refusals(_SHOWN),
            agents=tuple(self.agents()),
            n_orders=counts.orders,
            n_fills=counts.fills,
            n_refusals=counts.refusals,
            speed=self._pace,
            market_data_age_s=age,
            api_url=self.api_url,
            symbols_refused=self.symbols_refused,
            agents_refused=self.agents_refused,
            halted=self.account.session.engine.halted,
            locked=self._locked(),
        )

    def _locked(self) -> tuple[str, ...]:
        locks = self.account.session.engine.desk.locks
        instruments = self.account.plan.instruments
        return tuple(str(instruments[i].id) for i in np.flatnonzero(locks == UNRESOLVED))

    def decisions(self, limit: int) -> tuple[DecisionRow, ...]:
        """Return the last ``limit`` decisions, newest first."""
        return self._desk.decisions(limit)

    def orders(self, limit: int) -> tuple[OrderView, ...]:
        """Return the last ``limit`` orders, newest first."""
        return self._desk.orders(limit)

    def positions(self) -> tuple[PositionRow, ...]:
        """Return the open positions."""
        equity = self._equity()
        book = self._book
        columns = {each.id: i for i, each in enumerate(self.account.plan.instruments)}
        rows = []
        for held in self.account.session.account.portfolio.positions():
            mark = float(book.mark[columns[held.instrument]])
            quantity, average = float(held.quantity), float(held.average_price)
            rows.append(
                PositionRow(
                    instrument=str(held.instrument),
                    quantity=quantity,
                    average_price=average,
                    mark=mark,
                    unrealised=quantity * (mark - average),
                    weight=quantity * mark / equity if equity > 0.0 else 0.0,
                    opened_at=held.opened_at,
                    lead=held.lead,
                )
            )
        return tuple(rows)

    def agents(self) -> Sequence[AgentRow]:
        """Return one row per agent, in the panel's order."""
        # one that is switched off has its loss of the day all the same
        gained = agent_pnl(self._book, self.account.session.account.agents)
        limit = self.account.plan.setup.rules.limits.max_agent_daily_loss
        rows = self._desk.agents(gained, limit)
        return tuple(self._judged(row) for row in rows)

    def _judged(self, row: AgentRow) -> AgentRow:
        window = self._watch.newest(row.name)
        if window is None:
            return row
        return replace(
            row,
            information_ratio=window.ratio,
            bad_windows=window.bad,
            is_failing=window.is_alert,
        )

    def predict(self, instrument: str, bars: MarketBlock | None = None) -> Prediction:
        """Return the panel's view of ``instrument`` and the target that would come of it.

        Raises
        ------
        ConfigError
            If ``bars`` is None and the service doesn't follow the instrument, or hasn't heard of
            the market yet.
        """
        if bars is not None:
            return self._predict_on(bars)
        ids = [str(each.id) for each in self.account.plan.instruments]
        if instrument not in ids:
            raise ConfigError(
                f"{instrument} isn't followed here; there are {', '.join(ids)}, or send its bars"
            )
        thought = self.account.session.engine.last_thought
        if thought is None or self._market is None:
            raise ConfigError("no tick has come yet; ask again in a moment")
        return self._prediction(
            ids.index(instrument), self._market, thought, self.account.session.analysis, self._book
        )

    def _predict_on(self, bars: MarketBlock) -> Prediction:
        universe = Universe.of_block(bars, terms_overrides(self.config, bars.instruments))
        alone = self.config.model_copy(
            update={
                "conductor": self.config.conductor.model_copy(update={"scope": "instrument"}),
                "policy": self.config.policy.model_copy(update={"pairs": ()}),
                "agents": tuple(
                    agent.model_copy(update={"instruments": None}) for agent in self.config.agents
                ),
            }
        )
        analysis = analysis_of(alone, universe.instruments, follows=False)
        thought = analysis.advance(bars)
        cash = [float(sum(self.account.plan.balances.values()))]
        book = new_book(1, len(analysis.agent_names), cash, int(bars.ts[0]))
        return self._prediction(
            0, bars, thought, analysis, book, terms_of(universe.instruments, universe.venues)
        )

    def _prediction(
        self,
        i: int,
        market: MarketBlock,
        thought: AnalysisBlock,
        analysis: Analysis,
        book: Book,
        terms: Terms | None = None,
    ) -> Prediction:
        setup = self.account.plan.setup
        t = len(market) - 1
        writer = DecisionWriter(analysis, market.instruments, setup.policy_name)
        context = writer.context(t, i, market, thought)
        price = float(market.close[t, i])
        weight, reason = None, Reason.NONE
        if not math.isnan(price) and not math.isnan(thought.signals.score[t, i]):
            lead = int(thought.signals.lead[t, i])
            may_enter = book.account[MODE] == TRADING and may_lead(lead, book, setup.rules.limits)
            wanted, code = target_at(
                i, t, thought.signals, book, terms or setup.terms, price, setup.rules.targets,
                may_enter,
            )  # fmt: skip
            weight, reason = float(wanted), Reason.of(int(code))
        known = int(thought.regime.code[t, i])
        silent = context is None or math.isnan(thought.context.bias[t, i])
        return Prediction(
            instrument=str(market.instruments[i]),
            as_of=int(market.known_at[t]),
            bias=None if context is None or silent else context.bias,
            confidence=None if context is None or silent else context.confidence,
            regime=None if known < 0 else Regime(known).name,
            regime_confidence=None if known < 0 else float(thought.regime.confidence[t, i]),
            target_weight=weight,
            target_reason=str(reason),
            opinions=()
            if context is None
            else tuple(
                OpinionRow(
                    agent=voice.agent,
                    bias=voice.bias,
                    confidence=voice.confidence,
                    weight=voice.weight,
                    rationale=voice.rationale,
                )
                for voice in context.voices
            ),
        )

    @property
    def _book(self) -> Book:
        return self.account.session.account.book

    def _equity(self) -> float:
        return float(self._book.account[EQUITY])

    def _drawdown(self) -> float:
        peak = float(self._book.account[PEAK_EQUITY])
        return max(0.0, 1.0 - self._equity() / peak) if peak > 0.0 else 0.0

    def _regimes(self) -> dict[str, str]:
        thought = self.account.session.engine.last_thought
        if thought is None:
            return {}
        codes = thought.regime.code[-1]
        ids = [str(each.id) for each in self.account.plan.instruments]
        return {ids[i]: Regime(int(code)).name for i, code in enumerate(codes) if code >= 0}
