"""A study on disk, as the JSON that its command prints."""

from __future__ import annotations

import json
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from tutti.sandbox.result import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_page(html: str, path: Path) -> Path:
    """Write a page to ``path``, whole or not at all, and return the path."""
    return write_atomically(path, methodcaller("write", html.encode()))


def write_study(document: Mapping[str, Any], path: Path) -> Path:
    """Write a study's document to ``path``, whole or not at all, and return the path."""
    text = f"{json.dumps(document, indent=2, allow_nan=False)}\n".encode()
    return write_atomically(path, methodcaller("write", text))
