"""``tutti sandbox stress`` and ``scenarios``: a strategy in markets that went wrong."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.backtest import PARITY
from tutti.cli.boundary import GATE, OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import RUNS, TRIALS, usable
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.studies.stress import StressStudy
    from tutti.sandbox.scenarios.figures import Stressed
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
    """Run a strategy with and without a scenario."""
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
    from tutti.app.studies.written import write_page, write_study
    from tutti.app.trials import register_at
    from tutti.kernel.clock import iso
    from tutti.sandbox.scenarios.page import stress_page

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
    period = f"{iso(int(source.block.ts[0]))[:10]} to {iso(int(source.block.known_at[-1]))[:10]}"
    told = f"{settings.policy.name} on {', '.join(study.instruments)}, {period}"
    html = stress_page(study.stressed, study.skipped, study.honest, told)
    written = [
        write_study(document, folder / "stress.json"),
        write_page(html, folder / "stress.html"),
    ]
    output.finish(document, written)
    return OK if _agree(study) else GATE


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
    from tutti.sandbox.scenarios import wording  # not for --help

    output.say(f"{found.scenario.name}: {found.scenario.about}", style="bold")
    output.say(wording.period(found))
    output.table(("", "baseline", "stressed"), wording.figure_rows(found), numbers_from=1)
    for line in wording.differing_counts(found):
        output.say(line)
    for change in found.baseline.breakers:
        output.say(wording.breaker(change, without=True))
    for change in found.stressed.breakers:
        output.say(wording.breaker(change), style="yellow")
    if found.stressed.halted:
        output.say(f"halted: {found.stressed.halted}", style="red")
    for line in (wording.moments(found), wording.tiers(found)):
        if line:
            output.say(line)
    output.say()


def _agree(study: "StressStudy") -> bool:
    return all(
        each.parity is None
        or (each.parity["fills_equal"] and each.parity["max_rel_equity_diff"] <= PARITY)
        for each in study.stressed
    )
