"""Lists of what a fake server is to do, from JSON: faults, rules."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, TypeVar

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_T = TypeVar("_T")


def text_of(path: Path, what: str) -> str:
    """Return the text of a file that says what a fake server is to do.

    Parameters
    ----------
    what : str
        What it holds, in messages.

    Raises
    ------
    ConfigError
        If it can't be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't read the {what} in {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"can't read the {what} in {path}: not text in UTF-8") from error


def listed(text: str, source: str, what: str, make: Callable[..., _T], kinds: str) -> list[_T]:
    """Return what the objects of a JSON list make.

    Parameters
    ----------
    source, what : str
        Where the text is from, and what one entry is called, in messages.
    make : callable
        Takes the keys of an object; those that it names are the ones that there are.
    kinds : str
        The kinds that there are, in messages.

    Raises
    ------
    ConfigError
        If it is no such list, or an entry is not understood.
    """
    try:
        entries: Any = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{source}: not JSON: {error}") from error
    if not isinstance(entries, list):
        raise ConfigError(f"{source}: expected a list of {what}s, got {type(entries).__name__}")
    taken = inspect.signature(make).parameters
    needed = [name for name, each in taken.items() if each.default is inspect.Parameter.empty]
    found = []
    for k, entry in enumerate(entries):
        at = f"{source}: {what} {k} ({entry!r})"
        if not isinstance(entry, dict):
            raise ConfigError(f"{at}: expected an object, got {type(entry).__name__}")
        unknown = [name for name in entry if name not in taken]
        if unknown:
            raise ConfigError(f"{at}: no key {unknown[0]!r}; there are {', '.join(taken)}")
        missing = [name for name in needed if name not in entry]
        if missing:
            raise ConfigError(f"{at}: needs {', '.join(missing)}; kinds are {kinds}")
        try:
            found.append(make(**entry))
        except ConfigError as error:
            raise ConfigError(f"{at}: {error}") from error
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{at}: {error}; kinds are {kinds}") from error
    return found
