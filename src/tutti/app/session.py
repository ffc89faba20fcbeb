"""One stretch of a run on a ledger: from the row that says it started to the one that says why it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti import __version__
from tutti.app.build import analysis_of, venues_of
from tutti.app.config import config_hash
from tutti.engine.engine import Account, Engine
from tutti.execution.book_of_orders import OpenOrders
from tutti.kernel.ids import IdSource
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import DataSource, Started, Stopped
from tutti.model.arrays import EQUITY
from tutti.portfolio.accounting import new_book
from tutti.portfolio.positions import Portfolio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.app.build import Plan
    from tutti.app.settings import Config
    from tutti.engine.engine import EngineListener
    from tutti.ledger.store import Head, JournalStore


class Session:
    """An engine on a ledger, with everything that it needs.

    Parameters
    ----------
    config : Config
    plan : Plan
    store : JournalStore
        Where the ledger is kept.
    run_id : str
        Enters the first hash and every order id.
    start : int
        Market time at which the account begins, ns UTC.
    data : sequence of DataSource
        Files that are read.
    listener : EngineListener, optional
    versions : dict of str to str, optional
        What the first row says of the software; a replay passes what was recorded.
    """

    def __init__(
        self,
        config: Config,
        plan: Plan,
        store: JournalStore,
        *,
        run_id: str,
        start: int,
        data: Sequence[DataSource] = (),
        listener: EngineListener | None = None,
        versions: dict[str, str] | None = None,
    ) -> None:
        setup = plan.setup
        self.run_id = run_id
        self.plan = plan
        self.analysis = analysis_of(config, plan.instruments)
        self.venues = venues_of(config, plan)
        cash = [float(plan.balances[name]) for name in plan.venues]
        names = self.analysis.agent_names
        self.account = Account(
            book=new_book(len(plan.instruments), len(names), cash, start),
            portfolio=Portfolio(plan.balances),
            orders=OpenOrders(),
        )
        self._journal = Journal(store, run_id)
        self.engine = Engine(
            setup=setup,
            analysis=self.analysis,
            account=self.account,
            venues=self.venues,
            market_venues=tuple(self.venues.values()),
            journal=self._journal,
            ids=IdSource(run_id),
            random=np.random.default_rng(config.seed),
            listener=listener,
        )
        started = Started(
            run_id=run_id,
            configuration=config_hash(config),
            seed=config.seed,
            versions={"tutti": __version__} if versions is None else versions,
            instruments=tuple(str(each.id) for each in plan.instruments),
            agents=names,
            balances=dict(plan.balances),
            data=tuple(data),
        )
        self._journal.append("started", start, started)
        self._journal.commit()

    @property
    def head(self) -> Head:
        """Number and hash of the newest row."""
        return self._journal.head()

    def stop(self, ts: int, reason: str) -> Head:
        """Write down what is left and why it ended; return the last row's number and hash."""
        self.engine.close_segment()
        counts = self.engine.counts
        stopped = Stopped(
            reason=reason,
            totals={
                "ticks": counts.ticks,
                "decisions": counts.decisions,
                "orders": counts.orders,
                "fills": counts.fills,
                "refusals": counts.refusals,
            },
            equity=float(self.account.book.account[EQUITY]),
        )
        self._journal.append("stopped", ts, stopped)
        self._journal.close()
        return self._journal.head()
