"""``tutti sandbox null``: a strategy where it has to fail, and an edge where it has to be found."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import TRIALS

if TYPE_CHECKING:
    from tutti.sandbox.worlds.found import Found, NullStudy

_CONFIGURED = "configured"


def null(  # noqa: PLR0913 - one parameter for each option
    *,
    strategy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="hybrid, ema_cross, an agent; else the configured one."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="For each world.")] = 1000,
    world: Annotated[
        Literal["all", "random_walk", "shuffled_labels", "time_reversed"],
        typer.Option(help="Which null world."),
    ] = "all",
    instruments: Annotated[int, typer.Option(min=1, metavar="N", help="Of the random walk.")] = 5,
    ticks: Annotated[
        int, typer.Option(min=500, metavar="N", help="Hours of the random walk.")
    ] = 8760,
    bars: Bars = None,
    start: Annotated[
        str | None, typer.Option(metavar="D", help="First bar, e.g. 2024-01-31 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="D", help="End, itself left out.")] = None,
    power: Annotated[
        bool, typer.Option("--power", help="Also plant an edge, and count how often it is found.")
    ] = False,
    planted_sharpe: Annotated[
        float, typer.Option(min=0, metavar="X", help="--power: true Sharpe ratio of the edge.")
    ] = 1.5,
    years: Annotated[
        float, typer.Option(min=0.1, metavar="X", help="--power: length of the record.")
    ] = 3.0,
    config: ConfigFile = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the configured one.")] = None,
    workers: Annotated[
        int, typer.Option(min=0, metavar="N", help="Processes; 0 for one a core.")
    ] = 0,
    cluster: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Dask scheduler instead, e.g. tcp://host:8786.")
    ] = "",
    register: Register = TRIALS,
    as_json: AsJson = False,
) -> int:
    """Count how often luck is taken for skill.

    In markets without anything to foresee.
    """
    from tutti.app.config import load_config, located  # heavy, not for --help

    settings = load_config(config)

    from tutti.app.studies.bars import admit_study, bars_of  # compiles, so after all checks
    from tutti.app.studies.null import named_strategy, run_null, run_power
    from tutti.sandbox.worlds.moves import Walk
    from tutti.sandbox.worlds.null import World
    from tutti.sandbox.worlds.planted import Edge

    chosen = settings if strategy is None else named_strategy(strategy, settings)
    name = strategy or f"{settings.policy.name} as {_CONFIGURED}"
    drawn = settings.seed if seed is None else seed
    worlds = list(World) if world == "all" else [World(world)]
    with progress() as report_progress, located(config):
        recorded = None
        if bars:
            first, last = instant(start, "--start"), instant(end, "--end")
            recorded = admit_study(register, chosen, bars_of(settings, bars, first, last)).block
        study = run_null(
            chosen, name, worlds, seeds, report_progress, seed=drawn,
            walk=Walk(n_instruments=instruments, n_ticks=ticks), recorded=recorded,
            workers=workers, cluster=cluster,
        )  # fmt: skip
        found = None
        if power:
            found = run_power(
                settings, Edge(sharpe=planted_sharpe), seeds, report_progress, seed=drawn,
                walk=Walk(n_instruments=instruments, n_ticks=round(years * 8760)),
                workers=workers, cluster=cluster,
            )  # fmt: skip
    output = Output(as_json=as_json)
    _tell(study, output)
    document: dict[str, Any] = study.to_dict()
    if found is not None:
        _tell_power(found, planted_sharpe, years, output)
        document["power"] = found.to_dict("found") | {
            "planted_sharpe": planted_sharpe,
            "years": years,
        }
    output.finish(document)
    return OK


def _tell(study: "NullStudy", output: Output) -> None:
    from tutti.sandbox.montecarlo.report import part  # not for --help
    from tutti.sandbox.wording import number

    output.say(
        f"{study.strategy} on {study.n_instruments} instruments and {study.n_ticks:,} bars in "
        "which nothing can be foreseen",
        style="bold",
    )
    rows = [
        (
            name.replace("_", " "),
            f"{found.n_seeds:,}",
            part(found.share.value),
            f"{part(found.share.low)} to {part(found.share.high)}",
            number(found.sharpe_gross),
            number(found.sharpe_net),
            f"{found.n_fills:,.0f}",
        )
        for name, found in (*study.worlds.items(), ("together", study.together))
    ]
    head = (
        "world",
        "seeds",
        "found skilled",
        "95 % interval",
        "Sharpe before costs",
        "after",
        "fills",
    )
    output.table(head, rows, numbers_from=1)
    if study.together.n_silent:
        output.say(
            f"in {study.together.n_silent:,} of them it held too little for a verdict, which counts "
            "as not found",
            style="yellow",
        )
    if study.observed is not None:
        verdict = study.observed.verdict
        output.say(
            f"on the recorded bars: z {number(verdict.z)}, p-value {verdict.p_value:.3f}; "
            f"{study.observed.p_own:.3f} against its own null"
        )


def _tell_power(found: "Found", sharpe: float, years: float, output: Output) -> None:
    from tutti.sandbox.montecarlo.report import part  # not for --help
    from tutti.sandbox.wording import number

    output.say(
        f"a planted edge of true Sharpe {sharpe:g} over {years:g} years was found in "
        f"{part(found.share.value)} of {found.n_seeds:,} seeds (95 % interval "
        f"{part(found.share.low)} to {part(found.share.high)}); it showed "
        f"{number(found.sharpe_gross)} before costs, {number(found.sharpe_net)} after"
    )
