"""What several packages' tests need: a finished backtest that nobody had to run."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from tutti.kernel.clock import DAY, HOUR
from tutti.model.instrument import InstrumentId
from tutti.sandbox.result import (
    BacktestResult,
    Baseline,
    ClosedTrade,
    FillRow,
    OrderRow,
    Parity,
    SourceFile,
)

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, IntArray

_START = 1_704_067_200_000_000_000  # 2024-01-01
_CASH = 10_000.0
_FEE = 0.0005


class ResultMaker(Protocol):
    """Makes a result of a crossing of two means on random walks; changes replace fields."""

    def __call__(
        self, *, n_bars: int = 2000, n_instruments: int = 3, seed: int = 7, **changes: Any
    ) -> BacktestResult: ...


@pytest.fixture(scope="session")
def make_result() -> ResultMaker:
    return _made


def _made(
    *, n_bars: int = 2000, n_instruments: int = 3, seed: int = 7, **changes: Any
) -> BacktestResult:
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0.0, 0.008, (n_bars, n_instruments)), axis=0)
    closes = 100.0 * (1 + np.arange(n_instruments)) * np.exp(walk)
    ts = _START + HOUR * np.arange(1, n_bars + 1, dtype=np.int64)
    trader = _Trader(ts, np.asarray(closes, np.float64))
    equity = trader.equity()
    held = np.full(n_instruments, _CASH / n_instruments) / closes[0]
    baselines = {
        "buy_and_hold": closes @ held,
        "random": _CASH * np.exp(np.cumsum(rng.normal(-1e-5, 0.002, n_bars))),
        "flat": np.full(n_bars, _CASH),
    }
    values: dict[str, Any] = {
        "run_id": "backtest-20240101-000000",
        "ledger_hash": "ab" * 32,
        "tier": "both",
        "instruments": tuple(
            InstrumentId(f"COIN{i}-USDT-PERP", "SIM") for i in range(n_instruments)
        ),
        "ts": ts,
        "step": HOUR,
        "equity": equity,
        "gross_exposure": trader.gross / equity,
        "net_exposure": trader.gross / equity,
        "closes_at": ts,
        "closes": closes,
        "fills": tuple(trader.fills),
        "orders": tuple(trader.orders),
        "trades": tuple(trader.trades),
        "refusals": {"gross_exposure": 12, "instrument_exposure": 31, "stale_data": 2},
        "metrics": _metrics(equity, fees=float(sum(fill.fee for fill in trader.fills)))
        | {"n_trades": float(len(trader.trades))},
        "baselines": {
            name: Baseline(name=name, metrics=_metrics(curve), equity=curve)
            for name, curve in baselines.items()
        },
        "parity": Parity(
            max_rel_equity_diff=2e-13,
            fills_equal=True,
            n_fills_event=len(trader.fills),
            n_fills_fast=len(trader.fills),
        ),
        "n_bars": n_bars * n_instruments,
        "n_decisions": len(trader.orders) + 45,
        "n_orders": len(trader.orders),
        "n_fills": len(trader.fills),
        "n_refusals": 45,
        "starting_balance": _CASH,
        "final_equity": float(equity[-1]),
        "funding": -12.5,
        "seconds": 0.25,
        "bars_per_second": n_bars * n_instruments / 0.25,
        "seed": seed,
        "data_files": (
            SourceFile(path="data/COIN0-USDT-PERP_1h.parquet", sha256="cd" * 32, rows=n_bars),
        ),
        "findings": ("COIN0-USDT-PERP_1h.parquet: 3 bars missing after 2024-01-05T07:00",),
        "configuration": {"seed": seed, "policy": {"name": "ema_cross"}},
        "configuration_hash": "ef" * 32,
        "versions": {"tutti": "0.1.0", "python": "3.11.7"},
    }
    return BacktestResult(**(values | changes))


class _Trader:
    """Holds a tenth of the starting cash of each coin whose fast mean is above its slow one."""

    def __init__(self, ts: IntArray, closes: FloatArray) -> None:
        self.fills: list[FillRow] = []
        self.orders: list[OrderRow] = []
        self.trades: list[ClosedTrade] = []
        self._cash = np.full(len(ts), _CASH)
        self._value = np.zeros(len(ts))
        for i in range(closes.shape[1]):
            self._trade(ts, closes[:, i], i)

    @property
    def gross(self) -> FloatArray:
        return self._value

    def equity(self) -> FloatArray:
        return self._cash + self._value

    def _trade(self, ts: IntArray, close: FloatArray, i: int) -> None:
        total = np.concatenate([[0.0], np.cumsum(close)])
        t = np.arange(100, len(close) - 1)
        wanted = (total[t] - total[t - 20]) / 20 > (total[t] - total[t - 100]) / 100
        turns = t[np.flatnonzero(np.diff(wanted.astype(int), prepend=0))].tolist()
        for start, stop in itertools.zip_longest(turns[::2], turns[1::2]):
            price = _price(close[start])
            quantity = (Decimal(1000) / price).quantize(Decimal("0.001"))
            self._pay(start, self._fill(int(ts[start]), i, 1, quantity, price))
            self._value[start:stop] += float(quantity) * close[start:stop]
            if stop is not None:
                fill = self._fill(int(ts[stop]), i, -1, quantity, _price(close[stop]))
                self._pay(stop, fill)
                self._close(int(ts[start]), price, fill)

    def _pay(self, t: int, fill: FillRow) -> None:
        self._cash[t:] -= fill.side * float(fill.quantity * fill.price) + float(fill.fee)

    def _fill(self, ts: int, i: int, side: int, quantity: Decimal, price: Decimal) -> FillRow:
        reason = "entry" if side > 0 else "signal_exit"
        number = len(self.fills)
        fill = FillRow(
            ts=ts,
            instrument=i,
            side=side,
            quantity=quantity,
            price=price,
            fee=quantity * price * Decimal(repr(_FEE)),
            is_maker=number % 5 == 0,
            slippage_bps=1.0 + number % 3,
            order_id=f"{number:032x}",
            reason=reason,
        )
        self.fills.append(fill)
        self.orders.append(
            OrderRow(
                order_id=fill.order_id,
                ts=ts,
                instrument=i,
                side=side,
                quantity=quantity,
                type="market",
                price=price if number % 7 == 0 else None,
                status="filled",
                filled=quantity,
                average_price=price,
                reason=reason,
                lead="trend_surfer",
            )
        )
        return fill

    def _close(self, opened_at: int, entry: Decimal, fill: FillRow) -> None:
        self.trades.append(
            ClosedTrade(
                instrument=fill.instrument,
                opened_at=opened_at,
                closed_at=fill.ts,
                side=1,
                quantity=fill.quantity,
                entry_price=entry,
                exit_price=fill.price,
                pnl=fill.quantity * (fill.price - entry) - 2 * fill.fee,
                fees=2 * fill.fee,
                reason=fill.reason,
            )
        )


def _price(close: float) -> Decimal:
    return Decimal(repr(round(float(close), 2)))


def _metrics(equity: FloatArray, fees: float = 0.0) -> dict[str, float]:
    growth = np.diff(np.log(equity))
    spread = float(growth.std()) or 1.0
    years = len(equity) * HOUR / (365 * DAY)
    drawdown = float((1 - equity / np.maximum.accumulate(equity)).max())
    sharpe = float(growth.mean()) / spread * (24 * 365) ** 0.5
    cagr = float((equity[-1] / _CASH) ** (1 / years) - 1)
    return {
        "cagr": cagr,
        "sharpe": sharpe,
        "sortino": 1.4 * sharpe,
        "calmar": cagr / drawdown if drawdown else 0.0,
        "max_drawdown": drawdown,
        "volatility": spread * (24 * 365) ** 0.5 if equity.std() else 0.0,
        "hit_rate": 0.41,
        "turnover": 12.5,
        "fees": fees,
        "slippage_bps": 2.0,
        "n_trades": 0.0,
    }
