"""Which files a pattern means, and what their names say they hold.

Layout: ``<anything>/ohlcv/<venue>/<SYMBOL>_<timeframe>.parquet`` (or ``.csv``, ``.csv.gz``). Files
elsewhere are read too; their venue is ``LOCAL``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tutti.adapters.feeds.timeframe import parse_timeframe
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCAL = "LOCAL"
SUFFIXES = (".parquet", ".pq", ".csv", ".csv.gz")
_MAGIC = re.compile(r"[*?\[]")
_NAME = re.compile(r"(?P<symbol>.+)[_-](?P<timeframe>[1-9]\d*(?:min|[smhdwHDW]))(?:[_-].*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class BarFile:
    """A file, and what its name says; ``step`` is 0 where the name has no timeframe."""

    path: Path
    instrument: InstrumentId
    step: int


def _suffix(path: Path) -> str:
    return next((s for s in SUFFIXES if path.name.lower().endswith(s)), "")


def stem(path: Path) -> str:
    """Return the file's name without its suffixes (``.csv.gz`` counts as one)."""
    return path.name[: len(path.name) - len(_suffix(path))] or path.stem


def venue_of(path: Path, folder: str) -> str:
    """Return the venue for a file in ``<folder>/<venue>/``, upper case, else ``LOCAL``."""
    parents = path.resolve().parent
    if parents.parent.name != folder:
        return LOCAL
    return parents.name.upper().replace(".", "_")


def describe(path: Path) -> BarFile:
    """Return what the name and folder of a bar file say."""
    name = stem(path)
    match = _NAME.fullmatch(name)
    symbol = match["symbol"] if match else name
    step = parse_timeframe(match["timeframe"]) if match else 0
    return BarFile(path=path, instrument=InstrumentId(symbol, venue_of(path, "ohlcv")), step=step)


def find_files(patterns: Sequence[str | Path], suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """Return the files that the patterns mean, each once, in order of name within a pattern.

    Parameters
    ----------
    patterns : sequence of str or Path
        Files, folders (everything below them) or globs with ``*``, ``?``, ``[]`` and ``**``; ``~``
        is the home folder.

    Raises
    ------
    ConfigError
        If a pattern matches nothing, or a named file is of a kind that is not read.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        for path in _matches(str(pattern), suffixes):
            found.setdefault(path)
    if not found:
        raise ConfigError("no data files named: give at least one file or glob")
    return list(found)


def _matches(pattern: str, suffixes: tuple[str, ...]) -> list[Path]:
    path = Path(pattern).expanduser()
    kinds = ", ".join(suffixes)
    if path.is_dir():
        inside = [p for p in path.rglob("*") if p.name.lower().endswith(suffixes) and p.is_file()]
        if not inside:
            raise ConfigError(f"{pattern}: no {kinds} file in this folder; name another")
        return sorted(inside)
    if path.is_file():
        if not path.name.lower().endswith(suffixes):
            raise ConfigError(f"{pattern}: is not a {kinds} file; convert it to one of these")
        return [path]
    if _MAGIC.search(pattern):
        top = Path(path.anchor)
        hits = sorted(hit for hit in top.glob(str(path.relative_to(top))) if hit.is_file())
        chosen = [hit for hit in hits if hit.name.lower().endswith(suffixes)]
        if chosen:
            return chosen
        why = f"matches no {kinds} file" if hits else "matches no file"
        raise ConfigError(f"{pattern}: {why}; check the path (quote globs so that they arrive)")
    raise ConfigError(f"{pattern}: no such file; check the path")
