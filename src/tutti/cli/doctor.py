"""``tutti doctor``, ``plugins`` and ``version``: is this installation well, and what is in it."""

import importlib.metadata
import os
import platform
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti import __version__
from tutti.cli.boundary import FAILED, OK
from tutti.cli.options import AsJson, ConfigFile
from tutti.cli.output import Output
from tutti.cli.running import find
from tutti.cli.runs import LEDGER, PAPER, RUNS
from tutti.model.errors import ConfigError, LedgerError

if TYPE_CHECKING:
    from tutti.app.settings import Config

_OLDEST, _NEWEST = (3, 11), (3, 13)
_ENOUGH_BYTES, _LITTLE_BYTES = 2_000_000_000, 200_000_000
_EARLIEST_YEAR = 2025
_DRIFT_S = 0.5


class Health(StrEnum):
    """How a check came out; only ``bad`` fails the command."""

    GOOD = "ok"
    DOUBTFUL = "warning"
    BAD = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, how it is, and what to do where it isn't well."""

    name: str
    health: Health
    told: str


def doctor(
    *,
    config: ConfigFile = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the service's run.")
    ] = PAPER,
    as_json: AsJson = False,
) -> int:
    """Check this installation, the configuration and the last run."""
    checks = list(_checks(config, out))
    output = Output(as_json=as_json)
    output.table(
        ("check", "", "found"), [(check.name, check.health.value, check.told) for check in checks]
    )
    failed = [check.name for check in checks if check.health is Health.BAD]
    output.say(f"failed: {', '.join(failed)}" if failed else "all well", "red" if failed else "")
    output.finish(
        {
            "ok": not failed,
            "checks": [
                {"name": check.name, "health": check.health.value, "found": check.told}
                for check in checks
            ],
        }
    )
    return FAILED if failed else OK


def plugins(*, as_json: AsJson = False) -> int:
    """List agents, policies and other parts that can be configured."""
    from tutti.app.plugins import Plugins  # not for --help

    found = Plugins().listed()
    output = Output(as_json=as_json)
    output.table(
        ("group", "name", "from", "factory"),
        [(plugin.group, plugin.name, plugin.package, plugin.reference) for plugin in found],
    )
    output.finish(
        {
            "plugins": [
                {
                    "group": plugin.group,
                    "name": plugin.name,
                    "package": plugin.package,
                    "built_in": plugin.is_built_in,
                    "factory": plugin.reference,
                }
                for plugin in found
            ]
        }
    )
    return OK


def version(*, as_json: AsJson = False) -> int:
    """Say which version this is, and what it is made of."""
    made_of = {name: _version_of(name) for name in _needed()}
    output = Output(as_json=as_json)
    output.say(f"tutti {__version__}, Python {platform.python_version()}, {platform.platform()}")
    output.say(", ".join(f"{name} {found or 'missing'}" for name, found in made_of.items()))
    output.finish({"tutti": __version__, "python": platform.python_version(), "packages": made_of})
    return OK


def _checks(config: Path | None, out: Path) -> Iterator[Check]:
    yield _python()
    yield _packages()
    yield _runs_folder()
    yield _kernels()
    yield _clock(time.time, time.monotonic)
    settings, told = _configuration(config)
    yield told
    yield _plugins()
    yield _last_ledger()
    if settings is not None:
        yield _port(settings, out)


def _python() -> Check:
    found = sys.version_info[:2]
    supported = f"{'.'.join(map(str, _OLDEST))} to {'.'.join(map(str, _NEWEST))}"
    told = f"{platform.python_version()} ({sys.executable})"
    if _OLDEST <= found <= _NEWEST:
        return Check(name="python", health=Health.GOOD, told=told)
    return Check(
        name="python", health=Health.DOUBTFUL, told=f"{told}; {supported} are tested, use one"
    )


def _packages() -> Check:
    needed = _needed()
    missing = [name for name in needed if not _version_of(name)]
    if missing:
        told = f"missing: {', '.join(missing)}; run make setup, or pip install tutti again"
        return Check(name="packages", health=Health.BAD, told=told)
    return Check(name="packages", health=Health.GOOD, told=f"all {len(needed)} are installed")


def _runs_folder() -> Check:
    folder = RUNS if RUNS.is_dir() else Path()
    if not os.access(folder, os.W_OK):
        told = f"{folder.resolve()} can't be written to; start Tutti elsewhere, or use --out"
        return Check(name="runs folder", health=Health.BAD, told=told)
    free = shutil.disk_usage(folder).free
    health, advice = Health.GOOD, ""
    if free < _ENOUGH_BYTES:
        health, advice = Health.DOUBTFUL, "; a long run may fill it"
    if free < _LITTLE_BYTES:
        health, advice = Health.BAD, "; free some space"
    return Check(
        name="runs folder",
        health=health,
        told=f"{folder.resolve()}, {free / 1e9:,.1f} GB free{advice}",
    )


def _kernels() -> Check:
    import numba  # not for --help

    import tutti.kernel.jit  # noqa: F401 - sets the folder

    folder = Path(numba.config.CACHE_DIR)
    compiled = len(list(folder.rglob("*.nbc"))) if folder.is_dir() else 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        told = f"{folder} can't be made ({error.strerror}): every start compiles for a minute"
        return Check(name="compiled kernels", health=Health.DOUBTFUL, told=told)
    if not os.access(folder, os.W_OK):
        told = f"{folder} can't be written to: every start compiles for a minute"
        return Check(name="compiled kernels", health=Health.DOUBTFUL, told=told)
    if not compiled:
        told = f"none yet in {folder}: the first start compiles, make setup does it ahead"
        return Check(name="compiled kernels", health=Health.DOUBTFUL, told=told)
    return Check(name="compiled kernels", health=Health.GOOD, told=f"{compiled} in {folder}")


def _clock(wall: Callable[[], float], steady: Callable[[], float]) -> Check:
    year = datetime.fromtimestamp(wall(), tz=UTC).year
    if year < _EARLIEST_YEAR:
        told = f"says {year}; set it, for instance with timedatectl set-ntp true"
        return Check(name="clock", health=Health.BAD, told=told)
    before = wall() - steady()
    time.sleep(0.05)
    drift = abs(wall() - steady() - before)
    if drift > _DRIFT_S:
        told = f"jumped by {drift:.1f} s while being watched; look at its synchronisation"
        return Check(name="clock", health=Health.BAD, told=told)
    return Check(name="clock", health=Health.GOOD, told=f"{datetime.now(UTC):%FT%TZ}, steady")


def _configuration(path: Path | None) -> "tuple[Config | None, Check]":
    from tutti.app.config import config_hash, load_config  # not for --help

    try:
        settings = load_config(path)
    except ConfigError as error:
        return None, Check(name="configuration", health=Health.BAD, told=str(error))
    told = f"{path or 'defaults'}, hash {config_hash(settings)[:16]}"
    return settings, Check(name="configuration", health=Health.GOOD, told=told)


def _plugins() -> Check:
    from tutti.app.plugins import Plugins  # not for --help

    try:
        found = Plugins()
        found.load_installed()
    except ConfigError as error:
        return Check(name="plug-ins", health=Health.BAD, told=str(error))
    others = [plugin for plugin in found.listed() if not plugin.is_built_in]
    return Check(
        name="plug-ins",
        health=Health.GOOD,
        told=f"{len(found.listed()) - len(others)} built in, {len(others)} installed",
    )


def _last_ledger() -> Check:
    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader  # not for --help
    from tutti.ledger.verify import verify

    ledgers = sorted(RUNS.glob(f"*/{LEDGER}"), key=lambda path: path.stat().st_mtime)
    if not ledgers:
        return Check(name="last ledger", health=Health.GOOD, told="no run here yet")
    folder = ledgers[-1].parent
    try:
        with SqliteLedgerReader(folder) as reader:
            found = verify(reader)
    except LedgerError as error:
        return Check(name="last ledger", health=Health.BAD, told=str(error))
    if found.ok:
        told = f"{folder}: sound, {found.rows:,} rows"
        return Check(name="last ledger", health=Health.GOOD, told=told)
    return Check(name="last ledger", health=Health.BAD, told=f"{folder}: {found.problem}")


def _port(settings: "Config", out: Path) -> Check:
    api = settings.api
    if not api.enabled:
        return Check(name="port", health=Health.GOOD, told="the API is off")
    if (running := find(out)) is not None:
        told = f"process {running.pid} runs, API at {running.url or 'none'}"
        return Check(name="port", health=Health.GOOD, told=told)
    family = socket.AF_INET6 if ":" in api.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((api.host, api.port))
        except OSError as error:
            told = (
                f"{api.host}:{api.port} can't be used ({error.strerror}); choose another api.port"
            )
            return Check(name="port", health=Health.DOUBTFUL, told=told)
    return Check(name="port", health=Health.GOOD, told=f"{api.host}:{api.port} is free")


def _needed() -> list[str]:
    told = importlib.metadata.requires("tutti") or []
    return sorted(re.split(r"[^\w.-]", each)[0] for each in told if "extra ==" not in each)


def _version_of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
