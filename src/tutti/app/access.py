"""Token that every act through the HTTP API needs: from the environment, else made for the run."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from pydantic import SecretStr

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VARIABLE = "TUTTI_API_TOKEN"
FILE = "api-token"

_SHORTEST = 16


def api_token(folder: Path, environment: Mapping[str, str] | None = None) -> SecretStr:
    """Return the token of the service that runs in ``folder``.

    It is the value of ``TUTTI_API_TOKEN`` where that is set. Otherwise it is kept in the file
    ``api-token`` in the folder, which only the owner may read, and made when there is none.

    Parameters
    ----------
    environment : mapping of str to str, optional
        Environment variables; those of the process by default.

    Raises
    ------
    ConfigError
        If the token is too short to be one, or the file can't be used.
    """
    given = (os.environ if environment is None else environment).get(VARIABLE, "")  # noqa: TID251 - the one secret that is read
    if given:
        return _checked(given, VARIABLE)
    path = folder / FILE
    try:
        if path.exists():
            return _checked(path.read_text(encoding="ascii").strip(), str(path))
        folder.mkdir(parents=True, exist_ok=True)
        token = secrets.token_urlsafe(32)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{token}\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: can't keep the API's token here ({error}); set {VARIABLE} instead"
        ) from error
    return SecretStr(token)


def _checked(token: str, source: str) -> SecretStr:
    if len(token) < _SHORTEST:
        raise ConfigError(
            f"{source}: a token has {_SHORTEST} characters or more, this has {len(token)}; "
            "make one with: openssl rand -hex 32"
        )
    return SecretStr(token)
