"""How far long work is: a bar on a terminal, else a plain line at every tenth."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress: TypeAlias = Callable[[int, int, str], None]

FIRST_START = "first start: compiling for half a minute or so"


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """Give a function that is told ``(done, total, what)``; it shows that on standard error."""
    told = False

    def telling(report: Progress) -> Progress:
        def tell(done: int, total: int, what: str) -> None:
            nonlocal told
            if not told and compiles_first():
                print(FIRST_START, file=sys.stderr, flush=True)
            told = True
            report(done, total, what)

        return tell

    if sys.stderr.isatty():
        with _bar() as report:
            yield telling(report)
    else:
        yield telling(PlainProgress())


def compiles_first() -> bool:
    """Return whether no kernel is compiled yet, so that the work begins with half a minute of that."""
    import numba  # not for --help

    import tutti.kernel.jit  # noqa: F401 - sets the folder

    return not any(Path(numba.config.CACHE_DIR).rglob("*.nbc"))


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
