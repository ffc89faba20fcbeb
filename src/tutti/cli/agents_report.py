"""``tutti agents report``: what each agent's opinions were good for."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.asking import Llm, LlmMode, LlmRecords, MaxCost, Yes, model_use
from tutti.cli.boundary import OK
from tutti.cli.followed_file import put, text_of
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, Run, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import LEDGER, PAPER, RUNS, TRIALS, run_folder, usable
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.agents_report import AgentsReport
    from tutti.app.backtest import Source
    from tutti.app.config import Config
    from tutti.app.model_use import ModelUse
    from tutti.app.opinion_record import OpinionRecord
    from tutti.cli.progress import Progress

_PAGE = "agents.html"
_CALIBRATION = "calibration.json"
_STUDY = "agents.json"
_PATIENCE_S = 10.0


def report(  # noqa: PLR0913 - one parameter for each option
    run: Run = None,
    *,
    config: ConfigFile = None,
    bars: Bars = None,
    start: Annotated[
        str | None, typer.Option(metavar="D", help="First bar, e.g. 2024-01-31 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="D", help="End, itself left out.")] = None,
    horizon: Annotated[
        int,
        typer.Option(min=1, metavar="BARS", help="To judge by, where an agent has no horizon_s."),
    ] = 1,
    samples: Annotated[int, typer.Option(min=100, help="Bootstrap samples.")] = 400,
    folds: Annotated[
        int, typer.Option(min=1, help="Parts after each of which confidence is corrected anew.")
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples.")] = 7,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Page to write; else {_PAGE} in the run's folder."),
    ] = None,
    follow: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File of agents to write their next weights into."),
    ] = None,
    register: Register = TRIALS,
    llm: LlmMode = Llm.RECORD,
    llm_records: LlmRecords = None,
    max_cost: MaxCost = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Score each agent's confidence, and say what it is worth beside what it costs."""
    if run is not None and bars:
        raise ConfigError("RUN and --bars exclude each other; leave one out")
    if not bars and (start or end or config):
        raise ConfigError("--config, --start and --end go with --bars; name files of bars")
    folder = None if bars else run_folder(run, holding=LEDGER)
    first, last = instant(start, "--start"), instant(end, "--end")
    if out is not None:
        page = usable(out.parent) / out.name
    elif folder is not None:
        page = usable(folder) / _PAGE
    else:
        page = usable(RUNS / f"agents-{datetime.now(UTC):%Y%m%d-%H%M%S}") / _PAGE

    from tutti.app.config import load_config, located  # heavy, not for --help

    settings = load_config(config)
    output = Output(as_json=as_json)
    with progress() as report_progress:
        report_progress(0, 0, "opinions")
        if folder is not None:
            record = _of_run(folder)
        else:
            use = model_use(
                llm, _calls(llm_records, None), max_cost, yes=yes, output=output,
                pause=report_progress.pause,
            )  # fmt: skip
            source = _admitted(settings, bars or [], first, last, register)
            with located(config):
                record = _of_bars(settings, source, use, report_progress)
        from tutti.app.agents_report import report_on  # compiles, so after all checks
        from tutti.app.model_spend import spend_in

        report_progress(0, 0, "worth")
        found = report_on(
            record,
            seed=seed,
            spent=spend_in(
                _calls(llm_records, folder), int(record.ts[0]), int(record.ts[-1]), record.config
            ),
            horizon=horizon,
            n_samples=samples,
            n_folds=folds,
        )
    _finish(found, page, folder, output, _followed(found, follow, folder))
    return OK


def _calls(given: Path | None, folder: Path | None) -> Path:
    from tutti.app.model_use import RECORDS  # not for --help

    if given is not None:
        return given
    beside = RECORDS if folder is None else folder / RECORDS
    # a backtest's calls are shared by all backtests of a working folder
    return beside if beside.is_file() else RECORDS


def _of_run(folder: Path) -> "OpinionRecord":
    from tutti.app.opinion_record import record_of_run  # heavy, not for --help

    return record_of_run(folder)


def _admitted(
    config: "Config", bars: list[str], start: int | None, end: int | None, register: Path
) -> "Source":
    from tutti.app.studies.bars import admit_study, bars_of  # heavy, not for --help

    return admit_study(register, config, bars_of(config, bars, start, end))


def _of_bars(
    config: "Config", source: "Source", use: "ModelUse", report_progress: "Progress"
) -> "OpinionRecord":
    from tutti.app.opinion_record import record_of_bars  # compiles, so after all checks

    return record_of_bars(config, source.block, use, report_progress)


def _followed(found: "AgentsReport", path: Path | None, folder: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    if not found.is_due:
        return {"followed": str(path), "in_force": False, "is_due": False}
    from tutti.app.agents_edit import with_setting  # heavy, not for --help
    from tutti.app.agents_file import parse_agents
    from tutti.app.settings import MOST_WEIGHT

    text = text_of(path)
    if not text:
        raise ConfigError(f"--follow {path}: no such file; write one with tutti agents weight")
    listed = {each.name for each in parse_agents(text, str(path)).agents}
    for each in found.rows:
        if each.name in listed and each.next_weight != each.weight:
            coming = min(round(each.next_weight, 6), MOST_WEIGHT)
            text = with_setting(text, str(path), each.name, "weight", coming)
    put_ = put(path, text, folder or PAPER, "/agents", _PATIENCE_S)
    return {"followed": str(path), "in_force": put_.in_force, "is_due": True}


def _finish(
    found: "AgentsReport",
    path: Path,
    folder: Path | None,
    output: Output,
    followed: dict[str, object],
) -> None:
    from tutti.app.agents_page import agents_page  # not for --help
    from tutti.app.calibration_file import write_calibration
    from tutti.app.studies.written import write_page, write_study

    maps = {each.name: each.maps for each in found.rows if each.maps}
    calibration = write_calibration(path.parent / _CALIBRATION, maps)
    document = {
        "run": "" if folder is None else str(folder),
        **found.to_dict(),
        "calibration": str(calibration),
        "report": str(path),
        **followed,
    }
    html = agents_page(found, str(folder) if folder is not None else "asked anew over bars")
    written = [write_page(html, path), write_study(document, path.parent / _STUDY), calibration]
    _tell(found, output)
    if followed:
        told = "are in force" if followed["in_force"] else "nobody runs on it"
        if not found.is_due:
            told = "not yet: weights stand for worth.every_s before they follow another step"
        output.say(f"next weights to {followed['followed']}: {told}")
    output.finish(document, written)


def _tell(found: "AgentsReport", output: Output) -> None:
    from tutti.app.agents_page import (  # not for --help
        CONFIDENCE,
        WORTH,
        confidence_cells,
        interval,
        verdict,
        worth_cells,
    )
    from tutti.sandbox.wording import number

    output.table(CONFIDENCE, [confidence_cells(each) for each in found.rows], numbers_from=1)
    output.table(WORTH, [worth_cells(each) for each in found.rows], numbers_from=1)
    lead, rest, is_bad = verdict(found)
    together = found.together
    output.say(
        f"the panel together: Sharpe ratio {number(together.value)} "
        f"({interval(together)}) after trading costs, {found.n_coalitions:,} coalitions"
    )
    output.say(f"{lead}{rest}".strip(), style="yellow" if is_bad else "green")
    for each in found.rows:
        if each.is_alert:
            output.say(
                f"{each.name}: information ratio {number(each.windows[-1].ratio)} in the newest "
                f"window, negative for {each.windows[-1].bad} in a row",
                style="yellow",
            )
