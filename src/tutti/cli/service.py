"""``tutti up``, ``down`` and ``status``: paper trading as a service."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.asking import Llm, LlmMode, LlmRecords, MaxCost, Yes, model_use
from tutti.cli.boundary import FAILED, OK
from tutti.cli.live import LivePicture, PlainLines
from tutti.cli.options import AsJson, Bars, ConfigFile, Register
from tutti.cli.output import Output
from tutti.cli.progress import FIRST_START, compiles_first
from tutti.cli.running import Claim, Running, Unreachable, ask, claim, find, send
from tutti.cli.runs import PAPER, RESULT, TRIALS, usable
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.model_use import ModelUse
    from tutti.app.settings import Config
    from tutti.app.state import LiveView, ServiceState, ServiceSummary
    from tutti.app.venues_live import Keys

_POLL_S = 0.05
_LONGEST_S = 1e9  # thirty years: whoever means longer leaves --for out


class Feed(StrEnum):
    """Where a service's market comes from."""

    SIM = "sim"
    REPLAY = "replay"
    LIVE = "live"


Folder = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of the run, with its ledger.")
]


def up(  # noqa: PLR0913 - one parameter for each option
    *,
    feed: Annotated[
        Feed | None,
        typer.Option(help="A simulated market, recorded bars, or exchanges; else as configured."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--for",
            metavar="SECONDS",
            min=0,
            max=_LONGEST_S,
            help="Stop after this long; else never.",
        ),
    ] = None,
    speed: Annotated[
        float | None, typer.Option(metavar="X", help="Market seconds in one second.")
    ] = None,
    config: ConfigFile = None,
    bars: Bars = None,
    out: Folder = PAPER,
    live: Annotated[
        bool, typer.Option("--live", help="Trade real money; needs keys, limits, and your word.")
    ] = False,
    i_understand: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The words that --live asks for, where nobody types."),
    ] = None,
    no_api: Annotated[bool, typer.Option("--no-api", help="Serve no HTTP.")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Of the API; 0 takes any free one.")
    ] = None,
    register: Register = TRIALS,
    llm: LlmMode = Llm.LIVE,
    llm_records: LlmRecords = None,
    max_cost: MaxCost = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Trade on paper, or for real.

    Until Ctrl-C, tutti down or --for ends it.
    """
    from tutti.app.config import load_config, located, override  # heavy, not for --help
    from tutti.app.symbols_watch import started_on

    given = {
        "feed.kind": feed.value if feed else None,
        "feed.bars": bars or None,
        "feed.speed": speed,
        "api.enabled": False if no_api else None,
        "api.port": port,
    }
    loaded = load_config(config)
    settings = override(loaded, {key: value for key, value in given.items() if value is not None})
    if settings.feed.kind == "replay":
        if not settings.feed.bars:
            raise ConfigError("--feed replay needs --bars: files or patterns of recorded bars")
        from tutti.app.markets import admit_replay  # compiles, so after these checks

        admit_replay(register, settings, loaded)
    output = Output(as_json=as_json)
    begun = started_on(settings, out)
    keys = _agreed(begun, i_understand, output) if live else None
    use = _asked(begun, llm, llm_records or out / "llm.sqlite", max_cost, yes=yes, output=output)
    running = Running(
        pid=os.getpid(), feed=settings.feed.kind, started_at=f"{datetime.now(UTC):%FT%TZ}"
    )
    # until the service hears signals itself, one to end it must not pass the doors by
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with claim(_for_paper(usable(out)), running) as held, located(config):
        _greet(begun, out, output, real=live)
        if compiles_first():
            output.say(FIRST_START)
        summary = _run(settings, seconds, out, held, output, keys, use)
    output.say(_farewell(summary))
    for each in summary.not_closed:
        output.say(f"not closed: {each}", style="red")
    output.finish(asdict(summary), [Path(path) for path in summary.written])
    return FAILED if summary.not_closed else OK


def down(
    *,
    out: Folder = PAPER,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the end.")] = 30.0,
    as_json: AsJson = False,
) -> int:
    """Stop the service gracefully; positions stay open."""
    output = Output(as_json=as_json)
    running = find(out)
    if running is None:
        output.say(f"nothing runs in {out}")
        output.finish({"stopped": False, "running": False})
        return OK
    how = _ask_to_stop(running, out)
    end = time.monotonic() + timeout
    while (still := find(out)) is not None and time.monotonic() < end:
        time.sleep(_POLL_S)
    if still is not None:
        output.say(
            f"process {running.pid} was asked through {how} and still runs after {timeout:g} s; "
            f"see {out}/log.jsonl",
            style="red",
        )
    else:
        output.say(f"stopped process {running.pid} through {how}")
    output.finish({"stopped": still is None, "running": still is not None, "through": how})
    return OK if still is None else FAILED


def status(*, out: Folder = PAPER, as_json: AsJson = False) -> int:
    """Say how the service stands; exit code 1 when none runs."""
    output = Output(as_json=as_json)
    running = find(out)
    if running is None:
        output.say(f"nothing runs in {out}; start it with tutti up")
        output.finish({"running": False})
        return FAILED
    state = ask(running, "GET", "/status") if running.url else {}
    output.say(f"process {running.pid} since {running.started_at}, feed {running.feed}")
    if state:
        _tell(state, output)
    elif running.is_up:
        output.say("it serves no API, so this is all that can be told from here")
    else:
        output.say("it is starting")
    output.finish({"running": True} | asdict(running) | {"state": state})
    return OK


def _for_paper(out: Path) -> Path:
    if (out / RESULT).exists():
        # its ledger would go on where the backtest ended, and no longer be that of the results
        raise ConfigError(f"{out}: holds the results of a backtest; choose another --out")
    return out


def _agreed(settings: "Config", given: str | None, output: Output) -> "Keys":
    from tutti.app.venues_live import (  # heavy, not for --help
        keys_for,
        phrase_for,
        refuse_unconfirmed,
        refuse_unlimited,
        venues_in,
    )

    refuse_unlimited(settings)
    keys = keys_for(settings)
    if given is None and sys.stdin.isatty() and not output.as_json:
        limits = settings.live
        output.say(f"Real money on {', '.join(venues_in(settings))}.", style="bold red")
        output.say(
            f"No order above {limits.max_order_notional} {settings.quote_currency}, no more than "
            f"{limits.max_orders_per_minute} a minute; trading stops at a loss of "
            f"{settings.risk.max_daily_loss:g} in a day."
        )
        output.say(f"To go on, type: {phrase_for(settings)}")
        given = input("> ")
    refuse_unconfirmed(settings, given or "")
    return keys


def _asked(
    settings: "Config",
    llm: Llm,
    records: Path,
    max_cost: float | None,
    *,
    yes: bool,
    output: Output,
) -> "ModelUse":
    from tutti.app.model_use import asks_models, daily_estimate, is_free

    use = model_use(llm, records, max_cost, yes=yes, output=output, per="for a day of the market")
    if llm is not Llm.REPLAY and asks_models(settings):
        estimate = daily_estimate(settings)
        if not is_free(estimate):
            use.approve(estimate)
    return use


def _greet(settings: "Config", out: Path, output: Output, *, real: bool) -> None:
    feed = settings.feed
    match feed.kind:
        case "sim":
            what = f"simulated market of {len(feed.simulated.symbols)} instruments"
        case "replay":
            what = f"replay of {', '.join(feed.bars)}"
        case _:
            what = f"live market of {', '.join(feed.live.symbols)}"
    pace = "" if feed.kind == "live" else f", speed {feed.speed:g}"
    agents = sum(agent.enabled for agent in settings.agents)
    how = "trading real money" if real else "paper trading"
    # how much real money there is, the venues say
    balance = "" if real else f"{settings.starting_balance:,} "
    output.say(f"Tutti, {how} on a {what}{pace}", style="bold")
    output.say(
        f"{agents} agents, policy {settings.policy.name}, {balance}{settings.quote_currency}, "
        f"run folder {out} (ledger, log.jsonl, API token)"
    )
    output.say("Ctrl-C or tutti down stops it")


def _run(  # noqa: PLR0913 - what a service is started with
    settings: "Config",
    seconds: float | None,
    out: Path,
    held: Claim,
    output: Output,
    keys: "Keys | None",
    use: "ModelUse",
) -> "ServiceSummary":
    from tutti.app.access import api_token  # not for --help
    from tutti.app.logs import configure_logs
    from tutti.app.serve import run_service

    logging = settings.logging
    secrets = [
        api_token(out),
        *(value for each in (keys or {}).values() for value in each.values()),
    ]
    configure_logs(out, level=logging.level, console=logging.console, secrets=secrets)
    view = _view(output)
    try:
        return asyncio.run(
            run_service(
                settings,
                feed=settings.feed.kind,
                bars=list(settings.feed.bars),
                speed=settings.feed.speed,
                seconds=seconds,
                out=out,
                view=_Announcing(held, view),
                keys=keys,
                use=use,
            )
        )
    finally:
        if view is not None:
            view.close()


def _view(output: Output) -> LivePicture | PlainLines | None:
    if output.as_json:
        return None
    return LivePicture(output.console) if output.console.is_terminal else PlainLines()


class _Announcing:
    """Notes where the API answers, for other shells, and passes the state on."""

    def __init__(self, held: Claim, view: "LiveView | None") -> None:
        self._held = held
        self._view = view

    def update(self, state: "ServiceState") -> None:
        self._held.announce(state.api_url)
        if self._view is not None:
            self._view.update(state)


def _farewell(summary: "ServiceSummary") -> str:
    gain = summary.final_equity / summary.start_equity - 1.0 if summary.start_equity else 0.0
    return (
        f"stopped by {summary.stopped_by} after {summary.seconds:.1f} s: {summary.ticks:,} ticks, "
        f"equity {summary.final_equity:,.2f} ({gain:+.2%}), {summary.n_decisions} decisions, "
        f"{summary.n_orders} orders, {summary.n_fills} fills, {summary.n_refusals} refused, "
        f"{len(summary.open_positions)} positions open, ledger {summary.ledger_hash[:16]}"
    )


def _ask_to_stop(running: Running, out: Path) -> str:
    from tutti.app.access import api_token  # not for --help

    try:
        token = api_token(out).get_secret_value()
        ask(
            running,
            "POST",
            "/shutdown",
            token=token,
            body={"reason": "tutti down", "positions": "keep"},
        )
    except (Unreachable, ConfigError):
        send(running, signal.SIGTERM)  # or it has ended meanwhile
        return "a signal"
    return "its API"


def _tell(state: dict[str, Any], output: Output) -> None:
    gain = state["equity"] / state["start_equity"] - 1.0 if state["start_equity"] else 0.0
    output.say(
        f"{state['run_id']}: equity {state['equity']:,.2f} ({gain:+.2%}), drawdown "
        f"{state['drawdown']:.2%}, {state['mode']}, tick {state['ticks']:,} at {state['as_of']}"
    )
    output.say(
        f"{state['n_orders']} orders, {state['n_fills']} fills, {state['n_refusals']} refused; "
        f"API {state['api_url']}"
    )
    if state.get("agents_refused"):
        output.say(f"agents refused: {state['agents_refused']}", style="red")
    if state.get("symbols_refused"):
        output.say(f"symbols refused: {state['symbols_refused']}", style="red")
    if state["positions"]:
        output.table(
            ("instrument", "quantity", "entry", "mark", "P&L", "lead"),
            [
                (
                    row["instrument"],
                    f"{row['quantity']:,.6g}",
                    f"{row['average_price']:,.6g}",
                    f"{row['mark']:,.6g}",
                    f"{row['unrealised']:+,.2f}",
                    row["lead"],
                )
                for row in state["positions"]
            ],
            numbers_from=1,
        )
