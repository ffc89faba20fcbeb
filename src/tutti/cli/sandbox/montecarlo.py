"""``tutti sandbox montecarlo``: what else might have become of a strategy."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import RUNS, TRIALS, usable

if TYPE_CHECKING:
    from tutti.sandbox.montecarlo.outcome import MonteCarlo


def montecarlo(  # noqa: PLR0913 - one parameter for each option
    *,
    bars: Bars = None,
    config: ConfigFile = None,
    start: Annotated[
        str | None, typer.Option(metavar="D", help="First bar, e.g. 2024-01-31 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="D", help="End, itself left out.")] = None,
    paths: Annotated[int, typer.Option(min=1, metavar="N", help="How many.")] = 1000,
    method: Annotated[
        Literal["bootstrap", "trades", "garch", "noise"],
        typer.Option(help="Draw blocks of bars, closed trades, a model, or what goes wrong."),
    ] = "bootstrap",
    signals: Annotated[
        Literal["recomputed", "resampled"],
        typer.Option(help="Analyse every path anew, or let recorded signals travel with bars."),
    ] = "recomputed",
    block: Annotated[
        float | None,
        typer.Option(min=1, metavar="BARS", help="Mean length of a block; else a week, 5 trades."),
    ] = None,
    late: Annotated[
        float, typer.Option(min=0, max=1, help="noise: share of orders filled a bar late.")
    ] = 0.1,
    lost: Annotated[
        float, typer.Option(min=0, max=1, help="noise: share of orders that are never filled.")
    ] = 0.02,
    spread: Annotated[
        float, typer.Option(min=0, help="noise: deviation of the spread's logarithm.")
    ] = 0.5,
    fees: Annotated[
        float, typer.Option(min=0, help="noise: deviation of the fees' logarithm.")
    ] = 0.1,
    ruin_at: Annotated[
        float, typer.Option(help="Share of the starting balance that counts as ruin.")
    ] = 0.5,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the configured one.")] = None,
    workers: Annotated[
        int, typer.Option(min=0, metavar="N", help="Processes; 0 for one a core.")
    ] = 0,
    cluster: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Dask scheduler instead, e.g. tcp://host:8786.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the page; else under runs/.")
    ] = None,
    register: Register = TRIALS,
    as_json: AsJson = False,
) -> int:
    """Run the strategy on markets like the recorded one."""
    from tutti.app.config import load_config, located  # heavy, not for --help

    settings = load_config(config)
    folder = usable(out or RUNS / f"montecarlo-{datetime.now(UTC):%Y%m%d-%H%M%S}")

    from tutti.app.studies.bars import admit_study, bars_of  # compiles, so after all checks
    from tutti.app.studies.montecarlo import Draw, Method, SignalsOf, run_montecarlo
    from tutti.sandbox.montecarlo.noise import NoiseSettings
    from tutti.sandbox.montecarlo.report import montecarlo_page

    draw = Draw(
        method=Method(method),
        n_paths=paths,
        seed=settings.seed if seed is None else seed,
        block=block,
        signals=SignalsOf(signals),
        noise=NoiseSettings(late=late, lost=lost, spread=spread, fees=fees),
        ruin_at=ruin_at,
    )
    with progress() as report_progress, located(config):
        source = bars_of(settings, bars, instant(start, "--start"), instant(end, "--end"))
        admit_study(register, settings, source)
        found = run_montecarlo(
            settings, source.block, draw, report_progress, workers=workers, cluster=cluster
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "montecarlo.html"
    written.write_text(montecarlo_page(found), encoding="utf-8")
    output = Output(as_json=as_json)
    _tell(found, output)
    output.finish(found.to_dict() | {"report": str(written)}, [written])
    return OK


def _tell(found: "MonteCarlo", output: Output) -> None:
    from tutti.sandbox.montecarlo.outcome import LEVELS  # not for --help
    from tutti.sandbox.montecarlo.report import NAMES, SIGNALS, part, shaped

    output.say(f"{found.n_paths:,} paths by {found.method}, seed {found.seed}", style="bold")
    output.say(SIGNALS[found.signals])
    rows = [
        (
            NAMES[name],
            shaped(name, spread.recorded),
            shaped(name, spread.mean),
            *(shaped(name, value) for value in spread.quantiles.values()),
        )
        for name, spread in found.spreads.items()
    ]
    levels = [f"{level:.0%}" for level in LEVELS]
    output.table(("", "recorded", "mean", *levels), rows, numbers_from=1)
    for what, share in (
        ("lose money", found.loss),
        (f"fall to {part(found.ruin_at)} of the start", found.ruin),
    ):
        output.say(
            f"{part(share.value)} of the paths {what} "
            f"(95 % interval {part(share.low)} to {part(share.high)})"
        )
    if found.symbol_bars:
        output.say(
            f"{found.symbol_bars:,} symbol-bars in {found.seconds:.1f} s, "
            f"{found.symbol_bars / found.seconds:,.0f} a second"
        )
