"""``tutti symbols``: what is traded, and what is added or removed while it runs."""

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.boundary import FAILED, OK
from tutti.cli.options import AsJson, ConfigFile
from tutti.cli.output import Output
from tutti.cli.running import Running, Unreachable, ask, find
from tutti.cli.runs import PAPER
from tutti.cli.service import Folder
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.settings import Config
    from tutti.universe.symbols import Symbol

_POLL_S = 0.1
_DEFAULT = Path("symbols.yaml")

app = typer.Typer(help="Show, add and remove what is traded, also while it runs.")

File = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="File of symbols; else the configured one."),
]
Timeout = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for a running service to follow.")
]
Name = Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTC-USDT or BTC-USDT-PERP.")]


@app.command("list")
def list_(
    *,
    file: File = None,
    config: ConfigFile = None,
    out: Folder = PAPER,
    as_json: AsJson = False,
) -> int:
    """Show what the file lists, and what of it a running service trades."""
    from tutti.app.config import load_config  # heavy, not for --help
    from tutti.app.symbols import load_symbols

    output = Output(as_json=as_json)
    settings = load_config(config)
    path = _path(file, settings)
    listed = load_symbols(path, settings.agents).listed
    running = _follower(out, path)
    state = ask(running, "GET", "/symbols") if running else {}
    traded = set(state.get("traded", ()))
    rows = [_row(each) for each in listed.symbols]
    output.table(
        ("symbol", "exchanges", "strategy", "limits", "agents", "traded"),
        [
            (
                row["symbol"],
                ", ".join(row["exchanges"]),
                row["strategy"] if len(row["exchanges"]) > 1 else "",
                _limits(row),
                "all" if row["agents"] is None else ", ".join(row["agents"]),
                "yes" if f"{row['symbol']}.{row['exchanges'][0]}" in traded else "",
            )
            for row in rows
        ],
    )
    for each in state.get("leaving", ()):
        output.say(f"leaving: {each}")
    if state.get("refused"):
        output.say(f"refused, the list before it is in force: {state['refused']}", style="red")
    output.finish({"file": str(path), "symbols": rows, "running": state})
    return OK


@app.command()
def add(  # noqa: PLR0913 - one parameter for each option
    symbol: Name,
    *,
    exchange: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="Where; again for more, in the order of preference."),
    ],
    strategy: Annotated[
        str, typer.Option(help="How orders are split over several exchanges.")
    ] = "priority",
    max_fraction: Annotated[
        float | None, typer.Option(metavar="X", help="Largest exposure, of equity.")
    ] = None,
    max_notional: Annotated[
        float | None, typer.Option(metavar="X", help="Largest position, quote currency.")
    ] = None,
    agent: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Who may speak on it; again for more. Else all."),
    ] = None,
    file: File = None,
    config: ConfigFile = None,
    out: Folder = PAPER,
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> int:
    """Add a symbol to the file; a running service trades it from its next tick on."""
    from tutti.app.config import load_config  # heavy, not for --help
    from tutti.app.symbols_edit import with_symbol
    from tutti.universe.symbols import Symbol

    settings = load_config(config)
    path = _path(file, settings)
    wanted = Symbol(
        symbol=symbol,
        exchanges=tuple(exchange),
        strategy=strategy,
        max_fraction=max_fraction,
        max_notional=max_notional,
        agents=tuple(agent) if agent else None,
    )
    before = _text(path)
    edited = with_symbol(before, str(path), wanted, settings.agents)
    if _follower(out, path) is None:
        _at_venues(settings, wanted)
    return _put(path, before, edited, out, timeout, Output(as_json=as_json))


@app.command()
def remove(
    symbol: Name,
    *,
    file: File = None,
    config: ConfigFile = None,
    out: Folder = PAPER,
    timeout: Timeout = 30.0,
    as_json: AsJson = False,
) -> int:
    """Take a symbol off the file; what is held of it is closed or kept, as the file says."""
    from tutti.app.config import load_config  # heavy, not for --help
    from tutti.app.symbols_edit import without_symbol

    settings = load_config(config)
    path = _path(file, settings)
    before = _text(path)
    edited = without_symbol(before, str(path), symbol, settings.agents)
    return _put(path, before, edited, out, timeout, Output(as_json=as_json))


def _path(file: Path | None, settings: "Config") -> Path:
    from tutti.app.symbols import symbols_path  # heavy, not for --help

    return file or symbols_path(settings) or _DEFAULT


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not text in UTF-8; save it as UTF-8") from error


def _follower(out: Path, path: Path) -> Running | None:
    """Return the service of a folder where it follows this very file."""
    running = find(out)
    if running is None or not running.url:
        return None
    followed = ask(running, "GET", "/symbols")["file"]
    return running if followed and Path(followed) == path.resolve() else None


def _at_venues(settings: "Config", wanted: "Symbol") -> None:
    # a service asks its venues itself; where none runs, nobody else would
    if settings.feed.kind != "live":
        return
    import asyncio

    from tutti.app.live_market import refuse_unknown  # heavy, not for --help

    asyncio.run(refuse_unknown(settings, wanted.ids))


def _put(path: Path, before: str, edited: str, out: Path, timeout: float, output: Output) -> int:
    from tutti.sandbox.result import write_atomically  # heavy, not for --help

    path.parent.mkdir(parents=True, exist_ok=True)
    running = _follower(out, path)
    began = time.monotonic()
    write_atomically(path, lambda file: file.write(edited.encode()))
    if running is None:
        output.say(f"wrote {path}; no service that runs in {out} follows it")
        output.finish({"file": str(path), "in_force": False, "running": False, "leaving": []})
        return OK
    state = _followed(running, edited, timeout)
    if refused := state.get("refused"):
        # an edit that is refused changes nothing, the file included
        if _text(path) == edited:
            _restore(path, before)
        raise ConfigError(f"{refused} (the file is as it was)")
    seconds = time.monotonic() - began
    is_done = state["is_in_force"] and not state["leaving"]
    if is_done:
        output.say(f"in force after {seconds:.1f} s: {', '.join(state['traded'])}")
    else:
        waits = ", ".join(state["leaving"]) or "the service"
        output.say(f"not done after {seconds:.1f} s, it goes on: {waits}", style="yellow")
    output.finish(
        {
            "file": str(path),
            "in_force": state["is_in_force"],
            "running": True,
            "leaving": state["leaving"],
            "traded": state["traded"],
            "seconds": round(seconds, 2),
        }
    )
    return OK if state["is_in_force"] else FAILED


def _followed(running: Running, edited: str, timeout: float) -> dict[str, Any]:
    """Wait until a service has taken up a text, or refused it, and closed what is to go."""
    wanted = hashlib.sha256(edited.encode()).hexdigest()
    end = time.monotonic() + timeout
    state: dict[str, Any] = {"traded": [], "leaving": []}
    while True:
        try:
            state = ask(running, "GET", "/symbols")
        except Unreachable:
            # it may be handing over; whether it is gone shows in the end
            state |= {"read": "", "refused": ""}
        state["is_in_force"] = state.get("in_force") == wanted
        if state["read"] == wanted and state["refused"]:
            return state
        keeps = state.get("on_removal") == "keep"
        if state["is_in_force"] and (keeps or not state["leaving"]):
            return state
        if time.monotonic() > end:
            return state | {"refused": ""}
        time.sleep(_POLL_S)


def _restore(path: Path, before: str) -> None:
    from tutti.sandbox.result import write_atomically  # heavy, not for --help

    if before:
        write_atomically(path, lambda file: file.write(before.encode()))
    else:
        path.unlink(missing_ok=True)


def _row(symbol: "Symbol") -> dict[str, Any]:
    return {
        "symbol": symbol.symbol,
        "exchanges": list(symbol.exchanges),
        "strategy": symbol.strategy,
        "max_fraction": symbol.max_fraction,
        "max_notional": symbol.max_notional,
        "agents": None if symbol.agents is None else list(symbol.agents),
    }


def _limits(row: dict[str, Any]) -> str:
    found = []
    if row["max_fraction"] is not None:
        found.append(f"{row['max_fraction']:g} of equity")
    if row["max_notional"] is not None:
        found.append(f"{row['max_notional']:,g}")
    return ", ".join(found)
