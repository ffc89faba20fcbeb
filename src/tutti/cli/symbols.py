"""``tutti symbols``: what is traded, and what is added or removed while it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.boundary import FAILED, OK
from tutti.cli.followed_file import File, Timeout, follower, put, text_of
from tutti.cli.options import AsJson, ConfigFile
from tutti.cli.output import Output
from tutti.cli.running import ask
from tutti.cli.runs import PAPER
from tutti.cli.service import Folder
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.adapters.venues.by_ccxt.tickers import Quote
    from tutti.app.settings import Config
    from tutti.universe.symbols import Symbol

_ROUTE = "/symbols"
_DEFAULT = Path("symbols.yaml")

app = typer.Typer(help="Show, add and remove what is traded, also while it runs.")

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
    running = follower(out, path, _ROUTE)
    state = ask(running, "GET", _ROUTE) if running else {}
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
    if "-" not in symbol.strip("-"):
        raise ConfigError(
            f"{symbol} is no symbol: it names no currency that it is paid in; write for example "
            f"{symbol.strip('-').upper()}-{settings.quote_currency}, with -PERP behind it for a perpetual"
        )
    path = _path(file, settings)
    wanted = Symbol(
        symbol=symbol,
        exchanges=tuple(exchange),
        strategy=strategy,
        max_fraction=max_fraction,
        max_notional=max_notional,
        agents=tuple(agent) if agent else None,
    )
    edited = with_symbol(text_of(path), str(path), wanted, settings.agents)
    output = Output(as_json=as_json)
    if follower(out, path, _ROUTE) is None:
        _at_venues(settings, wanted, output)
    return _put(path, edited, out, timeout, output)


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
    edited = without_symbol(text_of(path), str(path), symbol, settings.agents)
    return _put(path, edited, out, timeout, Output(as_json=as_json))


def _path(file: Path | None, settings: "Config") -> Path:
    from tutti.app.symbols import symbols_path  # heavy, not for --help

    return file or symbols_path(settings) or _DEFAULT


def _at_venues(settings: "Config", wanted: "Symbol", output: Output) -> None:
    # a service asks its venues itself; where none runs, nobody else would
    if settings.feed.kind != "live":
        return
    import asyncio

    from tutti.app.live_market import quotes_of  # heavy, not for --help
    from tutti.app.logs import log_to_stderr

    log_to_stderr()
    for instrument, quote in asyncio.run(quotes_of(settings, wanted.ids)).items():
        output.say(f"{instrument}: {_quoted(quote)}")


def _quoted(quote: "Quote") -> str:
    told = {
        f"last {quote.last:,.8g}": quote.last,
        f"spread {quote.spread_bps:.2f} bps": quote.spread_bps,
        f"{quote.day_volume:,.0f} traded in 24 hours": quote.day_volume,
    }
    return ", ".join(text for text, value in told.items() if value == value)


def _put(path: Path, edited: str, out: Path, timeout: float, output: Output) -> int:
    found = put(path, edited, out, _ROUTE, timeout, _has_left)
    if not found.running:
        output.say(f"wrote {path}; no service that runs in {out} follows it")
        output.finish({"file": str(path), "in_force": False, "running": False, "leaving": []})
        return OK
    traded, leaving = found.state.get("traded", []), found.state.get("leaving", [])
    if found.in_force and not leaving:
        output.say(f"in force after {found.seconds:.1f} s: {', '.join(traded)}")
    else:
        waits = ", ".join(leaving) or "the service"
        output.say(f"not done after {found.seconds:.1f} s, it goes on: {waits}", style="yellow")
    output.finish(
        {
            "file": str(path),
            "in_force": found.in_force,
            "running": True,
            "leaving": leaving,
            "traded": traded,
            "seconds": round(found.seconds, 2),
        }
    )
    return OK if found.in_force else FAILED


def _has_left(state: dict[str, Any]) -> bool:
    return state.get("on_removal") == "keep" or not state["leaving"]


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
