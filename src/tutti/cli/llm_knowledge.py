"""``tutti llm audit``, ``cutoffs`` and ``probe``: what a language model may know that it should not."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.asking import Llm, LlmMode, LlmRecords, MaxCost
from tutti.cli.boundary import GATE, OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Run
from tutti.cli.output import Output
from tutti.cli.runs import run_folder
from tutti.model.errors import ConfigError, TuttiError

if TYPE_CHECKING:
    from tutti.app.asked_model import AskedModel
    from tutti.app.blinding_audit import BlindingAudit
    from tutti.app.probe import Remembered

_SHOWN = 20
_MOVED = 0.05
_LOOKED_AT = {
    "prompt": "prompts",
    "answer": "answers",
    "ledger": "texts on the ledger",
    "log": "lines of logs",
}


def register(app: typer.Typer) -> None:
    """Add the commands to ``tutti llm``."""
    app.command()(audit)
    app.command()(legend)
    app.command()(cutoffs)
    app.command()(probe)


def audit(
    run: Run = None,
    *,
    records: Annotated[
        Path | None,
        typer.Option(
            "--records",
            "--llm-records",
            metavar="FILE",
            help="Records of models' calls; else llm.sqlite of the run.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Search a blinded run for true names and dates; 3 for any."""
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


def legend(
    run: Run = None,
    *,
    text: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Texts that its agents read; may be given several times."
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Tell what the codes of a blinded run stand for."""
    from tutti.app.legend import legend_of

    told = legend_of(run_folder(run), text or [])
    output = Output(as_json=as_json)
    rows = {**told.names, **told.instruments, **told.texts}
    output.table(["code", "stands for"], [[code, what] for code, what in rows.items()])
    output.finish({"instruments": told.instruments, "names": told.names, "texts": told.texts})
    return OK


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
    """Tell until when models were trained, and when they are clean."""
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


def probe(  # noqa: PLR0913 - one parameter for each option
    model: Annotated[str, typer.Argument(metavar="MODEL", help="provider:name.")],
    *,
    bars: Bars = None,
    headlines: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Parquet or CSV with columns ts and title."),
    ] = None,
    injections: Annotated[
        bool, typer.Option("--injections", help="Try the injections on it instead.")
    ] = False,
    questions: Annotated[int, typer.Option(min=2, help="Of each test.")] = 40,
    blind: Annotated[
        bool, typer.Option("--blind", help="Ask as a blinded run would: chance is all there is.")
    ] = False,
    config: ConfigFile = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of questions.")] = 7,
    llm: LlmMode = Llm.RECORD,
    llm_records: LlmRecords = None,
    max_cost: MaxCost = None,
    as_json: AsJson = False,
) -> int:
    """Score what a model remembers, or obeys, against chance."""
    if injections and (bars or headlines):
        raise ConfigError("--injections asks about nothing real; leave --bars and --headlines out")
    if not (injections or bars or headlines):
        raise ConfigError("name what to ask about: --bars, --headlines, or --injections")
    from tutti.app.asked_model import asked_model
    from tutti.app.config import load_config
    from tutti.app.model_use import RECORDS

    output = Output(as_json=as_json)
    settings = load_config(config)
    with asked_model(
        settings, model, mode=llm.value, records=llm_records or RECORDS, max_cost=max_cost
    ) as asked:
        if injections:
            return _injected(asked, model, output)
        from tutti.app.probe import probe_model

        rows = probe_model(
            asked, model, settings, list(bars or []), headlines, questions, blind=blind, seed=seed
        )
    _show_remembered(output, model, rows)
    output.finish(
        {
            "model": model,
            "blind": blind,
            "remembers": any(row.remembers for row in rows),
            "tests": [_remembered_plain(row) for row in rows],
        }
    )
    return OK


def _injected(asked: "AskedModel", model: str, output: Output) -> int:
    from tutti.app.injection_suite import attack

    rows = asked.run(lambda each: attack(each, name=model))
    silent = sum(not row.is_answered for row in rows)
    if silent == len(rows):
        raise TuttiError(
            f"{model} gave no answer that counts, so nothing can be told of it; look at its "
            "provider with tutti llm list, and at what was asked with tutti llm records"
        )
    output.table(
        ["injection", "trick", "withheld", "before", "after", "moved", "bound"],
        [
            [
                row.injection, row.trick, str(row.withheld), f"{row.before:+.2f}",
                f"{row.after:+.2f}", f"{row.shift:+.2f}", f"{row.bound:g}",
            ]
            for row in rows
        ],
        numbers_from=2,
    )  # fmt: skip
    moved = [row for row in rows if abs(row.shift) > _MOVED]
    output.say(f"{len(moved)} of {len(rows)} injections moved it by more than {_MOVED:g}.")
    if silent:
        output.say(f"On {silent} of them it had no opinion at all: they tell nothing.", "yellow")
    output.finish(
        {"model": model, "injections": [asdict(row) | {"shift": row.shift} for row in rows]}
    )
    return OK


def _show_remembered(output: Output, model: str, rows: "list[Remembered]") -> None:
    output.table(
        ["test", "knowledge", "asked", "answered", "right", "95 % interval", "chance", "p", "says"],
        [
            [
                row.test,
                row.knowledge,
                str(row.asked),
                str(row.answered),
                "-" if math.isnan(row.rate) else f"{row.rate:.0%}",
                f"{row.low:.0%} to {row.high:.0%}",
                f"{row.chance:.0%}",
                f"{row.p_value:.2g}",
                _verdict(row),
            ]
            for row in rows
        ],
        numbers_from=2,
    )
    if any(row.remembers for row in rows):
        output.say(f"{model} knows some of this. Backtest it after its cut-off, or blinded.")


def _verdict(row: "Remembered") -> str:
    if not row.answered:
        return "never answered"
    return "remembers" if row.remembers else "no sign of it"


def _remembered_plain(row: "Remembered") -> dict[str, object]:
    rate = None if math.isnan(row.rate) else row.rate
    return asdict(row) | {"rate": rate, "remembers": row.remembers}


def _show_audit(output: Output, done: "BlindingAudit") -> None:
    for found in done.leaks[:_SHOWN]:
        leak = found.leak
        output.say(f"{found.where}, {found.which}: {leak.kind} {leak.found!r} in {leak.around!r}")
    if len(done.leaks) > _SHOWN:
        output.say(f"and {len(done.leaks) - _SHOWN} more; --json lists them all")
    counted = ", ".join(
        f"{done.looked_at.get(where, 0)} {words}" for where, words in _LOOKED_AT.items()
    )
    verdict = "no leak" if done.is_clean else f"{len(done.leaks)} leaks"
    output.say(f"{verdict} in {counted}")
