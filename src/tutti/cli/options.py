"""Options that several commands take, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from tutti.kernel.clock import parse_instant
from tutti.model.errors import ConfigError

AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead of text.")
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration in YAML; else the defaults."),
]
Bars: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--bars", metavar="GLOB...", help="Files of bars (Parquet, CSV) or patterns."),
]
Run: TypeAlias = Annotated[
    Path | None,
    typer.Argument(metavar="[RUN]", help="Folder of a run; else the newest under runs/."),
]

Register: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--register",
        metavar="FILE",
        envvar="TUTTI_TRIALS",
        help="Register of trials; off records nothing and opens no seal.",
    ),
]


def instant(text: str | None, option: str) -> int | None:
    """Return the ns UTC that an option gives, None for none.

    Raises
    ------
    ConfigError
        If it is no date and no time.
    """
    if text is None:
        return None
    try:
        return parse_instant(text)
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"{option} must be a date or time, was {text!r}; write for example 2024-01-31 or "
            "2024-01-31T12:00"
        ) from error
