"""``tutti compare``: two or more runs side by side, differences only."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson
from tutti.cli.output import Output
from tutti.cli.runs import RESULT, usable

if TYPE_CHECKING:
    from tutti.sandbox.differences import Against, Comparison


def compare(
    *,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Folders of runs.")],
    everything: Annotated[bool, typer.Option("--all", help="Show what is equal, too.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write an offline HTML page, too.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show in what runs differ, and the first fill that does."""
    from tutti.app.compare_runs import compare_runs  # heavy, not for --help
    from tutti.sandbox.differences import to_dict
    from tutti.sandbox.differences_page import write_differences

    found = compare_runs([run.parent if run.name == RESULT else run for run in runs])
    written = []
    if out is not None:
        usable(out.parent)
        written.append(write_differences(found, out))
    output = Output(as_json=as_json)
    _tell(found, output, everything=everything)
    document = to_dict(found, everything=everything)
    output.finish(document | ({"report": str(out)} if out is not None else {}), written)
    return OK


def _tell(found: "Comparison", output: Output, *, everything: bool) -> None:
    from tutti.sandbox.differences_page import label_of

    for section in found.sections:
        rows = section.rows if everything else section.differing
        hidden = len(section.rows) - len(rows)
        told = f"{section.name}: {len(section.differing)} differ, {len(section.equal)} equal"
        output.say(told if rows or not hidden else f"{section.name}: no difference")
        if rows:
            output.table(
                ["", *found.names],
                [
                    [
                        label_of(row.key),
                        *(
                            f"{value} ▲" if k == row.best else value
                            for k, value in enumerate(row.told)
                        ),
                    ]
                    for row in rows
                ],
                numbers_from=1,
            )
    for each in found.against:
        output.say(_sentence(each, found.names[0]))


def _sentence(each: "Against", first: str) -> str:
    told = f"{each.name} against {first}: {each.ticks:,} ticks in common"
    if (estimate := each.difference_bps) is not None:
        told += f", {estimate.value:+.2f} ± {estimate.standard_error:.2f} bps a day"
    if each.parting is None:
        return f"{told}; all {each.parting_fill:,} fills are equal"
    mine, yours = each.parting
    return f"{told}; fill {each.parting_fill + 1:,} differs: {mine} | {yours}"
