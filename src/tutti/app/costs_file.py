"""Files of measured costs: written by a calibration, named in a configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tutti.app.document import Document, read_document
from tutti.app.written_file import Form
from tutti.model.errors import ConfigError
from tutti.sandbox.calibration.document import KIND, VERSION
from tutti.sandbox.result import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORM = Form(kind=KIND, version=VERSION, what="costs file", made_by="tutti costs calibrate")
_HEAD = """\
# What trading costs, measured on recorded trades, quotes and books; made by
#   {command}
# Name this file in a configuration to use it:   costs: {name}
# venues and instruments are used; evidence says what they rest on. Errors are standard errors of a
# few minutes of recording: another day differs by more, see carried_over.
"""


def write_costs(path: Path, document: Mapping[str, Any], command: str) -> Path:
    """Write a costs file, whole or not at all; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = _HEAD.format(command=command, name=path)
    body = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=100)
    return write_atomically(path, lambda file: file.write(f"{head}\n{body}".encode()))


def read_costs(path: Path) -> dict[str, Any]:
    """Return the content of a costs file.

    Raises
    ------
    ConfigError
        If there is none, or its form is not known.
    """
    text = _FORM.text(path)
    return _FORM.content(path, read_document(text, str(path)).values)


def with_costs(document: Document) -> Document:
    """Return the document with the costs file that it names read into it.

    Raises
    ------
    ConfigError
        If it names one that can't be used.
    """
    named = document.values.get("costs")
    if not isinstance(named, str):
        return document
    try:
        costs = read_costs(Path(named).expanduser())
    except ConfigError as error:
        raise ConfigError(f"{document.where(('costs',))}: costs: {error}") from error
    taken: dict[str, Any] = {
        key: costs[key] for key in ("id", "venues", "instruments") if key in costs
    }
    read = {"file": named} | taken
    return replace(document, values={**document.values, "costs": read})
