"""How one shell finds the service that another one started: a lock and a file in its folder."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tutti.model.errors import ConfigError, GateClosed, TuttiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FILE, _LOCK = "service.json", "service.lock"
_PATIENCE_S = 30.0
"""A service that compiles its kernels, as the first one on a machine does, answers nobody meanwhile."""


class Unreachable(TuttiError):
    """Service that runs but doesn't answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A service that runs.

    Parameters
    ----------
    url : str
        Of its API; empty while it is off or not up yet.
    is_up : bool
        False while it starts.
    """

    pid: int
    feed: str
    started_at: str
    url: str = ""
    is_up: bool = False


class Claim:
    """Hold on a folder: the kernel lets go of it when the process ends, however it ends."""

    def __init__(self, folder: Path, running: Running) -> None:
        self._path = folder / _FILE
        self._running = running
        self._write()

    def announce(self, url: str) -> None:
        """Note that the service is up, and where its API answers."""
        told = replace(self._running, url=url, is_up=True)
        if told != self._running:
            self._running = told
            self._write()

    def _write(self) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self._running)), encoding="utf-8")
        draft.replace(self._path)


@contextlib.contextmanager
def claim(folder: Path, running: Running) -> Iterator[Claim]:
    """Hold ``folder`` for a service.

    Raises
    ------
    ConfigError
        If another service holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            other = _read(folder)
            pid = f" (process {other.pid})" if other else ""
            raise ConfigError(
                f"{folder}: a service runs here already{pid}; stop it with tutti down, or choose "
                "another --out"
            ) from error
        try:
            yield Claim(folder, running)
        finally:
            (folder / _FILE).unlink(missing_ok=True)


def find(folder: Path) -> Running | None:
    """Return the service that runs in ``folder``, None when none does."""
    try:
        with (folder / _LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(folder)
    except OSError:
        return None
    return None


def ask(
    running: Running,
    method: str,
    path: str,
    *,
    token: str = "",
    body: Mapping[str, Any] | None = None,
    patience_s: float = _PATIENCE_S,
) -> Any:
    """Return the JSON answer of a running service's API.

    Raises
    ------
    Unreachable
        If it has no API, doesn't answer, or refuses.
    GateClosed
        If a check forbids what was asked for.
    """
    if not running.url:
        raise Unreachable(f"process {running.pid} serves no API")
    address = urlsplit(running.url)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=patience_s
    )
    headers = {"Content-Type": "application/json"} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, body=sent, headers=headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except TimeoutError as error:
        heard = "; it may still do what it was told" if method != "GET" else ""
        raise Unreachable(f"{running.url} doesn't answer within {patience_s:g} s{heard}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"{running.url} doesn't answer: {error}") from error
    finally:
        connection.close()
    if answer.status == http.HTTPStatus.CONFLICT:
        raise GateClosed(str(told.get("error", "")))
    if answer.status >= http.HTTPStatus.BAD_REQUEST:
        raise Unreachable(f"{running.url}{path}: {told.get('error', answer.status)}")
    return told


def send(running: Running, what: int) -> bool:
    """Send a service a signal; return False where it has ended meanwhile."""
    try:
        os.kill(running.pid, what)
    except ProcessLookupError:
        return False
    return True


def _read(folder: Path) -> Running | None:
    try:
        return Running(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
