"""What a backtest leaves behind: one frozen result, its summary and its files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from tutti.kernel.clock import iso
from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from pathlib import Path

Tier = Literal["event", "fast", "both"]

TIMES = ("ts", "opened_at", "closed_at")
"""Columns of the CSV files that are instants, written as ISO 8601 to the millisecond."""

STUDIES = ("robustness", "attribution", "montecarlo", "second_opinion", "knowledge")
"""Studies of a run that its report shows."""

_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRow:
    """One fill as the reports show it.

    Parameters
    ----------
    ts : int
        ns UTC.
    instrument : int
        Column in ``BacktestResult.instruments``.
    side : int
        +1 for a buy, -1 for a sell.
    quantity, price, fee : Decimal
        Base units, quote currency, quote currency (negative for a rebate).
    slippage_bps : float
        Against the close at which it was decided; positive is worse.
    reason : str
        Why the order was sent, a value of ``model.order.Reason``.
    """

    ts: int
    instrument: int
    side: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    is_maker: bool
    slippage_bps: float
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order as the reports show it; columns as in `FillRow`.

    Parameters
    ----------
    type, status, reason : str
        Values of ``OrderType``, ``OrderStatus`` and ``Reason``.
    price : Decimal or None
        Limit or trigger; None for a market order.
    average_price : Decimal
        Of its fills; 0 without any.
    lead : str
        Agent, or policy, that the order is booked to.
    """

    order_id: str
    ts: int
    instrument: int
    side: int
    quantity: Decimal
    type: str
    price: Decimal | None
    status: str
    filled: Decimal
    average_price: Decimal
    reason: str
    lead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrade:
    """One position from opening to flat.

    Parameters
    ----------
    side : int
        +1 for a long, -1 for a short.
    pnl : Decimal
        Quote currency, after ``fees``.
    reason : str
        Why it was closed.
    """

    instrument: int
    opened_at: int
    closed_at: int
    side: int
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    pnl: Decimal
    fees: Decimal
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What doing something simpler on the same bars gave; ``equity`` has the result's shape (t,)."""

    name: str
    metrics: Mapping[str, float]
    equity: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far the two tiers are apart; the difference is relative to the event tier's equity."""

    max_rel_equity_diff: float
    fills_equal: bool
    n_fills_event: int
    n_fills_fast: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file that went in; its kind is ``bars`` or ``funding``."""

    path: str
    sha256: str
    rows: int
    kind: str = "bars"


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """Everything a backtest found out.

    Parameters
    ----------
    ts : ndarray of int64, shape (t,)
        When each tick's bars became known, ns UTC, rising.
    step : int
        Length of a bar in nanoseconds.
    equity, gross_exposure, net_exposure : ndarray of float64, shape (t,)
        Equity in quote currency; exposures as fractions of equity.
    closes_at : ndarray of int64, shape (c,)
        Times of the rows of ``closes``, which may be thinned: see `thinned`.
    closes : ndarray of float64, shape (c, n)
        Prices that the trade charts are drawn on; NaN where there was no bar.
    refusals : mapping of str to int
        Rule to number of intents that it refused.
    metrics : mapping of str to float
        Keys of ``stats.performance``.
    baselines : mapping of str to Baseline
        ``buy_and_hold``, ``random`` and ``flat``.
    n_bars : int
        Symbol-bars: bars that were there, over all instruments.
    funding : float
        Received over the run, in quote currency; negative when paid.
    seconds : float
        Wall time of the run without reading files.
    terms : mapping
        What was traded on, as JSON values: each instrument's contract terms, assumed ones
        included, and each venue's balance, costs and fill rules.
    honest : mapping
        What a sceptic asks of the headline, as JSON values: ``sandbox.honesty.Honesty.to_dict()``;
        empty where it was not worked out.
    studies : mapping of str to mapping
        Studies of this run by kind, of `STUDIES`, as JSON values; each is a file ``KIND.json``
        beside the run's.
    """

    run_id: str
    ledger_hash: str
    tier: Tier
    instruments: tuple[InstrumentId, ...]
    ts: IntArray
    step: int
    equity: FloatArray
    gross_exposure: FloatArray
    net_exposure: FloatArray
    closes_at: IntArray
    closes: FloatArray
    fills: tuple[FillRow, ...]
    orders: tuple[OrderRow, ...]
    trades: tuple[ClosedTrade, ...]
    refusals: Mapping[str, int]
    metrics: Mapping[str, float]
    baselines: Mapping[str, Baseline]
    parity: Parity | None
    n_bars: int
    n_decisions: int
    n_orders: int
    n_fills: int
    n_refusals: int
    starting_balance: float
    final_equity: float
    funding: float
    seconds: float
    bars_per_second: float
    seed: int
    data_files: tuple[SourceFile, ...]
    findings: tuple[str, ...]
    configuration: Mapping[str, Any]
    configuration_hash: str
    versions: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, Any] = field(default_factory=dict)
    honest: Mapping[str, Any] = field(default_factory=dict)
    studies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = self.ts.shape
        if len(shape) != 1 or not shape[0]:
            raise ValueError(f"a result needs at least one tick, ts has shape {shape}")
        for name in ("equity", "gross_exposure", "net_exposure"):
            if (found := getattr(self, name).shape) != shape:
                raise ValueError(f"{name} must have shape {shape}, was {found}")
        for baseline in self.baselines.values():
            if baseline.equity.shape != shape:
                raise ValueError(
                    f"baseline {baseline.name}: equity must have shape {shape}, "
                    f"was {baseline.equity.shape}"
                )
        expected = (len(self.closes_at), len(self.instruments))
        if self.closes.shape != expected:
            raise ValueError(f"closes must have shape {expected}, was {self.closes.shape}")


def thinned(ts: IntArray, values: FloatArray, n_points: int) -> tuple[IntArray, FloatArray]:
    """Return at most ``n_points`` evenly spaced rows of both, the first and the last included.

    Parameters
    ----------
    ts : ndarray of int64, shape (t,)
    values : ndarray of float64, shape (t,) or (t, n)
    n_points : int
        At least 2.
    """
    if len(ts) <= n_points:
        return ts, values
    rows = np.linspace(0, len(ts) - 1, n_points).round().astype(np.int64)
    return ts[rows], values[rows]


def summary(result: BacktestResult) -> dict[str, Any]:
    """Return the JSON object that ``tutti backtest --json`` prints.

    A figure that is not finite becomes None, which JSON can say.
    """
    parity = result.parity
    return {
        "run_id": result.run_id,
        "ledger_hash": result.ledger_hash,
        "tier": result.tier,
        "instruments": [str(instrument) for instrument in result.instruments],
        "start": iso(int(result.ts[0])),
        "end": iso(int(result.ts[-1])),
        "n_bars": result.n_bars,
        "n_decisions": result.n_decisions,
        "n_orders": result.n_orders,
        "n_fills": result.n_fills,
        "n_refusals": result.n_refusals,
        "refusals": dict(sorted(result.refusals.items())),
        "starting_balance": _number(result.starting_balance),
        "final_equity": _number(result.final_equity),
        "metrics": _numbers(result.metrics),
        "baselines": {
            name: {"final_equity": _number(float(baseline.equity[-1]))} | _numbers(baseline.metrics)
            for name, baseline in result.baselines.items()
        },
        "parity": None
        if parity is None
        else {
            "max_rel_equity_diff": _number(parity.max_rel_equity_diff),
            "fills_equal": parity.fills_equal,
            "n_fills_event": parity.n_fills_event,
            "n_fills_fast": parity.n_fills_fast,
        },
        "honest": json_value(dict(result.honest)),
        "seed": result.seed,
        "configuration_hash": result.configuration_hash,
        "findings": list(result.findings),
        "seconds": _number(result.seconds),
        "bars_per_second": _number(result.bars_per_second),
    }


def write_result(
    result: BacktestResult, folder: Path, *, command: Sequence[str] = ()
) -> tuple[Path, ...]:
    """Write orders, fills, trades, equity and prices as CSV, and ``run.json``; return the paths.

    Each file appears whole or not at all: it is written beside its place and moved there;
    ``run.json`` comes last and has the others' SHA-256 as ``files``.

    Parameters
    ----------
    folder : Path
        Made if it is absent.
    command : sequence of str
        Command line of the run, recorded in ``run.json``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writers: dict[str, Callable[[IO[bytes]], object]] = {
        "orders.csv": lambda file: _write_rows(file, OrderRow, result.orders, result),
        "fills.csv": lambda file: _write_rows(file, FillRow, result.fills, result),
        "trades.csv": lambda file: _write_rows(file, ClosedTrade, result.trades, result),
        "equity.csv": lambda file: _write_equity(file, result),
        "prices.csv": lambda file: _write_prices(file, result),
    }
    written = [write_atomically(folder / name, write) for name, write in writers.items()]
    hashes = {path.name: file_sha256(path) for path in written}
    run = write_atomically(
        folder / "run.json", lambda file: _write_run(file, result, command, hashes)
    )
    return (*written, run)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> Path:
    """Call ``write`` with a new file, move it to ``path`` once it is on disk; return the path."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _write_rows(
    file: IO[bytes],
    kind: type[OrderRow | FillRow | ClosedTrade],
    rows: Sequence[OrderRow | FillRow | ClosedTrade],
    result: BacktestResult,
) -> None:
    names = [str(instrument) for instrument in result.instruments]
    columns = [each.name for each in fields(kind)]
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(name, getattr(row, name), names) for name in columns])
    text.detach()


def _cell(column: str, value: Any, names: Sequence[str]) -> str:
    if column == "instrument":
        return names[int(value)]
    if column == "side":
        return "buy" if value > 0 else "sell"
    if column in TIMES:
        return iso(int(value))
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return repr(float(value))
    return "" if value is None else str(value)


def _write_equity(file: IO[bytes], result: BacktestResult) -> None:
    columns = {"equity": result.equity}
    columns |= {name: baseline.equity for name, baseline in result.baselines.items()}
    columns |= {"gross_exposure": result.gross_exposure, "net_exposure": result.net_exposure}
    _write_columns(file, result.ts, columns)


def _write_prices(file: IO[bytes], result: BacktestResult) -> None:
    columns = {str(name): result.closes[:, i] for i, name in enumerate(result.instruments)}
    _write_columns(file, result.closes_at, columns)


def _write_columns(file: IO[bytes], ts: IntArray, columns: Mapping[str, FloatArray]) -> None:
    # half a million rows are usual, and as text they are large: so piece by piece
    for begin in range(0, max(len(ts), 1), _ROWS_AT_ONCE):
        rows = slice(begin, begin + _ROWS_AT_ONCE)
        stamps = pl.from_epoch(pl.Series("ts", ts[rows]), "ns").dt.strftime(
            "%Y-%m-%dT%H:%M:%S%.3fZ"
        )
        parts = [pl.Series(name, values[rows]) for name, values in columns.items()]
        frame = pl.DataFrame([stamps, *parts]).fill_nan(None)
        frame.write_csv(file, include_header=begin == 0)


def _write_run(
    file: IO[bytes], result: BacktestResult, command: Sequence[str], hashes: Mapping[str, str]
) -> None:
    document = {
        "command": list(command),
        **summary(result),
        "step": result.step,
        "funding": _number(result.funding),
        "versions": dict(result.versions),
        "data_files": [asdict(source) for source in result.data_files],
        "configuration": result.configuration,
        "terms": result.terms,
        "files": dict(hashes),
    }
    file.write(f"{json.dumps(document, indent=2, allow_nan=False)}\n".encode())


def json_value(value: Any) -> Any:
    """Return ``value`` with every figure that is not finite replaced by None, at any depth."""
    if isinstance(value, Mapping):
        return {str(key): json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    # a count is a whole number in JSON too
    return {
        name: int(value) if name == "n_trades" else _number(value) for name, value in values.items()
    }
