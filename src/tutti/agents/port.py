"""What an agent is: one that is asked and awaited, or one that reads whole arrays at once."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.features.block import FeatureBlock
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import MarketBlock, Snapshot
    from tutti.model.opinion import Abstention, Opinion, Views


class Agent(Protocol):
    """Forms an opinion of one instrument at one instant; may take its time.

    Any class with these members is an agent; one that names this class as its parent can't be
    made without both methods.
    """

    name: str

    @abstractmethod
    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return what the agent needs to know, nothing of it newer than ``ts`` (ns UTC).

        Raises
        ------
        AgentError
            If it can't be had; the agent then abstains.
        """
        raise NotImplementedError

    @abstractmethod
    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        """Return an opinion of the snapshot, or say why there is none.

        Raises
        ------
        AgentError
            If none could be formed; the agent then abstains.
        """
        raise NotImplementedError


class SnapshotSource(Protocol):
    """Where an agent's snapshots come from."""

    async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return what was known of an instrument at ``ts`` (ns UTC)."""
        ...


@runtime_checkable
class SnapshotReader(Protocol):
    """Agent to be awaited that wants to be shown what others are: market, texts, figures, the past.

    Names of features in its attribute ``needs``, if it has one, are in every snapshot.
    """

    def see(self, source: SnapshotSource) -> None:
        """Take the source of snapshots; called once, before anything is asked."""
        ...


class ArrayAgent(Protocol):
    """Opines on all instruments over a block of ticks at once.

    A stateful one carries its state from block to block: the same ticks, in blocks of any length,
    give the same views bit for bit. No view may depend on a later row.
    """

    name: str
    needs: tuple[str, ...]

    def opine(self, features: FeatureBlock) -> Views:
        """Return bias and confidence of shape (t, n); NaN in both for an abstention."""
        ...

    def explain(self, row: Mapping[str, float]) -> str:
        """Return why, in words and figures, given the features of one cell by name."""
        ...


@runtime_checkable
class MetaAgent(Protocol):
    """Opines on the other agents' opinions."""

    name: str
    needs: tuple[str, ...]
    heard: tuple[str, ...]

    def opine_over(self, features: FeatureBlock, others: tuple[Views, ...]) -> Views:
        """Return bias and confidence of shape (t, n), given the views of the agents it hears."""
        ...

    def evidence(self, t: int, i: int) -> dict[str, float]:
        """Return what it used beside features at tick ``t`` of the last block, by name."""
        ...

    def explain(self, row: Mapping[str, float]) -> str:
        """Return why, given features and evidence of one cell by name."""
        ...


@runtime_checkable
class MarketAgent(Protocol):
    """Opines on all instruments over a block of ticks at once, given the bars themselves.

    As with an :class:`ArrayAgent`, blocks of any length give the same views bit for bit, and no
    view may depend on a later bar.
    """

    name: str
    needs: tuple[str, ...]

    def opine_on(self, block: MarketBlock) -> Views:
        """Return bias and confidence of shape (t, n); NaN in both for an abstention."""
        ...

    def evidence(self, t: int, i: int) -> dict[str, float]:
        """Return what it used beside features at tick ``t`` of the last block, by name."""
        ...

    def explain(self, row: Mapping[str, float]) -> str:
        """Return why, given features and evidence of one cell by name."""
        ...
