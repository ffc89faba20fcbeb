"""How far long work is: a bar on a terminal, else a plain line at every tenth."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Progress: TypeAlias = Callable[[int, int, str], None]

FIRST_START = "first start: compiling for half a minute or so"


class Shown:
    """Is told how far work is, and shows it on standard error."""

    def __init__(
        self,
        report: Progress,
        pause: Callable[[], AbstractContextManager[None]],
        *,
        compiles: bool = True,
    ) -> None:
        self._report = report
        self._told = not compiles
        self.pause = pause

    def __call__(self, done: int, total: int, note: str) -> None:
        """Show ``done`` of ``total``; the first time also what else takes time."""
        if not self._told and compiles_first():
            print(FIRST_START, file=sys.stderr, flush=True)
        self._told = True
        self._report(done, total, note)


@contextlib.contextmanager
def progress(*, compiles: bool = True) -> Iterator[Shown]:
    """Give a function that is told ``(done, total, what)``; it shows that on standard error.

    Its ``pause`` takes the bar away while somebody is asked something.

    Parameters
    ----------
    compiles : bool
        Whether the work needs kernels, which are compiled when they are used for the first time.
    """
    if sys.stderr.isatty():
        with _bar(compiles=compiles) as shown:
            yield shown
    else:
        yield Shown(PlainProgress(), contextlib.nullcontext, compiles=compiles)


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
def _bar(*, compiles: bool) -> Iterator[Shown]:
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

        @contextlib.contextmanager
        def pause() -> Iterator[None]:
            bar.stop()
            try:
                yield
            finally:
                bar.start()

        yield Shown(report, pause, compiles=compiles)
