"""A result from a ledger alone: for runs on paper or for real, which leave no result of their own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.account_folder import kept_configuration
from tutti.app.recorder import Recorder
from tutti.execution.lifecycle import forced_fill_of
from tutti.ledger.kinds import AccountState, Decision, Objection, Started, Stopped
from tutti.ledger.records import decode
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.order import Fill, FundingPaid, Liquidated, Order, OrderIntent
from tutti.portfolio.positions import Portfolio
from tutti.sandbox.result import BacktestResult, SourceFile
from tutti.stats.performance import performance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tutti.ledger.store import LedgerReader, Row
    from tutti.model.market import FloatArray, IntArray

_MINUTE_NS = 60_000_000_000


def recorded_result(folder: Path) -> BacktestResult:
    """Return what the ledger in ``folder`` says came of a run.

    Equity is known where the ledger names it: at decisions, at states of the account, at the end.
    Bars, exposures and baselines it does not hold; they are empty or NaN.

    Raises
    ------
    ConfigError
        If nothing was decided yet.
    LedgerError
        If a row can't be read.
    """
    with SqliteLedgerReader(folder) as ledger:
        first = next(ledger.rows(kinds=["started"]), None)
        if first is None:
            raise ConfigError(f"{folder}: nothing was recorded; there is nothing to look at")
        heard = _Heard(decode(first, Started))
        for row in ledger.rows():
            heard.row(row)
        return heard.result(ledger, _configuration(folder, heard.started))


class _Heard:
    """Rows of a ledger, gathered in the words of a result."""

    def __init__(self, started: Started) -> None:
        self.started = started
        self._instruments = tuple(map(InstrumentId.parse, started.instruments))
        self._recorder = Recorder({each: i for i, each in enumerate(self._instruments)})
        self._portfolio = Portfolio(started.balances)
        self._intents: dict[str, OrderIntent] = {}
        self._equity: dict[int, float] = {}
        self._refusals: Counter[str] = Counter()
        self._fill_ids: set[str] = set()
        self._n_decisions = 0

    def row(self, row: Row) -> None:
        match row.kind:
            case "decision":
                self._n_decisions += 1
                self._equity[row.ts] = decode(row, Decision).equity
            case "account":
                self._equity[row.ts] = decode(row, AccountState).equity
            case "stopped":
                if (equity := decode(row, Stopped).equity) is not None:
                    self._equity[row.ts] = equity
            case "refusal":
                self._refusals[decode(row, Objection).rule] += 1
            case _:
                self._traded(row)

    def _traded(self, row: Row) -> None:
        match row.kind:
            case "intent":
                self._intents[row.ref] = decode(row, OrderIntent)
            case "order":
                order = decode(row, Order)
                if order.id in self._intents:
                    self._recorder.order_changed(order, self._intents[order.id])
            case "fill":
                self._filled(decode(row, Fill))
            case "liquidation":
                self._filled(forced_fill_of(decode(row, Liquidated)))
            case "funding":
                self._portfolio.fund(decode(row, FundingPaid))
            case _:
                pass

    def _filled(self, fill: Fill) -> None:
        if fill.id in self._fill_ids:  # a forced close may be on record as a fill, too
            return
        self._fill_ids.add(fill.id)
        self._portfolio.apply(fill, "")
        self._recorder.filled(fill, self._intents.get(fill.order_id))

    def result(self, ledger: LedgerReader, configuration: Mapping[str, Any]) -> BacktestResult:
        if not self._equity:
            raise ConfigError(
                f"{self.started.run_id}: nothing was decided yet; wait for a decision"
            )
        ts = np.array(sorted(self._equity), np.int64)
        equity = np.array([self._equity[each] for each in ts.tolist()])
        trades, fills = self._recorder.trades(self._portfolio.trades), self._recorder.fills()
        step = self.started.step or _MINUTE_NS
        nowhere = np.full(len(ts), np.nan)
        return BacktestResult(
            run_id=self.started.run_id,
            ledger_hash=next(ledger.rows(newest_first=True)).hash.hex(),
            tier="event",
            instruments=self._instruments,
            ts=ts,
            step=step,
            equity=equity,
            gross_exposure=nowhere,
            net_exposure=nowhere,
            closes_at=np.zeros(0, np.int64),
            closes=np.zeros((0, len(self._instruments))),
            fills=fills,
            orders=self._recorder.orders(),
            trades=trades,
            refusals=dict(self._refusals),
            metrics=self._metrics(ts, equity, step),
            baselines={},
            parity=None,
            n_bars=0,
            n_decisions=self._n_decisions,
            n_orders=len(self._recorder.orders()),
            n_fills=len(fills),
            n_refusals=sum(self._refusals.values()),
            starting_balance=float(sum(self.started.balances.values())),
            final_equity=float(equity[-1]),
            funding=float(self._portfolio.funding),
            seconds=0.0,
            bars_per_second=0.0,
            seed=self.started.seed,
            data_files=tuple(
                SourceFile(path=each.path, sha256=each.sha256, rows=each.rows)
                for each in self.started.data
            ),
            findings=(),
            configuration=configuration,
            configuration_hash=self.started.configuration,
            versions=self.started.versions,
        )

    def _metrics(self, ts: IntArray, equity: FloatArray, step: int) -> dict[str, float]:
        slippage = [each.slippage_bps for each in self._recorder.fills()]
        found = performance(
            equity,
            step_ns=step,
            span_ns=int(ts[-1] - ts[0]),
            trade_pnls=[
                float(trade.pnl) for trade in self._recorder.trades(self._portfolio.trades)
            ],
            fees=float(self._portfolio.fees),
            slippage_bps=float(np.mean(slippage)) if slippage else 0.0,
            traded_notional=float(self._portfolio.turnover),
            ts=ts,
        )
        return {name: value for name, value in found.items() if name != "exposure"}


def _configuration(folder: Path, started: Started) -> dict[str, Any]:
    return kept_configuration(folder, started.configuration) or {}
