"""``tutti sandbox ab``: two configurations on the same market."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson, Bars, Register, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import RUNS, TRIALS, usable
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.app.studies.ab import AbStudy
    from tutti.sandbox.ab import Difference
    from tutti.sandbox.ab_page import Contender


def ab(  # noqa: PLR0913 - one parameter for each option
    *,
    a: Annotated[
        Path | None, typer.Option("--a", metavar="CONFIG", help="What the other is held against.")
    ] = None,
    b: Annotated[
        list[Path] | None,
        typer.Option("--b", metavar="CONFIG", help="The alternative; may be repeated."),
    ] = None,
    bars: Bars = None,
    start: Annotated[
        str | None, typer.Option(metavar="D", help="First bar, e.g. 2024-01-31 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="D", help="End, itself left out.")] = None,
    samples: Annotated[int, typer.Option(min=100, help="Bootstrap samples.")] = 2000,
    block: Annotated[
        float | None,
        typer.Option(
            min=1.0, metavar="DAYS", help="Mean length of their blocks; else by the data."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples.")] = 7,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for both runs; else under runs/.")
    ] = None,
    register: Register = TRIALS,
    as_json: AsJson = False,
) -> int:
    """Test which of two configurations is better on the same bars."""
    if a is None or not b:
        raise ConfigError(f"{'--b' if a else '--a'} is missing: name a configuration file")

    from tutti.app.config import load_config  # heavy, not for --help
    from tutti.app.studies.ab import named

    paths = [a, *b]
    configs = dict(zip(named(paths), map(load_config, paths), strict=True))
    first, last = instant(start, "--start"), instant(end, "--end")
    folder = usable(out or RUNS / f"ab-{datetime.now(UTC):%Y%m%d-%H%M%S}")

    from tutti.app.studies.ab import run_ab  # compiles, so after all checks
    from tutti.app.studies.bars import bars_of
    from tutti.app.studies.written import write_page, write_study
    from tutti.app.trials import register_at
    from tutti.sandbox.ab_page import ab_page

    with progress() as report_progress:
        source = bars_of(next(iter(configs.values())), bars, first, last)
        study = run_ab(
            configs, source, folder, report_progress,
            seed=seed, n_samples=samples, mean_block=block, register=register_at(register),
        )  # fmt: skip
    output = Output(as_json=as_json)
    contenders = _contenders(study)
    _tell(study, contenders, output)
    document = study.to_dict() | {"out": str(folder)}
    told = f"on {', '.join(map(str, study.first.result.instruments))}"
    html = ab_page(study.first.result.ts, contenders, study.best, told)
    output.finish(
        document, [write_study(document, folder / "ab.json"), write_page(html, folder / "ab.html")]
    )
    return OK


def _contenders(study: "AbStudy") -> "list[Contender]":
    from tutti.sandbox.ab_page import Contender  # not for --help
    from tutti.sandbox.wording import money, number, percent

    found = []
    for arm, pair in zip((study.first, *study.others), (None, *study.pairs), strict=True):
        metrics = arm.result.metrics
        parts = arm.attribution.attribution.parts
        figures = [
            ("final equity", money(arm.result.final_equity)),
            ("growth a year", percent(metrics["cagr"])),
            ("Sharpe ratio", number(metrics["sharpe"])),
            ("deepest fall", percent(-metrics["max_drawdown"])),
            ("fills", f"{arm.result.n_fills:,}"),
            *((f"  {name}", money(float(value))) for name, value in parts._asdict().items()),
        ]
        found.append(
            Contender(name=arm.name, equity=arm.result.equity, figures=tuple(figures), pair=pair)
        )
    return found


def _tell(study: "AbStudy", contenders: "list[Contender]", output: Output) -> None:
    from tutti.sandbox.ab_page import days, verdict  # not for --help
    from tutti.sandbox.wording import number, percent

    first = contenders[0]
    output.table(
        ("", *(each.name for each in contenders)),
        [
            (label, *(each.figures[k][1] for each in contenders))
            for k, (label, _) in enumerate(first.figures)
        ],
        numbers_from=1,
    )
    for other, pair in zip(study.others, study.pairs, strict=True):
        output.say(f"{other.name} less {first.name}, {days(pair)}:")
        output.say(f"  mean return a year {_told(pair.mean, percent)}")
        output.say(f"  Sharpe ratio       {_told(pair.sharpe, number)}")
        output.say(f"  {verdict(other.name, first.name, pair.mean)}", style="bold")
    best = study.best
    output.say(
        f"the best of {len(study.others)} against {first.name}: p = {best.spa:.3f} "
        f"(superior predictive ability), {best.reality_check:.3f} (reality check)"
    )


def _told(difference: "Difference", shown: "Callable[[float], str]") -> str:
    return (
        f"{shown(difference.value)}, 95 % between {shown(difference.low)} and "
        f"{shown(difference.high)}, p = {difference.p_value:.3f}"
    )
