"""Keys that a command prints: a password manager's, or a cloud's own tool."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from tutti.adapters.secrets.port import keys_in
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import SecretStr

_PATIENCE_S = 30.0


class CommandKeys:
    """A command that prints JSON: the fields of a venue, or each venue's name over its fields.

    Parameters
    ----------
    command : str
        Split as a shell would, and run without one; ``{venue}`` in it is the venue's name.
    """

    def __init__(self, command: str) -> None:
        self._command = command

    def read(self, venue: str) -> dict[str, SecretStr]:
        """Return what the command prints for a venue.

        Raises
        ------
        ConfigError
            If it fails, or prints something else. What it printed is not told.
        """
        words = [each.replace("{venue}", venue) for each in shlex.split(self._command)]
        name = words[0] if words else ""
        try:
            done = subprocess.run(  # noqa: S603 - the configuration's own command
                words, capture_output=True, check=True, timeout=_PATIENCE_S, text=True
            )
            told: Any = json.loads(done.stdout)
        except (OSError, IndexError) as error:
            raise ConfigError(
                f"keys: the command {name!r} can't be run ({type(error).__name__})"
            ) from None
        except subprocess.CalledProcessError as error:
            raise ConfigError(
                f"keys: the command {name!r} failed with code {error.returncode}; run it by hand"
            ) from None
        except subprocess.TimeoutExpired:
            raise ConfigError(
                f"keys: the command {name!r} did not end within {_PATIENCE_S:g} s"
            ) from None
        except ValueError:
            raise ConfigError(f"keys: the command {name!r} did not print JSON") from None
        if not isinstance(told, dict):
            raise ConfigError(f"keys: the command {name!r} must print an object of fields")
        return keys_in(told, venue, f"keys: the command {name!r}")
