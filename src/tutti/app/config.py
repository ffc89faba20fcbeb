"""Reads the configuration: one YAML file over complete defaults, refused whole at the first doubt."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tutti.app.agents_file import agents_path, given, load_agents
from tutti.app.calibration_file import with_calibration
from tutti.app.costs_file import with_costs
from tutti.app.document import Document, dotted, read_document
from tutti.app.settings import Config
from tutti.app.validation import text_of, validated
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "Config",
    "config_hash",
    "load_config",
    "located",
    "override",
    "parse_config",
    "resolved",
]

_KEY = re.compile(r"[a-z_]+(?=[\s:.\[])[^\s:]*")


def load_config(path: Path | None) -> Config:
    """Return the configuration in a file, or the defaults for None.

    Raises
    ------
    ConfigError
        If the file can't be read or used; one line with file, line, key, and what to do.
    """
    if path is None:
        return Config()
    text = text_of(path, "write one, or leave out --config to run on the defaults")
    document = with_calibration(with_costs(read_document(text, str(path))))
    config = validated(document, Config)
    return _with_agents(config, document)


def _with_agents(config: Config, document: Document) -> Config:
    """Return ``config`` with the agents of the file that it names, if it names one."""
    named = agents_path(config)
    if named is None:
        return config
    if "agents" in document.values:
        raise ConfigError(
            f"{document.where(('agents_file',))}: agents_file stands beside agents; keep one of"
            " the two"
        )
    file = load_agents(named)
    try:
        return override(config, {"agents": given(file.agents)})
    except ConfigError as error:
        told = file.about(error)
        if told is error:  # nothing is its own cause
            raise
        raise told from error


def parse_config(text: str, name: str = "configuration") -> Config:
    """Return the configuration written in ``text``; an empty one is the defaults.

    Parameters
    ----------
    name : str
        What messages call the text.

    Raises
    ------
    ConfigError
        See `load_config`.
    """
    return validated(read_document(text, name), Config)


@contextmanager
def located(path: Path | None) -> Iterator[None]:
    """Name file and line in what is said of a setting once instruments and plug-ins are known.

    Parameters
    ----------
    path : Path or None
        The file that the configuration was read from.

    Raises
    ------
    ConfigError
        Whatever is raised inside; where its message begins with a key of the configuration, with
        the place of that key in front.
    """
    try:
        yield
    except ConfigError as error:
        if path is None or (place := _place(path, str(error))) is None:
            raise
        raise ConfigError(f"{place}: {error}") from error


def override(config: Config, changes: Mapping[str, object]) -> Config:
    """Return ``config`` with other values for some dotted keys, checked as a file's are.

    Raises
    ------
    ConfigError
        If a value is out of bounds.
    """
    values: dict[str, Any] = config.model_dump(exclude_unset=True)
    for key, value in changes.items():
        *sections, last = key.split(".")
        inner = values
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = value
    return validated(Document(name="command line", values=values, lines={}), Config)


def resolved(config: Config) -> dict[str, Any]:
    """Return every setting, given or default, as JSON values; read back they are the same."""
    values = config.model_dump(mode="json")
    # what a venue takes from "default" is spelled out, or it would not count as given any more
    values["venues"] = {name: config.venue(name).model_dump(mode="json") for name in config.venues}
    return values


def config_hash(config: Config) -> str:
    """Return the SHA-256 of the configuration as resolved, in hexadecimal."""
    canonical = json.dumps(resolved(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _place(path: Path, message: str) -> str | None:
    begins = _KEY.match(message)
    key = begins[0] if begins else ""
    if re.split(r"[.\[]", key)[0] not in Config.model_fields:
        return None
    try:
        document = read_document(path.read_text(encoding="utf-8"), str(path))
    except (OSError, ValueError, ConfigError):
        # it was read before; what has become of it since is not what the message is about
        return str(path)
    lines = {dotted(known): line for known, line in document.lines.items()}
    while key and key not in lines:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return f"{path}:{lines[key]}" if key else str(path)
