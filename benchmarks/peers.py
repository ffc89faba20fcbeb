"""Run one EMA cross on another engine and print one line of JSON with its cost and its result.

Long one unit while the fast EMA is above the slow one, else flat; market orders, a fee on the
notional, no spread and no slippage. An EMA is seeded with the first close; nothing trades before
bar ``slow`` (counted from 0). The decision falls at the close of a bar and fills at the next open.
NautilusTrader is the exception: a market order sent from ``on_bar`` fills at that bar's close, its
last price. Every engine's orders and equity are checked against a plain loop with its own rule, and
no figure is printed when they differ. Bars without gaps make the two rules one.

Each engine runs in its fastest idiomatic form, in a process of its own. Imports and the conversion
of the bars are not counted; indicators, orders and the final equity are.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

CASH = 10_000.0
_MOST_REL_DIFFERENCE = 1e-9

Bars = dict[str, np.ndarray]


class FillRule(StrEnum):
    """The price that a decision at the close of a bar gets."""

    NEXT_OPEN = "next_open"
    DECISION_CLOSE = "decision_close"


@dataclass(frozen=True, kw_only=True)
class Cross:
    """What is traded."""

    fast: int
    slow: int
    fee_rate: float


class Outcome(NamedTuple):
    """What came of it, the position marked at the last close."""

    n_orders: int
    final_equity: float


class Peer(NamedTuple):
    """An engine, ready to run any number of times."""

    version: str
    fill_rule: FillRule
    run: Callable[[], Outcome]


def ema(close: np.ndarray, span: int) -> np.ndarray:
    """Return the recursion with weight 2 / (span + 1), seeded with the first close."""
    weight = 2.0 / (span + 1.0)
    value = float(close[0])
    out = [value]
    for price in close[1:].tolist():
        value = weight * price + (1.0 - weight) * value
        out.append(value)
    return np.array(out)


def reference(bars: Bars, cross: Cross, rule: FillRule) -> Outcome:
    """Return what the rules above come to, computed by a plain loop."""
    close = bars["close"]
    target = ema(close, cross.fast) > ema(close, cross.slow)
    target[: cross.slow] = False
    if rule is FillRule.NEXT_OPEN:
        target = np.concatenate([[False], target[:-1]])
    price = bars["open"] if rule is FillRule.NEXT_OPEN else close
    change = np.diff(target.astype(int), prepend=0)
    cash = CASH
    orders = np.flatnonzero(change)
    for i in orders.tolist():
        cash -= change[i] * price[i] + cross.fee_rate * price[i]
    return Outcome(len(orders), float(cash + target[-1] * close[-1]))


def backtesting(bars: Bars, cross: Cross) -> Peer:
    """Return backtesting.py: one call of ``next`` for each bar."""
    import backtesting as engine
    import pandas as pd

    frame = pd.DataFrame(
        {name.title(): bars[name] for name in ("open", "high", "low", "close", "volume")},
        index=pd.to_datetime(bars["ts"], unit="ns"),
    )

    def average(close: Any, span: int) -> np.ndarray:
        values = pd.Series(close).ewm(span=span, adjust=False).mean().to_numpy(copy=True)
        values[: cross.slow - 1] = np.nan  # the engine starts at the bar after the last NaN + 1
        return values

    class EmaCross(engine.Strategy):
        def init(self) -> None:
            self.fast = self.I(average, self.data.Close, cross.fast)
            self.slow = self.I(average, self.data.Close, cross.slow)

        def next(self) -> None:
            if self.fast[-1] > self.slow[-1]:
                if not self.position:
                    self.buy(size=1)
            elif self.position:
                self.position.close()

    def run() -> Outcome:
        stats = engine.Backtest(frame, EmaCross, cash=CASH, commission=cross.fee_rate).run()
        still_open = len(stats["_strategy"].trades)
        return Outcome(2 * len(stats["_trades"]) + still_open, float(stats["Equity Final [$]"]))

    return Peer(engine.__version__, FillRule.NEXT_OPEN, run)


def vectorbt(bars: Bars, cross: Cross, *, compiled_by: str = "numba") -> Peer:
    """Return vectorbt: whole arrays through a simulation compiled by Numba, as it installs."""
    import pandas as pd
    import vectorbt as engine

    engine.settings["engine"] = compiled_by
    index = pd.to_datetime(bars["ts"], unit="ns")
    close = pd.Series(bars["close"], index=index)
    open_ = pd.Series(bars["open"], index=index)

    def run() -> Outcome:
        fast = engine.MA.run(close, cross.fast, ewm=True).ma.to_numpy()
        slow = engine.MA.run(close, cross.slow, ewm=True).ma.to_numpy()
        entries = np.zeros(len(close), dtype=np.bool_)
        entries[cross.slow + 1 :] = (fast > slow)[cross.slow : -1]
        portfolio = engine.Portfolio.from_signals(
            close,
            entries,
            ~entries,
            price=open_,
            size=1.0,
            fees=cross.fee_rate,
            init_cash=CASH,
            freq="1min",
        )
        return Outcome(int(portfolio.orders.count()), float(portfolio.final_value()))

    return Peer(engine.__version__, FillRule.NEXT_OPEN, run)


def vectorbt_rust(bars: Bars, cross: Cross) -> Peer:
    """Return vectorbt with its optional simulation in Rust."""
    return vectorbt(bars, cross, compiled_by="rust")


def nautilus(bars: Bars, cross: Cross) -> Peer:
    """Return NautilusTrader: events through the whole life of an order, risk engine included."""
    import pandas as pd
    from nautilus_trader import __version__
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.indicators import ExponentialMovingAverage
    from nautilus_trader.model.currencies import BTC, USDT
    from nautilus_trader.model.data import Bar, BarType
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import CurrencyPair
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.persistence.wranglers import BarDataWrangler
    from nautilus_trader.trading.strategy import Strategy

    venue = Venue("SIM")
    pair = CurrencyPair(
        instrument_id=InstrumentId(Symbol("BTCUSDT"), venue),
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=2,
        size_precision=0,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_str("1"),
        maker_fee=Decimal(str(cross.fee_rate)),
        taker_fee=Decimal(str(cross.fee_rate)),
        ts_event=0,
        ts_init=0,
    )
    bar_type = BarType.from_str(f"{pair.id}-1-MINUTE-LAST-EXTERNAL")

    class EmaCross(Strategy):
        def __init__(self) -> None:
            super().__init__()
            self.fast = ExponentialMovingAverage(cross.fast)
            self.slow = ExponentialMovingAverage(cross.slow)
            self.unit = pair.make_qty(1)
            self.is_long = False

        def on_start(self) -> None:
            self.register_indicator_for_bars(bar_type, self.fast)
            self.register_indicator_for_bars(bar_type, self.slow)
            self.subscribe_bars(bar_type)

        def on_bar(self, _bar: Bar) -> None:
            if self.slow.count <= cross.slow:
                return
            want_long = self.fast.value > self.slow.value
            if want_long is not self.is_long:
                side = OrderSide.BUY if want_long else OrderSide.SELL
                self.submit_order(self.order_factory.market(pair.id, side, self.unit))
                self.is_long = want_long

    frame = pd.DataFrame(
        {name: bars[name] for name in ("open", "high", "low", "close", "volume")},
        index=pd.to_datetime(bars["ts"] + 60_000_000_000, unit="ns", utc=True),
    )
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False)
    )
    engine.add_venue(
        venue=venue,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        starting_balances=[Money(CASH, USDT)],
    )
    engine.add_instrument(pair)
    engine.add_data(BarDataWrangler(bar_type, pair).process(frame))
    engine.add_strategy(EmaCross())
    last_close = float(bars["close"][-1])

    def run() -> Outcome:
        engine.run()
        account = engine.cache.account_for_venue(venue)
        units = float(engine.portfolio.net_position(pair.id))
        cash = account.balance_total(USDT).as_double()
        return Outcome(engine.cache.orders_closed_count(), cash + units * last_close)

    return Peer(__version__, FillRule.DECISION_CLOSE, run)


PEERS = {
    "backtesting": backtesting,
    "nautilus": nautilus,
    "vectorbt": vectorbt,
    "vectorbt-rust": vectorbt_rust,
}
# The first run of an engine that compiles itself is not counted.
_WARM_RUNS = {"backtesting": 0, "nautilus": 0, "vectorbt": 5, "vectorbt-rust": 5}


def measure(name: str, bars: Bars, cross: Cross) -> dict[str, Any]:
    """Return the cost of one engine's run, once its result is found right.

    Raises
    ------
    SystemExit
        If its orders or its equity are not those of the reference.
    """
    peer = PEERS[name](bars, cross)
    n_bars = len(bars["close"])
    expected = reference(bars, cross, peer.fill_rule)
    cold, *warm = [_timed(peer.run) for _ in range(1 + _WARM_RUNS[name])]
    outcome = cold[0]
    rel_difference = abs(outcome.final_equity / expected.final_equity - 1.0)
    if outcome.n_orders != expected.n_orders or rel_difference > _MOST_REL_DIFFERENCE:
        raise SystemExit(f"{name} came to {outcome}, the reference to {expected}")
    counted = warm or [cold]
    cpu_s = statistics.median(cpu for _, cpu, _ in counted)
    return {
        "engine": name,
        "version": peer.version,
        "bars": n_bars,
        "fast": cross.fast,
        "slow": cross.slow,
        "fill_rule": peer.fill_rule,
        "cpu_s": round(cpu_s, 6),
        "cold_cpu_s": round(cold[1], 6),
        "wall_s": round(statistics.median(wall for _, _, wall in counted), 6),
        "bars_per_cpu_s": round(n_bars / cpu_s),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "n_orders": outcome.n_orders,
        "final_equity": outcome.final_equity,
        "reference_equity": expected.final_equity,
    }


def _timed(run: Callable[[], Outcome]) -> tuple[Outcome, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = run()
    return outcome, time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    """Measure one engine on the bars of one file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=sorted(PEERS))
    parser.add_argument("bars", type=Path, help="*.npz, as bars.py writes it")
    parser.add_argument("--fast", type=int, default=60)
    parser.add_argument("--slow", type=int, default=240)
    parser.add_argument("--fee-bps", type=float, default=1.0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["TQDM_DISABLE"] = "1"  # backtesting.py draws a bar
    with np.load(options.bars) as archive:
        bars = {name: archive[name] for name in archive.files}
    cross = Cross(fast=options.fast, slow=options.slow, fee_rate=options.fee_bps / 10_000)
    print(json.dumps(measure(options.engine, bars, cross)))


if __name__ == "__main__":
    main()
