"""``tutti sandbox lookahead``: does a strategy know more than it may."""

from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import GATE, OK
from tutti.cli.options import AsJson, Bars, ConfigFile, Register, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress
from tutti.cli.runs import TRIALS

if TYPE_CHECKING:
    from tutti.sandbox.lookahead import LookAhead


def lookahead(  # noqa: PLR0913 - one parameter for each option
    *,
    bars: Bars = None,
    config: ConfigFile = None,
    strategy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="hybrid, ema_cross, an agent; else the configured one."),
    ] = None,
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
    cuts: Annotated[
        int, typer.Option(min=1, metavar="N", help="Instants from which on bars are poisoned.")
    ] = 3,
    register: Register = TRIALS,
    as_json: AsJson = False,
) -> int:
    """Find what looks ahead: poison the future, trade late.

    Exit code 3 where anything does.
    """
    from tutti.app.config import load_config, located  # heavy, not for --help

    settings = load_config(config)

    from tutti.app.studies.bars import admit_study, bars_of  # compiles, so after all checks
    from tutti.app.studies.lookahead import run_lookahead
    from tutti.app.studies.null import named_strategy

    chosen = settings if strategy is None else named_strategy(strategy, settings)
    with progress() as report_progress, located(config):
        first, last = instant(start, "--start"), instant(end, "--end")
        source = bars_of(settings, bars, first, last, simulated=simulated)
        admit_study(register, chosen, source)
        found = run_lookahead(
            chosen, strategy or settings.policy.name, source.block, report_progress, n_cuts=cuts
        )
    output = Output(as_json=as_json)
    _tell(found, output)
    output.finish(found.to_dict())
    return GATE if found.peeks else OK


def _tell(found: "LookAhead", output: Output) -> None:
    from tutti.kernel.clock import iso  # not for --help
    from tutti.sandbox.wording import number, percent

    for peek in found.peeks:
        where = f" of {peek.instrument}" if peek.instrument else ""
        output.say(
            f"{peek.part}{where} at {iso(peek.ts)} hangs on bars from {iso(peek.known)} on "
            f"({peek.bars_ahead} bars ahead, {peek.poison})",
            style="red",
        )
    if found.peeks:
        output.say(f"{found.strategy} looks ahead: begin with {found.peeks[0].part}", style="bold")
    else:
        output.say(
            f"{found.strategy} knows no more than it may: {len(found.parts)} parts unchanged by "
            f"{found.n_poisoned} poisoned futures",
            style="green",
        )
    rows = [
        (
            _late(lag.bars),
            number(lag.sharpe_gross),
            number(lag.sharpe_net),
            percent(lag.total_return),
            f"{lag.n_fills:,}",
        )
        for lag in found.lags
    ]
    head = ("signals traded", "Sharpe before costs", "after", "return", "fills")
    output.table(head, rows, numbers_from=1)
    if found.is_fragile:
        output.say(
            f"one bar later {100 * found.kept:.0f} % of the ratio before costs is left: it lives on "
            "being first, or on luck",
            style="yellow",
        )


def _late(bars: int) -> str:
    if bars < 0:
        return f"{-bars} bar before they are known"
    return "as they are known" if bars == 0 else f"{bars} bar{'s' if bars > 1 else ''} late"
