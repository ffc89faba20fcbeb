"""How far long work is: a bar on a terminal, else a plain line at every tenth."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress: TypeAlias = Callable[[int, int, str], None]


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """Give a function that is told ``(done, total, what)``; it shows that on standard error."""
    if sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield PlainProgress()


class PlainProgress:
    """Prints a line when another tenth of the same work is done."""

    def __init__(self) -> None:
        self._note = ""
        self._tenth = 0

    def __call__(self, done: int, total: int, note: str) -> None:
        """Take notice of ``done`` of ``total``, and say so at each tenth."""
        if note != self._note:
            self._note, self._tenth = note, 0
        tenth = 10 * done // total if total > 0 else 0
        if tenth > self._tenth:
            self._tenth = tenth
            print(f"{note}: {10 * tenth} % ({done:,} of {total:,})", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _bar() -> Iterator[Progress]:
    from rich import progress as rich
    from rich.console import Console  # only long work needs it

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TaskProgressColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks = {}

        def report(done: int, total: int, note: str) -> None:
            if note not in tasks:
                tasks[note] = bar.add_task(note, total=total)
            bar.update(tasks[note], completed=done, total=total)

        yield report
