"""Prompts: versioned files with places for what is known.

A file has two parts, what the model is and what it is asked, parted by a line ``--- user ---``.
``{{name}}`` is a place that is filled in; nothing that is filled in is looked at again. A file is
called ``<name>@<version>.md``, and a version never changes: an edit is a new version.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTED = re.compile(r"^--- user ---\n", re.MULTILINE)
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Prompt of an agent, with places to fill in.

    Parameters
    ----------
    name : str
        With its version, ``news@1``.
    sha256 : str
        Of the file, in hexadecimal.
    """

    name: str
    system: str
    user: str
    sha256: str

    @property
    def label(self) -> str:
        """Name, version and the first digits of the hash: ``news@1 sha256:0123456789ab``."""
        return f"{self.name} sha256:{self.sha256[:_SHOWN]}"

    @property
    def places(self) -> frozenset[str]:
        """Names of the places of both parts."""
        return frozenset(_PLACE.findall(self.system) + _PLACE.findall(self.user))

    def check(self, known: frozenset[str], needed: frozenset[str]) -> None:
        """Refuse a prompt that has a place which nobody fills, or lacks one that must be there.

        Raises
        ------
        ConfigError
            Naming the place.
        """
        if unknown := sorted(self.places - known):
            raise ConfigError(
                f"prompt {self.name}: nothing fills {', '.join(unknown)}; "
                f"there are {', '.join(sorted(known))}"
            )
        if lacking := sorted(needed - self.places):
            raise ConfigError(
                f"prompt {self.name}: has no place for {', '.join(lacking)}; "
                f"write for example {{{{{lacking[0]}}}}}"
            )

    def render(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Return both parts with their places filled in, each once."""

        def fill(match: re.Match[str]) -> str:
            return values[match.group(1)]

        return _PLACE.sub(fill, self.system), _PLACE.sub(fill, self.user)


def read_prompt(text: str, name: str) -> Prompt:
    """Return the prompt of a file's text.

    Raises
    ------
    ConfigError
        If it does not have its two parts.
    """
    parts = _PARTED.split(text.replace("\r\n", "\n"))
    if len(parts) != 2:  # noqa: PLR2004 (system and user)
        raise ConfigError(
            f"prompt {name}: must have one line '--- user ---' between what the model is and what "
            f"it is asked, had {len(parts) - 1}"
        )
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Prompt(name=name, system=parts[0].strip(), user=parts[1].strip(), sha256=digest)


def built_in(name: str) -> Prompt:
    """Return one of the prompts that come with Tutti, ``news@1`` for instance."""
    text = files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    return read_prompt(text, name)


def prompt_of(file: str, default: str) -> Prompt:
    """Return the prompt of a user's file, or the built-in one where none is named.

    Raises
    ------
    ConfigError
        If the file can't be read or is no prompt.
    """
    if not file:
        return built_in(default)
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"prompt {file}: can't be read: {error}; check agents[].prompt") from None
    return read_prompt(text, Path(file).stem)
