"""What a command says: for people on a terminal or in a pipe, or as one JSON object."""

from __future__ import annotations

import json
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

_WIDTH_OF_A_PIPE = 120


class Output:
    """Says things on standard output, or only the final JSON object.

    Parameters
    ----------
    as_json : bool
        True when a machine listens.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @cached_property
    def console(self) -> Console:
        """Where people read."""
        from rich.console import Console  # not needed for --help or --json

        width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
        return Console(width=width, highlight=False, soft_wrap=False)

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line for people; ``style`` is rich's."""
        if not self.as_json:
            self.console.print(text, style=style or None, markup=False, soft_wrap=True)

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        numbers_from: int | None = None,
        title: str = "",
    ) -> None:
        """Print a table for people; columns from ``numbers_from`` on are aligned to the right."""
        if self.as_json:
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False
        )
        for index, name in enumerate(head):
            is_number = numbers_from is not None and index >= numbers_from
            table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        self.console.print(table)

    def finish(self, document: Mapping[str, Any], written: Sequence[Path] = ()) -> None:
        """Print the JSON object for a machine; for people, what was written and where."""
        if self.as_json:
            print(json.dumps(document, allow_nan=False, default=str))
            return
        if len(written) == 1:
            self.say(f"wrote {written[0]}")
        elif written:
            folder = written[0].parent
            names = ", ".join(path.name if path.parent == folder else str(path) for path in written)
            self.say(f"wrote to {folder}: {names}")
