"""Tells the listeners of a marketplace what happened, one thing after the other."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.testing.exchanges.happenings import Happening


class Announcer:
    """Keeps what happened until it is told.

    Attributes
    ----------
    listeners : list of callable
        Who is told.
    """

    def __init__(self) -> None:
        self.listeners: list[Callable[[Happening], None]] = []
        self._happened: deque[Happening] = deque()
        self._is_telling = False

    def say(self, happening: Happening) -> None:
        """Keep what happened; `tell` tells it."""
        self._happened.append(happening)

    def tell(self) -> None:
        """Tell all that happened; what listeners cause is told after."""
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._happened:
                happening = self._happened.popleft()
                for listener in list(self.listeners):
                    listener(happening)
        finally:
            self._is_telling = False
