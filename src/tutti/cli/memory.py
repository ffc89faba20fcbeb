"""``tutti memory``: what was seen before, and what came of it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson, Run, instant
from tutti.cli.output import Output
from tutti.cli.runs import run_folder
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.agents.memory.past import Likeness

app = typer.Typer(help="Keep what runs decided, and find what resembles it.")

_File = Annotated[Path, typer.Option("--memory", metavar="FILE", help="Where situations are kept.")]
_FILE = Path("memory.sqlite")


@app.command()
def remember(
    *,
    run: Run = None,
    memory: _File = _FILE,
    horizon: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Until the outcome, e.g. 1d; else the run's.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Keep what a run decided, with what the market did next."""
    from tutti.adapters.feeds.timeframe import parse_timeframe  # not for --help
    from tutti.adapters.stores.memory import SqliteMemory
    from tutti.app.memory import remember_run

    folder = run_folder(run)
    span = None if horizon is None else parse_timeframe(horizon) / 1e9
    kept = SqliteMemory(memory)
    count = remember_run(kept, folder, horizon_s=span)
    output = Output(as_json=as_json)
    output.say(f"{count:,} situations of {folder.name} kept; {len(kept):,} in {memory}")
    output.finish({"run": str(folder), "memory": str(memory), "added": count, "n": len(kept)})
    return OK


@app.command()
def search(
    *,
    instrument: Annotated[
        str, typer.Argument(metavar="INSTRUMENT", help="BTC-USDT-PERP.BINANCE_USDM, for instance.")
    ],
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT", help="Nothing known later is told; else as of the last situation."
        ),
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="To compare by; else as in the last situation."),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-k", min=1, max=1000, metavar="N")] = 5,
    memory: _File = _FILE,
    as_json: AsJson = False,
) -> int:
    """Find the past situations that are most like one."""
    from tutti.adapters.stores.memory import SqliteMemory  # not for --help
    from tutti.app.memory import last_seen
    from tutti.model.instrument import InstrumentId

    if not memory.is_file():
        raise ConfigError(f"{memory}: nothing is kept there; fill it with tutti memory remember")
    try:
        about = InstrumentId.parse(instrument)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    kept = SqliteMemory(memory)
    as_of = instant(at, "--at")
    if about not in kept.past.instruments:
        known = ", ".join(map(str, kept.past.instruments)) or "none"
        raise ConfigError(f"{memory}: nothing is kept of {about}; there are {known}")
    features = _given(feature or [])
    for name in features.keys() - kept.past.features(about):
        raise ConfigError(
            f"no feature {name!r} is kept; there are {', '.join(kept.past.features(about))}"
        )
    if not features:
        last = last_seen(kept, about, as_of)
        features, as_of = last.features, last.as_of if as_of is None else as_of
    found = kept.likenesses(about, features, _LATEST if as_of is None else as_of, count)
    output = Output(as_json=as_json)
    _show(output, found)
    output.finish(
        {
            "memory": str(memory),
            "instrument": str(about),
            "as_of": as_of,
            "features": {name: _finite(value) for name, value in features.items()},
            "situations": [_document(like) for like in found],
        }
    )
    return OK


_LATEST = 2**63 - 1


def _given(pairs: list[str]) -> dict[str, float]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise ConfigError(f"--feature must be NAME=VALUE, was {pair!r}; write rsi_14=71.5")
    return found


def _show(output: Output, found: tuple["Likeness", ...]) -> None:
    from tutti.agents.memory.wording import situation_line

    output.table(
        ("distance", "what was, and what came of it"),
        [(f"{like.distance:.2f}", situation_line(like.situation)) for like in found],
    )
    outcomes = [100.0 * math.expm1(like.situation.outcome) for like in found]
    if outcomes:
        rose = sum(outcome > 0.0 for outcome in outcomes)
        mean = sum(outcomes) / len(outcomes)
        output.say(f"{rose} of {len(outcomes)} rose; {mean:+.2f} % on average")
    else:
        output.say("nothing had been seen by then whose outcome was known")


def _document(like: "Likeness") -> dict[str, Any]:
    from dataclasses import asdict

    seen = asdict(like.situation) | {"instrument": str(like.situation.instrument)}
    seen["features"] = {name: _finite(value) for name, value in like.situation.features.items()}
    return {"distance": like.distance} | seen


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
