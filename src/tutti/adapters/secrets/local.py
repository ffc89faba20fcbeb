"""Keys on this machine: environment variables, a file that only its owner reads, the keyring."""

from __future__ import annotations

import importlib
import os
import stat
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import SecretStr

from tutti.adapters.secrets.port import FIELDS, keys_in
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
SERVICE = "tutti"
"""Name under which keys are kept in a keyring."""


class EnvironmentKeys:
    """``TUTTI_KRAKEN_API_KEY``, ``TUTTI_KRAKEN_SECRET`` and so on.

    Parameters
    ----------
    environment : mapping of str to str, optional
        Variables; those of the process by default.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def read(self, venue: str) -> dict[str, SecretStr]:
        """Return what is set for a venue."""
        names = {each: f"TUTTI_{venue}_{each.upper()}" for each in FIELDS}
        return {
            field: SecretStr(value.strip())
            for field, name in names.items()
            if (value := self._environment.get(name, "")).strip()
        }


class FileKeys:
    """A YAML or JSON file: each venue's name over its fields.

    Parameters
    ----------
    path : Path
        With mode 600, owned by whoever runs this.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, venue: str) -> dict[str, SecretStr]:
        """Return what the file has for a venue.

        Raises
        ------
        ConfigError
            If others may read it, or it is not of this form.
        """
        path = self._path
        try:
            mode = path.stat()
            if mode.st_mode & _OTHERS:
                raise ConfigError(
                    f"{path}: others may read this file of keys; run: chmod 600 {path}"
                )
            if mode.st_uid != os.geteuid():
                raise ConfigError(f"{path}: belongs to another user; own the file of your keys")
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path}: no keys can be read here ({type(error).__name__})"
            ) from None
        try:
            told: Any = yaml.safe_load(text)
        except yaml.YAMLError:
            # its message would quote the line
            raise ConfigError(
                f"{path}: not YAML; write VENUE: {{api_key: ..., secret: ...}}"
            ) from None
        if told is None:
            return {}
        if not isinstance(told, dict):
            raise ConfigError(f"{path}: must hold VENUE: {{api_key: ..., secret: ...}}")
        return keys_in(told, venue, str(path))


class KeyringKeys:
    """The keyring of the desktop or the system, through the package ``keyring``.

    Set a field with: keyring set tutti KRAKEN/api_key.
    """

    def read(self, venue: str) -> dict[str, SecretStr]:
        """Return what the keyring has for a venue.

        Raises
        ------
        ConfigError
            If there is no keyring.
        """
        try:
            keyring = importlib.import_module("keyring")
        except ModuleNotFoundError as error:
            raise ConfigError(
                "keys: keyring needs the package keyring; pip install keyring"
            ) from error
        try:
            told = {field: keyring.get_password(SERVICE, f"{venue}/{field}") for field in FIELDS}
        except Exception as error:  # noqa: BLE001 - backends raise what they like
            raise ConfigError(
                f"keys: the keyring does not answer ({type(error).__name__}); unlock it, or keep "
                "the keys in a file"
            ) from None
        return {field: SecretStr(value) for field, value in told.items() if value}
