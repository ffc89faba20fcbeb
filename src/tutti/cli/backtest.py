"""``tutti backtest`` and ``tutti report``: run over recorded bars, and show what came of it."""

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.asking import Llm, LlmMode, LlmRecords, MaxCost, Yes, model_use
from tutti.cli.boundary import GATE, OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, Run, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import RESULT, RUNS, TRIALS, run_folder, usable
from tutti.cli.second_opinion import tell_second_opinion
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.sandbox.result import BacktestResult, Parity

PARITY = 1e-9
"""Largest relative difference of equity between the tiers that counts as none."""

_MOST_FINDINGS = 5


class Tier(StrEnum):
    """Which engine runs."""

    EVENT = "event"
    FAST = "fast"
    BOTH = "both"


def backtest(  # noqa: PLR0913 - one parameter for each option
    *,
    bars: Bars = None,
    config: ConfigFile = None,
    start: Annotated[
        str | None, typer.Option(metavar="D", help="First bar, e.g. 2024-01-31 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="D", help="End, itself left out.")] = None,
    tier: Annotated[Tier, typer.Option(help="event is the truth; both compares the two.")] = (
        Tier.EVENT
    ),
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for results; else under runs/.")
    ] = None,
    timeframe: Annotated[
        str | None, typer.Option(metavar="T", help="Length of a bar, e.g. 1h, where names lack it.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Drop impossible rows instead of refusing the file.")
    ] = False,
    funding: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB...", help="Files of funding rates; else those beside the bars."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the configured one.")] = None,
    ask_nautilus: Annotated[
        bool,
        typer.Option("--second-opinion", help="Replay the orders on NautilusTrader and compare."),
    ] = False,
    nautilus_python: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Python that has NautilusTrader; else this one."),
    ] = None,
    register: Register = TRIALS,
    llm: LlmMode = Llm.RECORD,
    llm_records: LlmRecords = None,
    max_cost: MaxCost = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Run the strategy over recorded bars and report on it."""
    from tutti.app.config import load_config, located, override  # heavy, not for --help

    settings = load_config(config)
    if seed is not None:
        settings = override(settings, {"seed": seed})
    patterns = bars or list(settings.feed.bars)
    if not patterns:
        raise ConfigError(
            "--bars is missing: name files or patterns, such as --bars data/*.parquet"
        )
    first, last = instant(start, "--start"), instant(end, "--end")
    if first is not None and last is not None and first >= last:
        raise ConfigError(f"--end must be after --start {start}, was {end}")
    folder = usable(out or RUNS / f"backtest-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    nautilus = _nautilus(nautilus_python) if ask_nautilus or nautilus_python else None

    from tutti.app.backtest import run_backtest  # compiles, so after all checks
    from tutti.app.logs import configure_logs
    from tutti.app.model_use import RECORDS
    from tutti.app.trials import register_at

    output = Output(as_json=as_json)
    configure_logs(folder, level=settings.logging.level, console=settings.logging.console)
    with progress() as report_progress, located(config):
        result = run_backtest(
            settings,
            patterns,
            first,
            last,
            tier.value,
            folder,
            report_progress,
            repair=repair or settings.feed.repair,
            timeframe=timeframe or settings.feed.timeframe,
            funding=funding or list(settings.feed.funding) or None,
            nautilus=nautilus,
            register=register_at(register),
            use=model_use(
                llm, llm_records or RECORDS, max_cost, yes=yes, output=output,
                pause=report_progress.pause,
            ),
        )  # fmt: skip
    return _conclude(result, folder, output)


def _nautilus(given: Path | None) -> Path:
    from tutti.adapters.second_opinion.process import interpreter  # numpy, not for --help

    return interpreter(given)


def report(
    *,
    run: Run = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to; else report.html in the run.")
    ] = None,
    studies: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME", help="attribution or montecarlo; may be repeated."),
    ] = None,
    paths: Annotated[int, typer.Option(min=1, help="Paths of the Monte Carlo study.")] = 200,
    as_json: AsJson = False,
) -> int:
    """Tell a backtest again, and write its report."""
    folder = run_folder(run, holding=RESULT)

    from tutti.sandbox.report import write_report  # heavy, not for --help
    from tutti.sandbox.result import summary
    from tutti.sandbox.saved import load_result
    from tutti.sandbox.wording import verdict

    result = load_result(folder)
    if out is not None:
        usable(out.parent)
    if studies:
        from tutti.app.run_studies import with_studies  # compiles, so after all checks

        with progress() as report_progress:
            result = with_studies(folder, result, studies, report_progress, n_paths=paths)
    written = write_report(result, out or folder)
    output = Output(as_json=as_json)
    if not as_json:
        _tell(result, output)
    output.finish(
        {
            **summary(result),
            **result.studies,
            "report": str(written),
            "lost_to_a_baseline": verdict(result)[0],
        },
        [written],
    )
    return OK


def _conclude(result: "BacktestResult", folder: Path, output: Output) -> int:
    from tutti.sandbox.report import write_report  # heavy, not for --help
    from tutti.sandbox.result import summary, write_result

    written = write_result(result, folder, command=["tutti", *sys.argv[1:]])
    written += _write_studies(result, folder)
    page = write_report(result, folder)
    if not output.as_json:
        _tell(result, output)
    output.finish(
        {**summary(result), **result.studies, "out": str(folder), "report": str(page)},
        [page, *written, *sorted(folder.glob("ledger.sqlite"))],
    )
    opinion = result.studies.get("second_opinion")
    return OK if _agree(result.parity) and (opinion is None or opinion["agrees"]) else GATE


def _write_studies(result: "BacktestResult", folder: Path) -> tuple[Path, ...]:
    from tutti.sandbox.result import json_value, write_atomically

    written = []
    for kind, study in result.studies.items():
        text = f"{json.dumps(json_value(study), indent=2, allow_nan=False)}\n".encode()
        written.append(write_atomically(folder / f"{kind}.json", methodcaller("write", text)))
    return tuple(written)


def _agree(parity: "Parity | None") -> bool:
    return parity is None or (parity.fills_equal and parity.max_rel_equity_diff <= PARITY)


def _tell(result: "BacktestResult", output: Output) -> None:
    from tutti.sandbox.wording import BASELINES, metric_rows, period, verdict

    lost, sentence = verdict(result)
    output.say(f"{result.run_id}: {len(result.instruments)} instruments, {period(result)}")
    head = ["", "strategy", *(BASELINES.get(name, name).lower() for name in result.baselines)]
    output.table(head, metric_rows(result), numbers_from=1)
    output.say(sentence, style="yellow" if lost else "green")
    if result.honest:
        proven = result.honest["is_proven"]
        output.say(result.honest["verdict"], style="green" if proven else "yellow")
    if (robustness := result.studies.get("robustness")) is not None and result.n_fills:
        output.say(_robust(robustness))
    output.say(
        f"{result.n_bars:,} bars in {result.seconds:.2f} s, {result.n_decisions:,} decisions, "
        f"{result.n_orders:,} orders, {result.n_fills:,} fills, {result.n_refusals:,} refused"
    )
    if result.refusals:
        counts = sorted(result.refusals.items(), key=lambda item: (-item[1], item[0]))
        output.say(f"refused by {', '.join(f'{rule} {count:,}' for rule, count in counts)}")
    _tell_findings(result, output)
    if (parity := result.parity) is not None:
        fills = "fills equal" if parity.fills_equal else "FILLS DIFFER"
        output.say(
            f"tiers: {fills}, equity within {parity.max_rel_equity_diff:.1e}",
            style="" if _agree(parity) else "red",
        )
    if (opinion := result.studies.get("second_opinion")) is not None:
        tell_second_opinion(opinion, output)
    _tell_studies(result, output)
    output.say(f"ledger {result.ledger_hash or '- (the fast tier keeps none)'}")


def _tell_studies(result: "BacktestResult", output: Output) -> None:
    from tutti.sandbox.wording import NONE, money, percent

    if (knowledge := result.studies.get("knowledge")) is not None:
        for stamp, each in knowledge["stamps"].items():
            right = each["hit_rate"]
            share = "none could be judged" if right is None else f"{100 * right:.1f} % right"
            alone = each["total_return"]
            earned = "" if alone is None else f", return with only these {percent(alone)}"
            output.say(f"{stamp} opinions: {each['n_opinions']:,}, {share}{earned}")
    if (attribution := result.studies.get("attribution")) is not None:
        parts = {"total": attribution["total"], **attribution["components"]}
        cells = [NONE if value is None else money(value) for value in parts.values()]
        output.table([f"profit {name}" for name in parts], [cells], numbers_from=0)
    if (study := result.studies.get("montecarlo")) is not None:
        loss = study["probability_of_loss"]
        output.say(
            f"of {study['n_paths']:,} paths by {study['method']} {100 * loss['value']:.1f} % lose "
            f"money (95 % interval {100 * loss['low']:.1f} to {100 * loss['high']:.1f} %)"
        )


def _robust(told: "Mapping[str, Any]") -> str:
    won = sum(each["total_return"] > 0.0 for each in told["regimes"])
    quarters = sum(each["total_return"] > 0.0 for each in told["parts"])
    spare = told["costs"]["break_even_bps"]
    bears = "no cost is known"
    if spare is not None:
        bears = (
            f"it could pay {spare:.1f} bps more for what it trades"
            if spare > 0.0
            else f"it would have to pay {-spare:.1f} bps less for what it trades"
        )
    return (
        f"to break even {bears}; it earned in {won} of {len(told['regimes'])} states of the market "
        f"and in {quarters} of {len(told['parts'])} parts of the time"
    )


def _tell_findings(result: "BacktestResult", output: Output) -> None:
    for finding in result.findings[:_MOST_FINDINGS]:
        output.say(f"data: {finding}")
    if (more := len(result.findings) - _MOST_FINDINGS) > 0:
        output.say(f"data: {more} more findings, all in the report")
