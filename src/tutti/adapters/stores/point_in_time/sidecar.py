"""What a small YAML file beside a data file says of it: ``news.parquet.yaml``.

::

    lag: 1 business day     # or 15m, 1d, none
    kind: macro
    source: federal reserve
    symbol: ""              # empty: about the market as a whole
    names: {value: fed_funds_percent}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tutti.adapters.stores.point_in_time.lags import Lag, parse_lag
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

# publishers whose delay is known, by words in a file's name
_KNOWN_LAGS = {"fed_funds": "1 business day", "effr": "1 business day", "sofr": "1 business day"}


class Sidecar(BaseModel):
    """What is said of one file; None where nothing is.

    Attributes
    ----------
    lag : str, optional
        How long after its stamp a row became known.
    kind, source, symbol : str, optional
        For all rows; an empty symbol is the market as a whole.
    names : dict of str to str
        What columns of figures measure, with the unit; columns that it lacks are left out.
    ts : str, optional
        Column of the stamps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lag: str | None = Field(None, examples=["1 business day"])
    kind: str | None = None
    source: str | None = None
    symbol: str | None = None
    names: dict[str, str] = {}
    ts: str | None = None


def sidecar_of(path: Path) -> Sidecar:
    """Return what ``<file>.yaml`` beside a data file says; nothing where there is none.

    Raises
    ------
    ConfigError
        If it can't be read, or has a key that is not understood.
    """
    beside = path.with_name(f"{path.name}.yaml")
    if not beside.is_file():
        return Sidecar()
    try:
        told = yaml.safe_load(beside.read_text(encoding="utf-8"))
        found = Sidecar.model_validate(told or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise ConfigError(f"{beside}: can't be read as YAML ({said}); correct it") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        known = ", ".join(Sidecar.model_fields)
        raise ConfigError(f"{beside}: {where}: {first['msg']}; there are {known}") from error
    if found.lag is not None:
        try:
            parse_lag(found.lag)
        except ConfigError as error:
            raise ConfigError(f"{beside}: {error}") from error
    return found


def known_lag(path: Path) -> Lag | None:
    """Return the delay of a publisher that a file's name names; None where it names none."""
    name = path.name.lower()
    return next((parse_lag(lag) for word, lag in _KNOWN_LAGS.items() if word in name), None)
