"""Writes a file that a running service follows, and waits until it is in force or refused."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from tutti.cli.running import Running, Unreachable, ask, find
from tutti.model.errors import ConfigError

_POLL_S = 0.05
_LEAST_PATIENCE_S = 5.0

File: TypeAlias = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="What to read and edit; else the configured one."),
]
Timeout: TypeAlias = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for a running service to follow.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of an edit.

    Parameters
    ----------
    running : bool
        Whether a service follows the file at all.
    in_force : bool
    state : dict
        What the service says of the file.
    seconds : float
        From the edit until then.
    """

    running: bool
    in_force: bool
    state: dict[str, Any]
    seconds: float = 0.0


def text_of(path: Path) -> str:
    """Return the text of a file, nothing where there is none.

    Raises
    ------
    ConfigError
        If it is not text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not text in UTF-8; save it as UTF-8") from error


def follower(out: Path, path: Path, route: str) -> Running | None:
    """Return the service of the folder ``out`` where it follows this very file.

    Parameters
    ----------
    route : str
        Of its API, that tells of the file.
    """
    running = find(out)
    if running is None or not running.url:
        return None
    followed = ask(running, "GET", route)["file"]
    return running if followed and Path(followed) == path.resolve() else None


def put(
    path: Path,
    edited: str,
    out: Path,
    route: str,
    timeout: float,
    is_done: Callable[[dict[str, Any]], bool] = lambda _: True,
) -> Followed:
    """Write a file and wait for the service that follows it; one that is refused is put back.

    Parameters
    ----------
    timeout : float
        Seconds to wait for.
    is_done : callable
        Tells from what the service says whether all of an edit in force is done.

    Raises
    ------
    ConfigError
        If the service refuses it.
    """
    before = text_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    running = follower(out, path, route)
    began = time.monotonic()
    _write(path, edited)
    if running is None:
        return Followed(running=False, in_force=False, state={})
    state = _awaited(running, edited, route, timeout, is_done)
    if refused := state.get("refused"):
        # an edit that is refused changes nothing, the file included
        if text_of(path) == edited:
            _write(path, before)
        raise ConfigError(f"{refused} (the file is as it was)")
    return Followed(
        running=True,
        in_force=state.pop("is_in_force"),
        state=state,
        seconds=time.monotonic() - began,
    )


def _awaited(
    running: Running,
    edited: str,
    route: str,
    timeout: float,
    is_done: Callable[[dict[str, Any]], bool],
) -> dict[str, Any]:
    wanted = hashlib.sha256(edited.encode()).hexdigest()
    end = time.monotonic() + timeout
    state: dict[str, Any] = {}
    while True:
        try:
            left = max(end - time.monotonic(), _LEAST_PATIENCE_S)
            state = ask(running, "GET", route, patience_s=left)
        except Unreachable:
            # it may be handing over; whether it is gone shows in the end
            state |= {"read": "", "refused": ""}
        state["is_in_force"] = state.get("in_force") == wanted
        if state["read"] == wanted and state["refused"]:
            return state
        if state["is_in_force"] and is_done(state):
            return state
        if time.monotonic() > end:
            return state | {"refused": ""}
        time.sleep(_POLL_S)


def _write(path: Path, text: str) -> None:
    from tutti.sandbox.result import write_atomically  # heavy, not for --help

    if text:
        write_atomically(path, lambda file: file.write(text.encode()))
    else:
        path.unlink(missing_ok=True)
