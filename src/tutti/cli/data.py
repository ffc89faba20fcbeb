"""``tutti data``: what is in the files that a backtest is to be trusted on, and where they come from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import GATE, OK
from tutti.cli.data_sync import sources, stored, sync
from tutti.cli.options import AsJson, instant
from tutti.cli.output import Output
from tutti.kernel.clock import LiveClock, iso

if TYPE_CHECKING:
    from tutti.app.data_check import DataCheck

app = typer.Typer(
    help="Collect market data, texts and figures, and look at them.", no_args_is_help=True
)
app.command()(sync)
app.command(name="list")(stored)
app.command()(sources)

_STYLES = {"invalidates": "red", "distorts": "yellow", "note": "", "good": "green"}
_DAY = len("2024-01-31")


@app.callback()
def data() -> None:
    """Collect market data, texts and figures, and look at them."""


@app.command()
def check(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, folders or patterns.")
    ],
    *,
    timeframe: Annotated[
        str | None, typer.Option(metavar="T", help="Only bars of this length, e.g. 1h.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="D", help="First bar, e.g. 2024-01-31 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="D", help="End, itself left out.")] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Files known to be good, to compare with; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Find faults in files of bars, texts and figures, and say what each means for a backtest.

    Exit code 3 when a finding would invalidate a backtest.
    """
    from tutti.app.data_check import check_data  # polars, not for --help

    found = check_data(
        [Path(path) for path in paths],
        timeframe=timeframe,
        start=instant(start, "--start"),
        end=instant(end, "--end"),
        references=reference or (),
        now=LiveClock().now(),
    )
    output = Output(as_json=as_json)
    if not as_json:
        _tell(found, output)
    output.finish(found.to_dict())
    return GATE if found.is_invalid else OK


def _tell(found: "DataCheck", output: Output) -> None:
    told = {each.file.path for each in found.audit.files}
    titles = {
        each.file.path: (
            f"{each.file.path}: {each.file.instrument}, {each.file.rows:,} bars of"
            f" {each.file.timeframe}, {iso(each.first)[:_DAY]} to {iso(each.last)[:_DAY]}"
        )
        for each in found.audit.files
    }
    told |= {each.path for each in found.tables}
    titles |= {
        each.path: (
            f"{each.path}: {each.rows:,} {each.kind}, {iso(each.first)[:_DAY]} to"
            f" {iso(each.last)[:_DAY]}"
        )
        for each in found.tables
    }
    for finding, _ in found.findings:
        name = finding.file.partition(" .. ")[0]
        if name not in told:
            titles[name] = name
    for name, title in titles.items():
        if findings := found.of(name):
            output.say(title, style=_STYLES[found.verdict_of(name)])
            output.table(
                ["severity", "finding", "evidence", "for a backtest", "what to do"],
                [
                    (
                        str(judgement.weight),
                        str(finding.code),
                        finding.message,
                        judgement.consequence,
                        judgement.remedy,
                    )
                    for finding, judgement in findings
                ],
            )
    output.say(_sentence(found), style=_STYLES[found.verdict])


def _sentence(found: "DataCheck") -> str:
    files = {name.partition(" .. ")[0] for name in (f.file for f, _ in found.findings)}
    files |= {each.file.path for each in found.audit.files}
    files |= {each.path for each in found.tables}
    verdicts = [found.verdict_of(name) for name in files]
    counts = ", ".join(
        f"{verdicts.count(verdict)} {words}"
        for verdict, words in (
            ("invalidates", "would invalidate a backtest"),
            ("distorts", "would distort one"),
            ("note", "with a note"),
            ("good", "without a finding"),
        )
        if verdict in verdicts
    )
    other = len(found.audit.passed_over)
    more = f"; {other} hold no bars and were passed over" if other else ""
    return f"{len(files)} file{'s' if len(files) > 1 else ''}: {counts}{more}"
