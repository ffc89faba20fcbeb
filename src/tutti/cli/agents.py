"""``tutti agents``: who is on the panel, and what is switched or weighed while it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.agents_report import report
from tutti.cli.boundary import FAILED, OK
from tutti.cli.followed_file import File, Timeout, put, text_of
from tutti.cli.options import AsJson, ConfigFile
from tutti.cli.output import Output
from tutti.cli.running import ask, find
from tutti.cli.runs import PAPER
from tutti.cli.service import Folder

if TYPE_CHECKING:
    from tutti.app.settings import AgentSettings, Config

_ROUTE = "/agents"
_DEFAULT = Path("agents.yaml")
_MINUTES = len("2024-01-31T00:00")

app = typer.Typer(help="Show, switch and weigh the agents, also while they run.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of an agent, as tutti agents list.")]


@app.command("list")
def list_(
    *,
    file: File = None,
    config: ConfigFile = None,
    out: Folder = PAPER,
    as_json: AsJson = False,
) -> int:
    """Show every agent: what makes it, its weight, and how it stands in a running service."""
    settings = _settings(config, file)
    running = find(out)
    state: dict[str, Any] = ask(running, "GET", _ROUTE) if running and running.url else {}
    live = {each["name"]: each for each in state.get("agents", ())}
    rows = [_row(each, live.pop(each.name, None)) for each in settings.agents]
    rows += [_only_live(each) for each in live.values()]
    output = Output(as_json=as_json)
    output.table(
        ("agent", "asks", "weight", "state", "calls", "silent", "late", "IR", "last spoke"),
        [
            (
                row["name"],
                " ".join(filter(None, (row["kind"], row["model"]))),
                f"{row['weight']:g}",
                row["state"],
                _count(row["calls"]),
                _count(row["abstentions"]),
                _count(row["timeouts"]),
                _ratio(row),
                (row["last_seen"] or "")[:_MINUTES].replace("T", " "),
            )
            for row in rows
        ],
    )
    if state.get("refused"):
        output.say(f"refused, the list before it is in force: {state['refused']}", style="red")
    output.finish({"file": str(_path(file, settings)), "agents": rows, "running": state})
    return OK


@app.command()
def enable(
    name: Name,
    *,
    file: File = None,
    config: ConfigFile = None,
    out: Folder = PAPER,
    timeout: Timeout = 10.0,
    as_json: AsJson = False,
) -> int:
    """Let an agent speak; in a running service from its next tick on."""
    return _change(name, "enabled", True, file, config, out, timeout, as_json=as_json)


@app.command()
def disable(
    name: Name,
    *,
    file: File = None,
    config: ConfigFile = None,
    out: Folder = PAPER,
    timeout: Timeout = 10.0,
    as_json: AsJson = False,
) -> int:
    """Silence an agent; it stays on the list."""
    return _change(name, "enabled", False, file, config, out, timeout, as_json=as_json)


@app.command()
def weight(  # noqa: PLR0913 - one parameter for each option
    name: Name,
    value: Annotated[
        float, typer.Argument(min=0, help="Its weight, 1000 at most; 1 is the default.")
    ],
    *,
    file: File = None,
    config: ConfigFile = None,
    out: Folder = PAPER,
    timeout: Timeout = 10.0,
    as_json: AsJson = False,
) -> int:
    """Set an agent's weight among the others."""
    return _change(name, "weight", value, file, config, out, timeout, as_json=as_json)


app.command()(report)


def _settings(config: Path | None, file: Path | None) -> "Config":
    from tutti.app.agents_file import given, load_agents  # heavy, not for --help
    from tutti.app.config import load_config, override

    settings = load_config(config)
    named = file or (_DEFAULT if config is None and _DEFAULT.exists() else None)
    if named is None:
        return settings
    return override(settings, {"agents": given(load_agents(named).agents)})


def _path(file: Path | None, settings: "Config") -> Path:
    from tutti.app.agents_file import agents_path  # heavy, not for --help

    return file or agents_path(settings) or _DEFAULT


def _change(  # noqa: PLR0913 - one parameter for each option
    name: str,
    key: str,
    value: bool | float,
    file: Path | None,
    config: Path | None,
    out: Path,
    timeout: float,
    *,
    as_json: bool,
) -> int:
    from tutti.app.agents_edit import with_setting, written  # heavy, not for --help
    from tutti.app.config import load_config

    settings = load_config(config)
    path = _path(file, settings)
    before = text_of(path) or written(settings.agents)
    edited = with_setting(before, str(path), name, key, value)
    return _put(path, edited, out, timeout, Output(as_json=as_json))


def _put(path: Path, edited: str, out: Path, timeout: float, output: Output) -> int:
    found = put(path, edited, out, _ROUTE, timeout)
    if not found.running:
        output.say(f"wrote {path}; no service that runs in {out} follows it (agents_file: {path})")
    elif found.in_force:
        output.say(f"in force after {found.seconds:.1f} s")
    else:
        output.say(f"not in force after {found.seconds:.1f} s, the service goes on", style="yellow")
    output.finish(
        {
            "file": str(path),
            "in_force": found.in_force,
            "running": found.running,
            "seconds": round(found.seconds, 2),
        }
    )
    return OK if found.in_force or not found.running else FAILED


def _row(agent: "AgentSettings", live: dict[str, Any] | None) -> dict[str, Any]:
    known = live or {}
    return {
        "name": agent.name,
        "display_name": agent.display_name,
        "kind": "" if agent.plugin == agent.name else agent.plugin,
        "model": agent.model,
        "weight": known.get("weight", agent.weight),
        "state": _standing(known) if live else ("configured" if agent.enabled else "off"),
        "instruments": None if agent.instruments is None else list(agent.instruments),
        "calls": known.get("calls"),
        "abstentions": known.get("abstentions"),
        "timeouts": known.get("timeouts"),
        "last_seen": known.get("last_seen"),
        "day_pnl": known.get("day_pnl"),
        "information_ratio": known.get("information_ratio"),
        "bad_windows": known.get("bad_windows"),
        "is_failing": known.get("is_failing"),
    }


def _only_live(live: dict[str, Any]) -> dict[str, Any]:
    # the service runs with another file than the one that is looked at
    return {"kind": "", "model": "", **live, "state": f"{_standing(live)}, not in the file"}


def _standing(live: dict[str, Any]) -> str:
    if not live["active"]:
        return "off"
    if live["daily_loss_breached"]:
        return "daily loss limit reached"
    if live["instruments"] is not None:
        return f"speaks on {len(live['instruments'])}"
    return "speaks"


def _ratio(row: dict[str, Any]) -> str:
    ratio = row.get("information_ratio")
    if ratio is None:
        return ""
    return f"{ratio:.2f}{'!' if row.get('is_failing') else ''}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
