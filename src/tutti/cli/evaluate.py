"""``tutti evaluate``: the same period with and without an agent, a model or sentiment."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tutti.cli.asking import Llm, LlmMode, LlmRecords, MaxCost, Yes, model_use
from tutti.cli.boundary import OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import RUNS, TRIALS, usable

if TYPE_CHECKING:
    from tutti.app.with_and_without import Side, WithAndWithout


def evaluate(  # noqa: PLR0913 - one parameter for each option
    *,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Agent, kind, model (provider:name), sentiment or llm to leave out; repeatable.",
        ),
    ] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME", help="One to add to the panel; repeatable."),
    ] = None,
    config: ConfigFile = None,
    bars: Bars = None,
    start: Annotated[
        str | None, typer.Option(metavar="D", help="First bar, e.g. 2024-01-31 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="D", help="End, itself left out.")] = None,
    tier: Annotated[
        Literal["event", "fast"], typer.Option(help="event leaves a ledger of each run.")
    ] = "event",
    horizon: Annotated[
        int, typer.Option(min=1, metavar="BARS", help="Over which signals are judged.")
    ] = 1,
    samples: Annotated[int, typer.Option(min=100, help="Bootstrap samples.")] = 2000,
    block: Annotated[
        float | None,
        typer.Option(
            min=1.0, metavar="DAYS", help="Mean length of their blocks; else by the data."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples.")] = 7,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for all runs; else under runs/.")
    ] = None,
    register: Register = TRIALS,
    llm: LlmMode = Llm.RECORD,
    llm_records: LlmRecords = None,
    max_cost: MaxCost = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Say what an agent, a model or sentiment adds: luck or more."""
    from tutti.app.config import load_config, located  # heavy, not for --help

    loaded = load_config(config)
    left_out, added = without or [], with_ or []
    first, last = instant(start, "--start"), instant(end, "--end")

    from tutti.app.with_and_without import panels_of, run_with_and_without  # compiles

    panels_of(loaded, left_out, added)
    folder = usable(out or RUNS / f"evaluate-{datetime.now(UTC):%Y%m%d-%H%M%S}")

    from tutti.app.model_use import RECORDS
    from tutti.app.studies.bars import bars_of
    from tutti.app.studies.written import write_page, write_study
    from tutti.app.trials import register_at
    from tutti.app.with_and_without_page import with_and_without_page

    output = Output(as_json=as_json)
    with progress() as report_progress, located(config):
        source = bars_of(loaded, bars, first, last)
        study = run_with_and_without(
            loaded, source, left_out, added, folder, report_progress,
            seed=seed, tier=tier, horizon=horizon, n_samples=samples, mean_block=block,
            register=register_at(register),
            use=model_use(
                llm, llm_records or RECORDS, max_cost, yes=yes, output=output,
                pause=report_progress.pause,
            ),
        )  # fmt: skip
    _tell(study, output)
    document = study.to_dict() | {"out": str(folder)}
    names = source.block.instruments
    told = ", ".join(map(str, names)) if len(names) <= 6 else f"{len(names)} instruments"  # noqa: PLR2004
    html = with_and_without_page(study, f"on {told}")
    output.finish(
        document,
        [
            write_study(document, folder / "evaluate.json"),
            write_page(html, folder / "evaluate.html"),
        ],
    )
    return OK


def _tell(study: "WithAndWithout", output: Output) -> None:
    from tutti.app.with_and_without_page import differences, figures  # not for --help
    from tutti.sandbox.ab_page import days

    columns = [figures(each) for each in study.sides]
    output.table(
        ("", *(each.name for each in study.sides)),
        [(name, *(column[k][1] for column in columns)) for k, (name, _) in enumerate(columns[0])],
        numbers_from=1,
    )
    for side in study.sides:
        _tell_signals(side, output)
    for each in study.comparisons:
        output.say(f"{each.name} ({', '.join(each.added)}), {days(each.pair)}:")
        for what, value, interval, p in differences(each):
            output.say(f"  {what:18} {value}, 95 % between {interval}, p = {p}")
        output.say(f"  {each.verdict}", style="bold")


def _tell_signals(side: "Side", output: Output) -> None:
    from tutti.app.with_and_without_page import confusion_rows  # not for --help
    from tutti.sandbox.signals import SIDES

    head = ("said", *(f"went {came}" for came in SIDES))
    output.table(head, confusion_rows(side), numbers_from=1, title=f"signals {side.name}")
