"""``tutti sweep``: a grid of settings over recorded bars."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import RUNS, TRIALS, usable
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.studies.sweep import Sweep


def sweep(  # noqa: PLR0913 - one parameter for each option
    *,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUES", help="E.g. policy.fast=5..50:5 or =0.5,0.65; may be repeated."
        ),
    ] = None,
    bars: Bars = None,
    config: ConfigFile = None,
    start: Annotated[
        str | None, typer.Option(metavar="D", help="First bar, e.g. 2024-01-31 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="D", help="End, itself left out.")] = None,
    objective: Annotated[
        str, typer.Option(metavar="NAME", help="Rank by sharpe, total_return or calmar.")
    ] = "sharpe",
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Draw so many combinations.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Show so many.")] = 10,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the configured one.")] = None,
    workers: Annotated[
        int, typer.Option(min=0, metavar="N", help="Processes; 0 for one a core.")
    ] = 0,
    cluster: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Dask scheduler instead, e.g. tcp://host:8786.")
    ] = "",
    register: Register = TRIALS,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for sweep.csv; else under runs/.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Try every combination of settings; each is a trial."""
    from tutti.app.config import load_config, located  # heavy, not for --help
    from tutti.sandbox.sweep import combinations, parse_axis

    if not grid:
        raise ConfigError("--grid is missing: name a setting and its values, policy.fast=5..50")
    settings = load_config(config)
    axes = [parse_axis(text) for text in grid]
    folder = usable(out or RUNS / f"sweep-{datetime.now(UTC):%Y%m%d-%H%M%S}")

    import numpy as np

    random = np.random.default_rng(settings.seed if seed is None else seed)
    changes = list(combinations(axes, sample, random))

    from tutti.app.studies.bars import bars_of  # compiles, so after all checks
    from tutti.app.studies.sweep import run_sweep
    from tutti.app.trials import register_at

    with progress() as report_progress, located(config):
        source = bars_of(settings, bars, instant(start, "--start"), instant(end, "--end"))
        found = run_sweep(
            settings,
            source,
            changes,
            objective,
            report_progress,
            register=register_at(register),
            workers=workers,
            cluster=cluster,
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = _write(found, folder / "sweep.csv")
    output = Output(as_json=as_json)
    _tell(found, output, top)
    output.finish(found.to_dict(top) | {"table": str(written)}, [written])
    return OK


def _write(found: "Sweep", path: Path) -> Path:
    rows = []
    for each in found.tried:
        row = each.to_dict()
        rows.append(row.pop("settings") | row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _tell(found: "Sweep", output: Output, top: int) -> None:
    from tutti.sandbox.wording import money, number, percent  # not for --help

    output.say(f"{len(found.tried):,} combinations by {found.objective}", style="bold")
    if found.n_invalid:
        output.say(f"{found.n_invalid:,} more can't be: {found.invalid}", style="yellow")
    keys = list(found.tried[0].settings)
    rows = [
        (
            *(json.dumps(each.settings[key]) for key in keys),
            number(each.sharpe),
            percent(each.total_return),
            percent(-each.max_drawdown),
            money(each.fees),
            f"{each.n_fills:,}",
        )
        for each in found.tried[:top]
    ]
    head = (*keys, "Sharpe", "return", "deepest fall", "fees", "fills")
    output.table(head, rows, numbers_from=len(keys))
    output.say(found.honest.verdict, style="green" if found.honest.is_proven else "yellow")
    output.say(
        f"{found.symbol_bars:,} symbol-bars in {found.seconds:.1f} s, "
        f"{found.symbol_bars / found.seconds:,.0f} a second"
    )
