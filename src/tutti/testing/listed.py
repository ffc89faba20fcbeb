"""Lists of what a fake server is to do, from JSON: faults, rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def listed(text: str, source: str, what: str, make: Callable[..., _T], kinds: str) -> list[_T]:
    """Return what the objects of a JSON list make.

    Parameters
    ----------
    source, what : str
        Where the text is from, and what one entry is called, in messages.
    make : callable
        Takes the keys of an object.
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
    found = []
    for k, entry in enumerate(entries):
        try:
            found.append(make(**entry))
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"{source}: {what} {k} ({entry!r}): {error}; kinds are {kinds}"
            ) from error
    return found
