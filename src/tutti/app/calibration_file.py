"""Files of what agents' confidence should have been: written by a report, named in a configuration."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.calibration import ConfidenceMap, Correction
from tutti.app.written_file import Form
from tutti.kernel.clock import iso, parse_instant
from tutti.model.errors import ConfigError
from tutti.sandbox.result import write_atomically
from tutti.stats.isotonic import Rising

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.app.document import Document
    from tutti.app.settings import Config

_FORM = Form(kind="tutti-calibration", version=1, what="calibration", made_by="tutti agents report")
_DIGITS = 6


def write_calibration(path: Path, maps: Mapping[str, Sequence[ConfidenceMap]]) -> Path:
    """Write the maps of each agent, whole or not at all; return the path."""
    rows = [
        {
            "agent": agent,
            "valid_from": iso(_up(each.valid_from)),
            "fitted_from": iso(each.fitted_from),
            "n": each.n,
            "knots": _knots(each.corrected),
        }
        for agent, many in maps.items()
        for each in many
    ]
    digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
    document = {
        "kind": _FORM.kind, "version": _FORM.version, "id": f"calibration-{digest[:12]}",
        "maps": rows,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"{json.dumps(document, indent=1)}\n".encode()
    return write_atomically(path, lambda file: file.write(text))


def read_calibration(path: Path) -> dict[str, Any]:
    """Return the content of a file of maps.

    Raises
    ------
    ConfigError
        If there is none, or its form is not known.
    """
    text = _FORM.text(path)
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON ({error}); make it anew") from error
    return _FORM.content(path, values)


def with_calibration(document: Document) -> Document:
    """Return the document with the calibration that it names read into it.

    Raises
    ------
    ConfigError
        If it names one that can't be used.
    """
    worth = document.values.get("worth")
    if not isinstance(worth, dict) or not isinstance(named := worth.get("calibration"), str):
        return document
    if not named or worth.get("maps"):
        return document
    try:
        maps = read_calibration(Path(named).expanduser()).get("maps")
    except ConfigError as error:
        where = document.where(("worth", "calibration"))
        raise ConfigError(f"{where}: worth.calibration: {error}") from error
    return replace(document, values={**document.values, "worth": {**worth, "maps": maps}})


def correction_of(config: Config, names: Sequence[str]) -> Correction | None:
    """Return what corrects the confidence of a panel's agents; None where nothing does."""
    maps: dict[str, list[ConfidenceMap]] = {}
    for each in config.worth.maps:
        x, y = np.array(each.knots, np.float64).T
        maps.setdefault(each.agent, []).append(
            ConfidenceMap(
                corrected=Rising(np.ascontiguousarray(x), np.ascontiguousarray(y)),
                valid_from=parse_instant(each.valid_from),
                fitted_from=parse_instant(each.fitted_from),
                n=each.n,
            )
        )
    known = {
        name: sorted(many, key=lambda one: one.valid_from)
        for name, many in maps.items()
        if name in names
    }
    return Correction(names, known) if known else None


def _knots(rising: Rising) -> list[list[float]]:
    x, y = np.round(rising.x, _DIGITS), np.round(rising.y, _DIGITS)
    # rounding may put two knots on one place
    kept = np.append(True, np.diff(x) > 0)
    return [[stated, held] for stated, held in zip(x[kept].tolist(), y[kept].tolist(), strict=True)]


def _up(ts: int) -> int:
    # written in milliseconds, and never to be used too early
    return -(-ts // 1_000_000) * 1_000_000
