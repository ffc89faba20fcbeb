"""Reads back a backtest's result from the files that it left."""

from __future__ import annotations

import csv
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import polars as pl

from tutti.kernel.clock import parse_instant
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.result import (
    STUDIES,
    TIMES,
    BacktestResult,
    Baseline,
    ClosedTrade,
    FillRow,
    OrderRow,
    Parity,
    SourceFile,
    file_sha256,
)
from tutti.sandbox.saved_shapes import read_run, read_study

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tutti.model.market import FloatArray, IntArray

_Row = TypeVar("_Row", OrderRow, FillRow, ClosedTrade)

_FILES = ("equity.csv", "prices.csv", "fills.csv", "orders.csv", "trades.csv")
_DECIMALS = frozenset(
    {
        "quantity",
        "price",
        "fee",
        "fees",
        "filled",
        "average_price",
        "entry_price",
        "exit_price",
        "pnl",
    }
)


def load_result(folder: Path) -> BacktestResult:
    """Return the result that ``write_result`` left in ``folder``; instants to the millisecond.

    Raises
    ------
    ConfigError
        If there is none.
    DataError
        If a file of it is missing, or was changed since.
    """
    path = folder / "run.json"
    if not path.is_file():
        raise ConfigError(
            f"{folder}: no finished backtest here; name the folder that tutti backtest --out wrote"
        )
    run = read_run(path)
    for name in _FILES:
        if not (folder / name).is_file():
            raise DataError(f"{folder / name}: missing; run the backtest again")
        # rows that were cut off or edited would be told as if they were all
        if run.get("files", {}).get(name, found := file_sha256(folder / name)) != found:
            raise DataError(
                f"{folder / name}: not the file that the run left; run the backtest again"
            )
    try:
        return _result(folder, run)
    except (ValueError, KeyError, TypeError, InvalidOperation, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{folder}: its files can't be read ({type(error).__name__}: {error}); "
            "run the backtest again"
        ) from error


def _result(folder: Path, run: dict[str, Any]) -> BacktestResult:
    names: list[str] = run["instruments"]
    curves = pl.read_csv(folder / "equity.csv")
    prices = pl.read_csv(folder / "prices.csv")
    baselines = {
        name: Baseline(
            name=name,
            metrics=_floats({key: v for key, v in values.items() if key != "final_equity"}),
            equity=_column(curves, name),
        )
        for name, values in run["baselines"].items()
    }
    return BacktestResult(
        run_id=run["run_id"],
        ledger_hash=run["ledger_hash"],
        tier=run["tier"],
        instruments=tuple(map(InstrumentId.parse, names)),
        ts=_instants(curves),
        step=run["step"],
        equity=_column(curves, "equity"),
        gross_exposure=_column(curves, "gross_exposure"),
        net_exposure=_column(curves, "net_exposure"),
        closes_at=_instants(prices),
        closes=np.column_stack([_column(prices, name) for name in names]),
        fills=_rows(folder / "fills.csv", FillRow, names),
        orders=_rows(folder / "orders.csv", OrderRow, names),
        trades=_rows(folder / "trades.csv", ClosedTrade, names),
        refusals=run["refusals"],
        metrics=_floats(run["metrics"]),
        baselines=baselines,
        parity=None if run["parity"] is None else Parity(**run["parity"]),
        n_bars=run["n_bars"],
        n_decisions=run["n_decisions"],
        n_orders=run["n_orders"],
        n_fills=run["n_fills"],
        n_refusals=run["n_refusals"],
        starting_balance=run["starting_balance"],
        final_equity=_float(run["final_equity"]),
        funding=_float(run["funding"]),
        seconds=run["seconds"],
        bars_per_second=_float(run["bars_per_second"]),
        seed=run["seed"],
        data_files=tuple(SourceFile(**source) for source in run["data_files"]),
        findings=tuple(run["findings"]),
        configuration=run["configuration"],
        configuration_hash=run["configuration_hash"],
        versions=run["versions"],
        terms=run.get("terms", {}),
        honest=run.get("honest", {}),
        studies=_studies(folder),
    )


def _studies(folder: Path) -> dict[str, Any]:
    # a study that was never made is no fault of the run
    found = ((kind, folder / f"{kind}.json") for kind in STUDIES)
    return {kind: read_study(path, kind) for kind, path in found if path.is_file()}


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _floats(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: _float(value) for name, value in values.items()}


def _column(frame: pl.DataFrame, name: str) -> FloatArray:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _instants(frame: pl.DataFrame) -> IntArray:
    stamps = frame["ts"].str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ns")
    return stamps.cast(pl.Int64).to_numpy()


def _rows(path: Path, kind: type[_Row], names: Sequence[str]) -> tuple[_Row, ...]:
    types = {each.name: str(each.type) for each in fields(kind)}
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            kind(**{key: _value(key, types[key], text, names) for key, text in line.items()})
            for line in csv.DictReader(file)
        )


def _value(column: str, kind: str, text: str, names: Sequence[str]) -> Any:
    if column == "instrument":
        return names.index(text)
    if column == "side":
        return 1 if text == "buy" else -1
    if column in TIMES:
        return parse_instant(text)
    if column in _DECIMALS:
        return None if not text and "None" in kind else Decimal(text)
    if kind == "float":
        return float(text)
    return text == "True" if kind == "bool" else cast("Any", text)
