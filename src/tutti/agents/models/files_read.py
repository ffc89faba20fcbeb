"""Which files a model opens while it is watched: what it reads may be newer than the bar.

Weights are read when a model is made, or with its first prediction: from its own folder whatever they
are, from elsewhere what is no table of data, such as the caches of libraries. Anything else that is
read while it predicts is held against it.
"""

from __future__ import annotations

import sys
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TABLES = (".csv", ".parquet", ".feather", ".arrow", ".h5", ".sqlite", ".db", ".tsv", ".jsonl")
_DATA = (*_TABLES, ".npy", ".npz", ".pkl", ".pickle", ".txt", ".dat", ".xlsx")
"""What may hold prices; packages hold some of the latter for reasons of their own."""
_CODE = (".py", ".pyc", ".so", ".pth", ".zip", ".dll", ".pyd")
_SYSTEM = ("/proc", "/dev", "/sys", "/etc", "/usr/share/zoneinfo")
_WRITES = ("w", "a", "x")


class FilesRead:
    """Notes each file that is opened for reading while it is on.

    An audit hook can't be taken off again: make one in a process of its own.

    Parameters
    ----------
    folder : Path or None
        The model's own.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder.resolve() if folder is not None else None
        self._installed = tuple(
            {str(Path(path).resolve()) for path in sysconfig.get_paths().values()}
            | {str(Path(sys.prefix).resolve()), str(Path(sys.base_prefix).resolve())}
        )
        self._is_on = False
        self._is_first = False
        self.held: list[str] = []
        sys.addaudithook(self._hear)

    @contextmanager
    def making(self) -> Iterator[None]:
        """Watch while the model is imported and made, when it may read its own folder."""
        self._is_on, self._is_first = True, True
        try:
            yield
        finally:
            self._is_on = False

    @contextmanager
    def predicting(self, *, is_first: bool) -> Iterator[None]:
        """Watch one prediction."""
        self._is_on, self._is_first = True, is_first
        try:
            yield
        finally:
            self._is_on = False

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._is_on or event != "open":
            return
        path, mode = arguments[0], arguments[1]
        if not isinstance(path, str | bytes) or (isinstance(mode, str) and mode[:1] in _WRITES):
            return
        # what is done here is not to be heard
        self._is_on = False
        name = path if isinstance(path, str) else path.decode(errors="replace")
        if not self._is_allowed(Path(name)) and name not in self.held:
            self.held.append(name)
        self._is_on = True

    def _is_allowed(self, path: Path) -> bool:
        whole = path.absolute()
        if path.suffix in _CODE or str(whole).startswith(_SYSTEM):
            return True
        if str(whole).startswith(self._installed) and path.suffix not in _TABLES:
            return True
        is_own = self._folder is not None and whole.resolve().is_relative_to(self._folder)
        return self._is_first and (is_own or path.suffix not in _DATA)
