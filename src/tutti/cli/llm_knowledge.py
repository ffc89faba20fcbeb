"""``tutti llm audit``, ``cutoffs`` and ``probe``: what a language model may know that it should not."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import GATE, OK
from tutti.cli.options import AsJson, ConfigFile, Run
from tutti.cli.output import Output
from tutti.cli.runs import run_folder

if TYPE_CHECKING:
    from tutti.app.blinding_audit import BlindingAudit

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands to ``tutti llm``."""
    app.command()(audit)
    app.command()(cutoffs)


def audit(
    run: Run = None,
    *,
    records: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Records of models' calls; else llm.sqlite of the run."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Search a blinded run for true names, tickers and dates; 3 where there is one."""
    from tutti.app.blinding_audit import audit as search

    folder = run_folder(run)
    done = search(folder, records)
    output = Output(as_json=as_json)
    _show_audit(output, done)
    output.finish(
        {
            "ok": done.is_clean,
            "run": str(folder),
            "records": done.records,
            "looked_at": done.looked_at,
            "leaks": [
                {
                    "where": found.where,
                    "which": found.which,
                    "kind": found.leak.kind,
                    "found": found.leak.found,
                    "around": found.leak.around,
                }
                for found in done.leaks
            ],
        }
    )
    return OK if done.is_clean else GATE


def cutoffs(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help="provider:name; else those configured."),
    ] = None,
    *,
    config: ConfigFile = None,
    all_: Annotated[bool, typer.Option("--all", help="Everything that is built in.")] = False,
    as_json: AsJson = False,
) -> int:
    """Tell until when models were trained, and from when on their opinions count as clean."""
    from tutti.app.knowledge import cutoff_rows

    rows = cutoff_rows(config, models or [], everything=all_)
    output = Output(as_json=as_json)
    output.table(
        ["model", "trained until", "clean from", "says"],
        [
            [row.model, row.stated or "not known", row.clean_from or "never", row.source]
            for row in rows
        ],
    )
    if not rows:
        output.say("No agent asks a language model; name one, or --all.")
    output.finish(
        {
            "models": [
                {
                    "model": row.model,
                    "cutoff": row.stated or None,
                    "clean_from": row.clean_from or None,
                    "source": row.source or None,
                }
                for row in rows
            ]
        }
    )
    return OK


def _show_audit(output: Output, done: "BlindingAudit") -> None:
    for found in done.leaks[:_SHOWN]:
        leak = found.leak
        output.say(f"{found.where}, {found.which}: {leak.kind} {leak.found!r} in {leak.around!r}")
    if len(done.leaks) > _SHOWN:
        output.say(f"and {len(done.leaks) - _SHOWN} more; --json lists them all")
    counted = ", ".join(f"{count} {where}s" for where, count in sorted(done.looked_at.items()))
    verdict = "no leak" if done.is_clean else f"{len(done.leaks)} leaks"
    output.say(f"{verdict} in {counted}")
