"""``tutti sandbox stress`` and ``scenarios``: a strategy in markets that went wrong."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import RUNS, TRIALS, usable
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.studies.stress import StressStudy
    from tutti.sandbox.scenarios.figures import Figures, Moment, Stressed
    from tutti.sandbox.scenarios.scenario import Scenario


def stress(  # noqa: PLR0913 - one parameter for each option
    *,
    scenario: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE", help="A scenario or a YAML file; may be repeated."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every scenario that comes with Tutti.")
    ] = False,
    bars: Bars = None,
    config: ConfigFile = None,
    start: Annotated[
        str | None, typer.Option(metavar="D", help="First bar, e.g. 2024-01-31 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="D", help="End, itself left out.")] = None,
    simulated: Annotated[
        int | None,
        typer.Option(
            min=200, metavar="BARS", help="On so many bars of the configured simulated market."
        ),
    ] = None,
    both_tiers: Annotated[
        bool, typer.Option("--both-tiers", help="Run the fast tier too, and compare.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="When it strikes: 0.3 of the bars, or a date; else its own."
        ),
    ] = None,
    moments: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Let it strike at N moments too, evenly spread."),
    ] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for ledgers; else under runs/.")
    ] = None,
    register: Register = TRIALS,
    as_json: AsJson = False,
) -> int:
    """Run the strategy with and without a scenario, and compare the two."""
    from tutti.app.config import load_config, located  # heavy, not for --help
    from tutti.app.studies.scenario_file import scenario_of
    from tutti.sandbox.scenarios.catalogue import SCENARIOS

    names = [*(SCENARIOS if everything else ()), *(scenario or ())]
    if not names:
        raise ConfigError(f"--scenario is missing: name a file, --all, or {', '.join(SCENARIOS)}")
    scenarios = [_struck(scenario_of(name), at) for name in dict.fromkeys(names)]
    if len({each.name for each in scenarios}) < len(scenarios):
        raise ConfigError("--scenario: two of them have one name; change the name in one file")
    settings = load_config(config)
    folder = usable(out or RUNS / f"stress-{datetime.now(UTC):%Y%m%d-%H%M%S}")

    from tutti.app.studies.bars import bars_of  # compiles, so after all checks
    from tutti.app.studies.stress import run_stress
    from tutti.app.studies.written import write_study
    from tutti.app.trials import register_at

    with progress() as report_progress, located(config):
        source = bars_of(
            settings,
            bars,
            instant(start, "--start"),
            instant(end, "--end"),
            simulated=simulated,
        )
        study = run_stress(
            settings, source, scenarios, folder, report_progress,
            both_tiers=both_tiers, n_moments=moments, register=register_at(register),
        )  # fmt: skip
    output = Output(as_json=as_json)
    _tell(study, output)
    document = _document(study, everything=everything, names=names) | {"out": str(folder)}
    output.finish(document, [write_study(document, folder / "stress.json")])
    return OK


def scenarios(*, as_json: AsJson = False) -> int:
    """List the scenarios that come with Tutti."""
    from tutti.sandbox.scenarios.catalogue import SCENARIOS  # not for --help

    output = Output(as_json=as_json)
    output.table(
        ("scenario", "what happens"), [(each.name, each.about) for each in SCENARIOS.values()]
    )
    output.finish({"scenarios": [each.to_dict() for each in SCENARIOS.values()]})
    return OK


def _struck(scenario: "Scenario", at: str | None) -> "Scenario":
    if at is None:
        return scenario
    try:
        fraction = float(at)
    except ValueError:
        return replace(scenario, start=instant(at, "--at"))
    if not 0.0 <= fraction < 1.0:
        raise ConfigError(f"--at must be a fraction from 0 to below 1, or a date, was {at}")
    return replace(scenario, at=fraction, start=None)


def _document(study: "StressStudy", *, everything: bool, names: list[str]) -> dict[str, object]:
    if not everything and len(names) == 1:
        found = study.stressed[0].to_dict()
        return {"instruments": study.instruments} | found | {"honest": study.honest}
    return {
        "instruments": study.instruments,
        "honest": study.honest,
        "results": [each.to_dict() for each in study.stressed],
        "skipped": dict(study.skipped),
    }


def _tell(study: "StressStudy", output: Output) -> None:
    for each in study.stressed:
        _tell_one(each, output)
    if study.honest:
        output.say(f"without any scenario: {study.honest['verdict']}")
    for name, why in study.skipped.items():
        output.say(f"{name}: left out: {why}", style="yellow")


def _tell_one(found: "Stressed", output: Output) -> None:
    from tutti.kernel.clock import iso  # not for --help
    from tutti.sandbox.wording import money, number, percent

    before, after = found.baseline, found.stressed
    output.say(f"{found.scenario.name}: {found.scenario.about}", style="bold")
    output.say(f"{iso(found.starts)} to {iso(found.ends)}, {found.changed_bars:,} bars changed")
    rows = [
        ("final equity", money(before.final_equity), money(after.final_equity)),
        *(_worth_rows(before, after)),
        ("change while it lasted", percent(before.during.change), percent(after.during.change)),
        (
            "  of buying and holding",
            percent(before.holding.change),
            percent(after.holding.change),
        ),
        (
            "deepest fall while it lasted",
            percent(-before.during.max_drawdown),
            percent(-after.during.max_drawdown),
        ),
        (
            "deepest fall at all",
            percent(-before.metrics["max_drawdown"]),
            percent(-after.metrics["max_drawdown"]),
        ),
        ("Sharpe ratio", number(before.metrics["sharpe"]), number(after.metrics["sharpe"])),
        ("fees", money(before.fees), money(after.fees)),
        ("funding received", money(before.funding), money(after.funding)),
        (
            "slippage, bps",
            number(before.metrics["slippage_bps"]),
            number(after.metrics["slippage_bps"]),
        ),
        ("fills", f"{before.n_fills:,}", f"{after.n_fills:,}"),
        ("liquidations", f"{before.liquidations:,}", f"{after.liquidations:,}"),
    ]
    output.table(("", "baseline", "stressed"), rows, numbers_from=1)
    for what in ("orders", "unfilled", "refusals"):
        pair = [_counted(getattr(figures, what)) for figures in (before, after)]
        if pair[0] != pair[1]:
            output.say(f"{what}: {pair[0]}; stressed: {pair[1]}")
    for change in before.breakers:
        output.say(f"breaker without it at {iso(change.ts)}: {change.mode}: {change.reason}")
    for change in after.breakers:
        output.say(f"breaker at {iso(change.ts)}: {change.mode}: {change.reason}", style="yellow")
    if found.moments:
        _tell_moments(found.moments, output)
    if after.halted:
        output.say(f"halted: {after.halted}", style="red")
    if found.parity is not None:
        output.say(
            f"tiers: fills {'equal' if found.parity['fills_equal'] else 'DIFFER'}, equity within "
            f"{found.parity['max_rel_equity_diff']:.1e}"
        )
    output.say()


def _tell_moments(moments: "tuple[Moment, ...]", output: Output) -> None:
    from tutti.kernel.clock import iso  # not for --help
    from tutti.sandbox.wording import percent

    ranked = sorted(moments, key=lambda each: each.during.change)
    middle, worst = ranked[len(ranked) // 2], ranked[0]
    flat = sum(each.exposure == 0.0 for each in moments)
    liquidated = sum(each.liquidations > 0 for each in moments)
    output.say(
        f"at {len(moments)} moments: worst {percent(worst.during.change)} "
        f"({percent(worst.unstressed.change)} without it) on {iso(worst.ts)[:16]}, "
        f"median {percent(middle.during.change)}, best {percent(ranked[-1].during.change)}; "
        f"liquidated in {liquidated}, nothing held in {flat}"
    )


def _worth_rows(before: "Figures", after: "Figures") -> list[tuple[str, str, str]]:
    from tutti.sandbox.wording import money, percent  # not for --help

    if after.worth is None or after.final_worth is None:
        return []
    return [
        ("  at its worth", money(before.final_equity), money(after.final_worth)),
        (
            "change of its worth while it lasted",
            percent(before.during.change),
            percent(after.worth.change),
        ),
        (
            "deepest fall of its worth",
            percent(-before.during.max_drawdown),
            percent(-after.worth.max_drawdown),
        ),
    ]


def _counted(counts: object) -> str:
    assert isinstance(counts, dict)
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"
