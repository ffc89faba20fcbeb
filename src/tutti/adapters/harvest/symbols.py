"""Words of the user for what a source calls by another name: ``BTC=bitcoin``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.adapters.harvest.port import Series
from tutti.adapters.stores.point_in_time.rows import base_of
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


def named_series(source: str, symbols: Sequence[str], example: str) -> list[Series]:
    """Return a series for each ``SYMBOL=NAME``, or for each ``NAME`` about the market as a whole.

    Raises
    ------
    ConfigError
        If there is none, or a part is empty.
    """
    if not symbols:
        raise ConfigError(f"{source}: say what of it with --symbols, such as {example}")
    found: list[Series] = []
    for each in symbols:
        # an address may hold = itself
        symbol, equals, name = (
            each.partition("=") if "://" not in each.partition("=")[0] else ("", "=", each)
        )
        if not equals:
            symbol, name = "", each
        if not name.strip():
            raise ConfigError(f"{source}: {each!r} names nothing; write for example {example}")
        found.append(Series(name=name.strip(), symbol=base_of(symbol.strip())))
    return found
