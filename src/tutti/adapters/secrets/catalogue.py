"""A source of keys by the words of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tutti.adapters.secrets.cloud import CloudKeys
from tutti.adapters.secrets.command import CommandKeys
from tutti.adapters.secrets.local import EnvironmentKeys, FileKeys, KeyringKeys
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.adapters.secrets.port import KeySource

_CLOUDS = ("aws", "gcp", "azure", "vault")


def key_source(words: str, environment: Mapping[str, str] | None = None) -> KeySource:
    """Return where keys are: ``environment``, ``file:keys.yaml``, ``keyring``, ``command:pass ...``,
    ``aws:NAME``, ``gcp:NAME``, ``azure:VAULT/NAME`` or ``vault:MOUNT/PATH``.

    Raises
    ------
    ConfigError
        If the words name none of these.
    """  # noqa: D205 - the forms are the summary
    kind, _, rest = words.partition(":")
    match kind:
        case "environment":
            return EnvironmentKeys(environment)
        case "keyring":
            return KeyringKeys()
        case "file" if rest:
            return FileKeys(Path(rest).expanduser())
        case "command" if rest:
            return CommandKeys(rest)
        case _ if kind in _CLOUDS and rest:
            return CloudKeys(kind, rest, environment)
    raise ConfigError(
        f"keys: {words!r} names no place; write environment, file:PATH, keyring, command:COMMAND, "
        f"or one of {', '.join(_CLOUDS)} and a name, such as aws:tutti/keys"
    )
