"""``tutti kill``, ``flatten``, ``pause`` and ``resume``: what an operator tells a running account."""

import signal
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tutti.cli.boundary import FAILED, OK
from tutti.cli.options import AsJson
from tutti.cli.output import Output
from tutti.cli.running import Running, Unreachable, ask, find, send
from tutti.cli.runs import PAPER, account_folder
from tutti.cli.service import Folder
from tutti.model.errors import ConfigError

_POLL_S = 0.05

Reason = Annotated[str, typer.Option(metavar="TEXT", help="Goes into the ledger.")]


def kill(
    *,
    out: Folder = PAPER,
    reason: Reason = "tutti kill",
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the end.")] = 60.0,
    as_json: AsJson = False,
) -> int:
    """Close everything and stop; name what is left.

    Every order is cancelled, every position closed on every venue, within a deadline. Nothing trades on the account again until tutti resume. Exit code 1 when something is left.
    """
    from tutti.app.kill_switch import HALT  # heavy, not for --help

    output = Output(as_json=as_json)
    if not out.is_dir():
        raise ConfigError(f"{out}: no such folder; name the one that the service writes with --out")
    running = find(out)
    if running is None:
        account_folder(out)
    # before anything that could go wrong: who looks here finds it
    (out / HALT).write_text(f"{reason}\n", encoding="utf-8")
    if running is None:
        return _kill_at_rest(out, reason, output)
    how = _pull(running, out, reason)
    output.say(f"process {running.pid} was told to close everything, through {how}")
    end = time.monotonic() + timeout
    while (still := find(out)) is not None and time.monotonic() < end:
        time.sleep(_POLL_S)
    if still is not None:
        output.say(
            f"process {running.pid} still runs after {timeout:g} s; what it closes is in "
            f"{out}/log.jsonl",
            style="red",
        )
        output.finish({"stopped": False, "through": how, "not_closed": None})
        return FAILED
    left = _not_closed(out)
    _say_left(left, output)
    output.finish({"stopped": True, "through": how, "not_closed": left})
    return FAILED if left else OK


def flatten(
    *, out: Folder = PAPER, reason: Reason = "tutti flatten", as_json: AsJson = False
) -> int:
    """Close everything and stay flat until tutti resume.

    Every order is cancelled, every position closed.
    """
    return _command("flatten", out, reason, as_json=as_json)


def pause(*, out: Folder = PAPER, reason: Reason = "tutti pause", as_json: AsJson = False) -> int:
    """Open nothing more until tutti resume; positions stay in care."""
    return _command("pause", out, reason, as_json=as_json)


def resume(*, out: Folder = PAPER, reason: Reason = "tutti resume", as_json: AsJson = False) -> int:
    """Trade again after a pause, a kill, a stop or a halt.

    Also after a flattening. Drawdown and the day's loss count from here.
    """
    from tutti.app.kill_switch import HALT, OFFLINE, say_offline  # heavy, not for --help
    from tutti.ledger.kinds import RESUME, Command

    if find(out) is not None:
        return _command("resume", out, reason, as_json=as_json)
    output = Output(as_json=as_json)
    say_offline(account_folder(out), Command(name=RESUME, by=OFFLINE, detail=reason))
    (out / HALT).unlink(missing_ok=True)
    output.say(f"{out} may be traded on again; start it with tutti up --out {out}")
    output.finish({"running": False, "mode": "trading"})
    return OK


def _command(name: str, out: Path, reason: str, *, as_json: bool) -> int:
    from tutti.app.access import api_token  # not for --help

    output = Output(as_json=as_json)
    running = find(out)
    if running is None:
        raise ConfigError(f"nothing runs in {out}; start it with tutti up, or name its --out")
    token = api_token(out).get_secret_value()
    state = ask(running, "POST", f"/{name}", token=token, body={"reason": reason})
    output.say(
        f"{state['run_id']}: {state['mode'].replace('_', ' ')}, "
        f"{len(state['positions'])} positions open"
    )
    output.finish({"running": True, "mode": state["mode"], "positions": state["positions"]})
    return OK


def _pull(running: Running, out: Path, reason: str) -> str:
    from tutti.app.access import api_token  # not for --help

    try:
        token = api_token(out).get_secret_value()
        body = {"reason": reason, "positions": "close"}
        ask(running, "POST", "/shutdown", token=token, body=body)
    except (Unreachable, ConfigError):
        # it looks for the file, too, and may have ended by it before it was asked
        return "a signal and the HALT file" if send(running, signal.SIGUSR1) else "the HALT file"
    return "its API"


def _kill_at_rest(out: Path, reason: str, output: Output) -> int:
    from tutti.app.kill_switch import OFFLINE, say_offline  # heavy, not for --help
    from tutti.ledger.kinds import KILL, Command

    state = say_offline(account_folder(out), Command(name=KILL, by=OFFLINE, detail=reason))
    left = [
        f"{position.quantity} of {position.instrument}"
        for position in state.positions.values()
        if position.quantity
    ]
    left += [f"order {order.id} of {order.instrument}" for order in state.open_orders.values()]
    output.say(f"nothing runs in {out}; it will not trade until tutti resume --out {out}")
    if left:
        output.say(f"start it with tutti up --out {out}, and it closes this and stops:")
    _say_left(left, output)
    output.finish({"stopped": True, "through": "the ledger", "not_closed": left})
    return FAILED if left else OK


def _not_closed(out: Path) -> list[str]:
    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader  # heavy, not for --help
    from tutti.ledger.kinds import Stopped
    from tutti.ledger.records import decode

    with SqliteLedgerReader(out) as reader:
        last: Any = next(reader.rows(newest_first=True), None)
        if last is None or last.kind != "stopped":
            return ["nobody knows what: the process ended without a last row; see the venues"]
        return list(decode(last, Stopped).not_closed)


def _say_left(left: list[str], output: Output) -> None:
    if not left:
        output.say("nothing is held, nothing is at work", style="green")
    for each in left:
        output.say(f"not closed: {each}", style="red")
