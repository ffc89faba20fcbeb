"""A second opinion in plain decimals: from orders, bars and costs to the same fills and equity.

Nothing of the engine is used here, only the files that a backtest leaves and those that it read.
"""

from __future__ import annotations

import csv
import json
import math
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from tutti.app.backtest import run_backtest
from tutti.app.config import Config, override
from tutti.kernel.clock import parse_instant
from tutti.sandbox.result import write_result

pytestmark = pytest.mark.data

_SECOND = 1_000_000_000
_FREE: dict[str, object] = {
    "venues.default.impact_coefficient": 0.0,
    "venues.default.participation": 0.0,
}


class _Bar(NamedTuple):
    ts: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class _Fill(NamedTuple):
    ts: int
    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    order_id: str


class _Account:
    """Cash, positions and equity of one run, worked out anew."""

    def __init__(self, folder: Path) -> None:
        self.run = json.loads((folder / "run.json").read_text())
        self.step = self.run["step"]
        self.orders = _rows(folder / "orders.csv")
        self.recorded = _rows(folder / "fills.csv")
        self.equity = _rows(folder / "equity.csv")
        self.bars: dict[str, list[_Bar]] = {}
        self.rates: dict[str, dict[int, Decimal]] = {}
        start = _instant(self.equity[0]["ts"]) - self.step
        for source in self.run["data_files"]:
            path = Path(source["path"])
            if path.parent.parent.name == "funding":
                self.rates[f"{path.stem}.{path.parent.name.upper()}"] = self._rates(path)
            else:
                symbol = path.stem.rpartition("_")[0]
                name = f"{symbol}.{path.parent.name.upper()}"
                frame = pl.read_parquet(path).with_columns(pl.col("ts").dt.epoch("ns"))
                frame = frame.filter(pl.col("ts") >= start)
                columns = ["ts", "open", "high", "low", "close", "volume"]
                self.bars[name] = [
                    _Bar(row[0], *(Decimal(repr(value)) for value in row[1:]))
                    for row in frame.select(columns).iter_rows()
                ]
        self.terms = {
            name: {key: Decimal(value) for key, value in terms.items() if key != "kind"}
            for name, terms in self.run["terms"]["instruments"].items()
        }

    def _rates(self, path: Path) -> dict[int, Decimal]:
        """Return the rates by the start of the bar that they are paid in, on (start, end]."""
        frame = pl.read_parquet(path).with_columns(pl.col("ts").dt.epoch("ns"))
        rates: dict[int, Decimal] = {}
        for ts, rate in frame.iter_rows():
            due = round(ts / (60 * _SECOND)) * 60 * _SECOND  # paid a moment after the minute
            start = (due - 1) // self.step * self.step
            rates[start] = rates.get(start, Decimal(0)) + Decimal(repr(rate))
        return rates

    def fills(self) -> list[_Fill]:
        """Match every order, which is at market, against the bars after it."""
        found: list[_Fill] = []
        for order in self.orders:
            assert order["type"] == "market"
            if order["status"] != "rejected":
                found += self._matched(order)
        return sorted(found, key=lambda fill: (fill.ts, fill.order_id))

    def _matched(self, order: dict[str, str]) -> list[_Fill]:
        name = order["instrument"]
        terms = self.terms[name]
        costs = self.run["terms"]["venues"][name.rpartition(".")[2]]
        share = Decimal(repr(costs["participation"]))
        lot, left = terms["quantity_step"], Decimal(order["quantity"])
        sent = _instant(order["ts"])
        fills = []
        for bar in self.bars[name]:
            if bar.ts < sent or not left:
                continue
            most = left
            if share:
                lots = (bar.volume * share / lot).to_integral_value(ROUND_FLOOR)
                most = max(lots, Decimal(1)) * lot if bar.volume else Decimal(0)
            quantity = min(left, most)
            if not quantity:
                continue
            price = _price(bar, order["side"], quantity, costs, terms["price_step"])
            fee = quantity * price * terms["taker_fee"]
            fills.append(
                _Fill(bar.ts, name, order["side"], quantity, price, fee, order["order_id"])
            )
            left -= quantity
        return fills

    def curve(self, fills: list[_Fill]) -> list[Decimal]:
        """Return equity at the close of each tick: cash and positions at the last closes."""
        venues = self.run["terms"]["venues"].values()
        cash = sum((Decimal(venue["starting_balance"]) for venue in venues), Decimal(0))
        held = dict.fromkeys(self.bars, Decimal(0))
        close: dict[str, Decimal] = {}
        bars = {name: {bar.ts: bar for bar in rows} for name, rows in self.bars.items()}
        waiting = iter(fills)
        following = next(waiting, None)
        curve = []
        for row in self.equity:
            start = _instant(row["ts"]) - self.step
            while following is not None and following.ts <= start:
                sign = 1 if following.side == "buy" else -1
                cash -= sign * following.quantity * following.price + following.fee
                held[following.instrument] += sign * following.quantity
                following = next(waiting, None)
            for name, quantity in held.items():
                if start in bars[name]:
                    close[name] = bars[name][start].close
                rate = self.rates.get(name, {}).get(start)
                if rate and quantity:
                    cash -= quantity * close[name] * rate
            value = (quantity * close[name] for name, quantity in held.items() if quantity)
            curve.append(cash + sum(value, Decimal(0)))
        return curve


def _price(
    bar: _Bar, side: str, quantity: Decimal, costs: dict[str, Any], tick: Decimal
) -> Decimal:
    worse = Decimal(repr(costs["half_spread_bps"])) / 10_000
    if costs["impact_coefficient"] and bar.high > bar.low:
        sigma = (bar.high / bar.low).ln() / (2 * Decimal(2).ln().sqrt())  # Parkinson
        share = quantity / bar.volume if bar.volume else Decimal(1)
        worse += Decimal(repr(costs["impact_coefficient"])) * sigma * share.sqrt()
    if side == "buy":
        return (bar.open * (1 + worse) / tick).to_integral_value(ROUND_CEILING) * tick
    return (bar.open * (1 - worse) / tick).to_integral_value(ROUND_FLOOR) * tick


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _instant(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1_000_000


@pytest.mark.parametrize(
    ("files", "dates", "changes"),
    [
        pytest.param(
            "binance_usdm/{BTC,ETH,SOL,DOGE}-USDT-PERP_1h", ("2024-01-01", "2024-07-01"), {},
            id="perpetuals-default",
        ),
        pytest.param(
            "binance_usdm/{BTC,ETH,SOL,DOGE}-USDT-PERP_1h", ("2024-01-01", "2024-07-01"), _FREE,
            id="perpetuals-without-impact",
        ),
        pytest.param(
            "hyperliquid/{BTC,SOL,kPEPE}-USDC-PERP_1h", ("2025-01-01", "2025-04-01"), {},
            id="perpetuals-with-funding",
        ),
        pytest.param(
            "kraken/{BTC-USD,BTC-USDT,USDC-USD}_1m", ("2023-03-08", "2023-03-13"), {},
            id="spot-with-missing-bars",
        ),
        pytest.param(
            "hyperliquid/{BTC,SUI}-USDC-PERP_5m", ("2025-04-01", "2025-04-15"),
            {"venues.default.participation": 0.0005, "policy.sizing.base_notional": 3000,
             "risk.max_instrument_fraction": None, "venues.default.taker_fee": 0.001},
            id="partial-fills",
        ),
        pytest.param(
            "binance_usdm/{BTC,ETH}-USDT-PERP_1h", ("2024-01-01", "2024-07-01"),
            {"policy.name": "ema_cross", "policy.long_only": False, "policy.rebalance_band": 0.05,
             "policy.sizing.method": "fixed_fraction", "policy.sizing.fraction": 0.4,
             "risk.max_instrument_fraction": 0.5, "risk.max_notional_multiple": None},
            id="resized-and-turned",
        ),
    ],
)  # fmt: skip
def test_fills_and_equity_follow_from_orders_bars_and_costs_alone(
    market_data: Path,
    tmp_path: Path,
    files: str,
    dates: tuple[str, str],
    changes: dict[str, object],
) -> None:
    venue, names = files.split("/")
    folder = market_data / "crypto" / "ohlcv" / venue
    head, rest = names.split("{")
    inner, tail = rest.split("}")
    result = run_backtest(
        override(Config(), changes),
        [str(folder / f"{head}{name}{tail}.parquet") for name in inner.split(",")],
        parse_instant(dates[0]),
        parse_instant(dates[1]),
        "event",
        tmp_path,
        lambda *_: None,
    )
    write_result(result, tmp_path)
    account = _Account(tmp_path)
    with localcontext(prec=40):
        last = max(_instant(row["ts"]) for row in account.equity)
        mine = [fill for fill in account.fills() if fill.ts < last]
        theirs = sorted(
            (
                _Fill(
                    _instant(row["ts"]), row["instrument"], row["side"], Decimal(row["quantity"]),
                    Decimal(row["price"]), Decimal(row["fee"]), row["order_id"],
                )
                for row in account.recorded
            ),
            key=lambda fill: (fill.ts, fill.order_id),
        )  # fmt: skip
        assert len(theirs) > 20
        assert mine == theirs
        for curve, row in zip(account.curve(mine), account.equity, strict=True):
            assert math.isclose(float(curve), float(row["equity"]), rel_tol=1e-9)
    assert float(account.equity[-1]["equity"]) == pytest.approx(account.run["final_equity"])
    assert sum(float(fill.fee) for fill in mine) == pytest.approx(account.run["metrics"]["fees"])
