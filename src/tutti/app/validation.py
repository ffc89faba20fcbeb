"""A document of a file as the model of that file, or the first thing that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from tutti.app.document import Document, Key, dotted
from tutti.app.expectation import remedy
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_Model = TypeVar("_Model", bound=BaseModel)


def validated(document: Document, model: type[_Model]) -> _Model:
    """Return a document as the model of its file.

    Raises
    ------
    ConfigError
        For the first problem in the file; one line with file, line, key, and what to do.
    """
    try:
        return model.model_validate(document.values)
    except ValidationError as error:
        problems = [remedy(model, dict(problem)) for problem in error.errors()]
    # alternatives of one value are one problem, and the first in the file comes first
    by_key: dict[Key, str] = {}
    for key, message in problems:
        by_key.setdefault(key, message)
    key, message = min(by_key.items(), key=lambda item: document.lines.get(item[0], 0))
    more = len(by_key) - 1
    also = f" ({more} more problem{'s' if more > 1 else ''} in this file)" if more else ""
    raise ConfigError(f"{document.where(key)}: {dotted(key)} {message}{also}")


def text_of(path: Path, missing: str) -> str:
    """Return the text of a file that a person writes.

    Parameters
    ----------
    missing : str
        What to do where there is no such file.

    Raises
    ------
    ConfigError
        If it can't be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; {missing}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not text in UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}; name a YAML file") from error
