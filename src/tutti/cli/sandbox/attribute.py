"""``tutti sandbox attribute``: where the profit of a run came from."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, Run, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import RESULT, RUNS, TRIALS, run_folder, usable
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.studies.attribute import RunAttribution
    from tutti.sandbox.attribution.table import Parts

_HEAD = ("total", "signal", "timing", "slippage", "cost", "funding")


def attribute(  # noqa: PLR0913 - one parameter for each option
    *,
    run: Run = None,
    bars: Bars = None,
    config: ConfigFile = None,
    start: Annotated[
        str | None, typer.Option(metavar="D", help="First bar, e.g. 2024-01-31 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="D", help="End, itself left out.")] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,NAME]",
            help="agent, instrument, venue, regime, side, or several with commas; may be repeated.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the ledger of --bars; else under runs/."),
    ] = None,
    register: Register = TRIALS,
    as_json: AsJson = False,
) -> int:
    """Take a profit apart: who earned it, where, when, at what cost."""
    if run is not None and bars:
        raise ConfigError("a run and --bars exclude each other; leave one out")
    breakdowns = _breakdowns(by)
    if bars or config is not None:
        folder = out or RUNS / f"attribute-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        found = _of_bars(bars, config, (start, end), folder, register)
    else:
        from tutti.app.studies.attribute import attribute_run  # heavy, not for --help

        folder = run_folder(run)
        found = attribute_run(folder)
    from tutti.app.studies.written import write_study

    output = Output(as_json=as_json)
    _tell(found, breakdowns, output)
    written = []
    if (folder / RESULT).is_file():
        # beside a finished backtest, whose report shows it from now on
        written.append(write_study(found.to_dict(breakdowns), folder / "attribution.json"))
    output.finish(found.to_dict(breakdowns), written)
    return OK


def _of_bars(
    bars: list[str] | None,
    config: Path | None,
    window: tuple[str | None, str | None],
    folder: Path,
    register: Path,
) -> "RunAttribution":
    from tutti.app.config import load_config, located  # heavy, not for --help

    settings = load_config(config)
    first, last = instant(window[0], "--start"), instant(window[1], "--end")

    from tutti.app.studies.attribute import run_and_attribute  # compiles, so after all checks
    from tutti.app.studies.bars import bars_of
    from tutti.app.trials import register_at

    with progress() as report_progress, located(config):
        source = bars_of(settings, bars, first, last)
        return run_and_attribute(
            settings, source, usable(folder), report_progress, register_at(register)
        )


def _breakdowns(by: list[str] | None) -> list[tuple[str, ...]]:
    from tutti.sandbox.attribution.table import DIMENSIONS  # not for --help

    chosen = [tuple(name.strip() for name in each.split(",")) for each in by or ()]
    for names in chosen:
        for name in names:
            if name not in DIMENSIONS:
                raise ConfigError(
                    f"--by must be one of {', '.join(DIMENSIONS)}, was {name!r}; "
                    "join several with commas"
                )
        if len(set(names)) < len(names):
            raise ConfigError(f"--by names {', '.join(names)}: name each once")
    return chosen or [(name,) for name in DIMENSIONS]


def _tell(found: "RunAttribution", breakdowns: list[tuple[str, ...]], output: Output) -> None:
    from tutti.sandbox.wording import money  # not for --help

    whole = found.attribution
    output.say(
        f"{found.run_id}: {money(float(found.start_equity))} became "
        f"{money(float(found.end_equity))}"
    )
    output.table(_HEAD, [_cells(whole.parts, has_timing=whole.has_timing)], numbers_from=0)
    for names in breakdowns:
        output.table(
            (*names, *_HEAD),
            [
                (*line.names, *_cells(line.parts, has_timing=whole.has_timing))
                for line in whole.by(*names)
            ],
            numbers_from=len(names),
        )
    output.say(f"the parts miss {float(found.residual):.1e} of the profit")
    for note in found.notes:
        output.say(f"note: {note}", style="yellow")


def _cells(parts: "Parts", *, has_timing: bool) -> tuple[str, ...]:
    from tutti.sandbox.wording import NONE, money  # not for --help

    shown = [money(float(value)) for value in (parts.total, *parts)]
    if not has_timing:
        shown[_HEAD.index("timing")] = NONE
    return tuple(shown)
