"""The port to what was seen before."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.model.instrument import InstrumentId
    from tutti.model.market import Situation


class Memory(Protocol):
    """Keeps situations with what came of them, and finds those that resemble the present."""

    @abstractmethod
    def nearest(
        self, instrument: InstrumentId, features: Mapping[str, float], as_of: int, k: int
    ) -> tuple[Situation, ...]:
        """Return the past situations of an instrument that are most like the present.

        Parameters
        ----------
        features : mapping of str to float
            By name, as in a snapshot; one that is NaN is not compared.
        as_of : int
            ns UTC; nothing is returned whose outcome was not known by then.
        k : int
            How many at most.

        Returns
        -------
        tuple of Situation
            Nearest first; of those that overlap in time only the nearest.
        """
        raise NotImplementedError

    @abstractmethod
    def remember(self, situation: Situation) -> None:
        """Keep a situation; the same instrument and instant again replaces what was kept."""
        raise NotImplementedError
