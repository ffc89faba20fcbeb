"""Files that a command writes and a configuration names: of a form that this version knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a file says of itself, and who writes it.

    Parameters
    ----------
    kind : str
        Its key ``kind``.
    version : int
        Its key ``version``.
    what : str
        What it is called, in messages.
    made_by : str
        The command that writes it.
    """

    kind: str
    version: int
    what: str
    made_by: str

    def text(self, path: Path) -> str:
        """Return the text of a file.

        Raises
        ------
        ConfigError
            If there is none, or it can't be read.
        """
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file; make one with {self.made_by}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: can't be read; name a file of {self.made_by}") from error

    def content(self, path: Path, values: object) -> dict[str, Any]:
        """Return what was read from a file, if it is of this form.

        Raises
        ------
        ConfigError
            If it is not.
        """
        if not isinstance(values, Mapping) or values.get("kind") != self.kind:
            raise ConfigError(
                f"{path}: not a {self.what} (kind is not {self.kind}); make one with {self.made_by}"
            )
        if values.get("version") != self.version:
            raise ConfigError(
                f"{path}: form {values.get('version')!r} of {self.what}, and this Tutti reads "
                f"{self.version}; make it anew with {self.made_by}"
            )
        return dict(values)
