"""The table: what each row is called, the bar it has to reach, and how it is written down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

Value = float | bool | None
Json = dict[str, Any]


class Spec(NamedTuple):
    """One row before it is measured; ``bar`` is such as ``>= 2``."""

    group: str
    name: str
    unit: str
    bar: str


class Finding(NamedTuple):
    """What came of it.

    Parameters
    ----------
    value : float, bool or None
        None where it was not measured, or may not count.
    detail : dict
        Raw figures.
    reason : str
        Why there is no value, or what to know about it.
    is_skipped : bool
        Nothing was tried.
    """

    value: Value
    detail: Json
    reason: str = ""
    is_skipped: bool = False


_FASTER = "x bars per CPU second"

TABLE = (
    Spec("fast", "fast tier / vectorbt", _FASTER, ">= 2"),
    Spec("fast", "fast tier / backtesting.py", _FASTER, ">= 50"),
    Spec("event", "event tier / NautilusTrader, 60/240 cross", _FASTER, ">= 3"),
    Spec("event-busy", "event tier / NautilusTrader, 10/20 cross", _FASTER, ">= 5"),
    Spec("panel", "event tier, 50 symbols, whole pipeline", "symbol-bars/CPU s", ">= 500000"),
    Spec("tick", "live tick, 248 symbols, 50 positions, p99", "ms", "< 20"),
    Spec("ledger", "ledger, batched", "records/s", ">= 20000"),
    Spec("ledger", "ledger, commit of a tick / bare write and fsync", "x", "<= 1.5"),
    Spec("memory", "peak memory, a year of minutes", "MB", "< 400"),
    Spec("parity", "fast / event tier, equity", "relative difference", "<= 1e-9"),
    Spec("parity", "fast / event tier, fills equal", "", "= true"),
    Spec("help", "tutti --help", "s", "< 0.3"),
    Spec("cold-run", "cold make run to first decision", "s", "< 90"),
)
GROUPS = tuple(dict.fromkeys(spec.group for spec in TABLE))


def holds(value: Value, bar: str) -> bool:
    """Return whether the bar is reached."""
    how, _, limit = bar.partition(" ")
    if value is None or limit == "true":
        return value is True
    reached = {
        ">=": value >= float(limit),
        "<=": value <= float(limit),
        "<": value < float(limit),
    }
    return reached[how]


def row_of(spec: Spec, finding: Finding, measured: Json) -> Json:
    """Return a row as ``results.json`` has it; ``ok`` is null where nothing was tried."""
    row: Json = {
        "name": spec.name,
        "value": finding.value,
        "unit": spec.unit,
        "bar": spec.bar,
        "ok": None if finding.is_skipped else holds(finding.value, spec.bar),
    }
    if finding.reason:
        row["reason"] = finding.reason
    if finding.is_skipped:
        return row
    return row | {"detail": finding.detail, "measured": measured}


def merged(measured: Mapping[str, Json], path: Path) -> list[Json]:
    """Return every row of the table: as measured now, else as an earlier run left it in a file."""
    earlier: dict[str, Json] = {}
    if path.exists():
        earlier = {row["name"]: row for row in json.loads(path.read_text())}
    rows = []
    for spec in TABLE:
        row = measured.get(spec.name)
        if row is None or row["ok"] is None:
            row = earlier.get(spec.name, row)
        rows.append(row or row_of(spec, Finding(None, {}, "not measured", is_skipped=True), {}))
    return rows


def table(rows: Sequence[Json], now: Collection[str]) -> str:
    """Return the rows as a table, which Markdown reads, too; ``now`` names those just measured."""
    head = ("what", "measured", "bar", "reached")
    lines = [
        (row["name"], _figure(row), row["bar"], _reached(row, is_new=row["name"] in now))
        for row in rows
    ]
    return _aligned([head, *lines])


def engines_table(rows: Sequence[Json]) -> str:
    """Return the raw figures of the engines that ran side by side."""
    head = ("cross", "engine", "version", "bars/CPU s", "CPU s", "wall s", "first run, CPU s",
            "peak MB", "orders", "final equity")  # fmt: skip
    lines = dict.fromkeys(
        (
            row["detail"]["cross"],
            each["engine"],
            each["version"],
            f"{each['bars_per_cpu_s']:,.0f}",
            f"{each['cpu_s']:.3f}",
            f"{each['wall_s']:.3f}",
            f"{each['cold_cpu_s']:.3f}",
            f"{each['peak_rss_mb']:.0f}",
            f"{each['n_orders']:,}",
            f"{each['final_equity']:.6f}",
        )
        for row in rows
        for each in row.get("detail", {}).get("engines", [])
    )
    return _aligned([head, *lines]) if lines else ""


def raw_table(rows: Sequence[Json]) -> str:
    """Return the other raw figures, one line a row."""
    lines = []
    for row in rows:
        detail = {key: value for key, value in row.get("detail", {}).items() if key != "engines"}
        if detail:
            lines.append(f"{row['name']}: {json.dumps(detail)}")
        if row.get("reason"):
            lines.append(f"{row['name']}: {row['reason']}")
    return "\n".join(lines)


def _figure(row: Json) -> str:
    value = row["value"]
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{text} {row['unit']}"


def _reached(row: Json, *, is_new: bool) -> str:
    if row["ok"] is None:
        return "not measured"
    if row["value"] is None:
        return "not counted"
    return ("yes" if row["ok"] else "**no**") + ("" if is_new else ", earlier")


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([padded[0], rule, *padded[1:]])
