"""What the API asks of a running service: to read it, and to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.app.settling import Claim
    from tutti.app.state import (
        AgentRow,
        AgentsState,
        DecisionRow,
        OrderView,
        PositionRow,
        Prediction,
        ServiceState,
        SymbolsState,
    )
    from tutti.model.market import MarketBlock
    from tutti.model.order import Order


class ServiceReader(Protocol):
    """Read side of a running service; every answer is a snapshot and changes nothing."""

    def status(self) -> ServiceState:
        """Return the state as of now."""
        ...

    def decisions(self, limit: int) -> Sequence[DecisionRow]:
        """Return the last ``limit`` decisions, newest first."""
        ...

    def orders(self, limit: int) -> Sequence[OrderView]:
        """Return the last ``limit`` orders, newest first."""
        ...

    def positions(self) -> Sequence[PositionRow]:
        """Return the open positions."""
        ...

    def agents(self) -> Sequence[AgentRow]:
        """Return one row per agent, in the panel's order."""
        ...

    def agents_file(self) -> AgentsState:
        """Return who is on the panel, and how the file of them stands."""
        ...

    def symbols(self) -> SymbolsState:
        """Return what is traded, and how the file of it stands."""
        ...

    def predict(self, instrument: str, bars: MarketBlock | None = None) -> Prediction:
        """Return the panel's view of ``instrument`` and the target that would come of it.

        Parameters
        ----------
        instrument : str
            ``SYMBOL.VENUE``.
        bars : MarketBlock, optional
            One column of bars to judge instead of the market as it stands.

        Raises
        ------
        ConfigError
            If ``bars`` is None and the service doesn't follow the instrument.
        """
        ...


class ServiceControl(Protocol):
    """Acts on a running service; each needs the token."""

    def shutdown(self, reason: str) -> None:
        """Ask for a graceful stop; return at once."""
        ...

    def kill(self, by: str, reason: str) -> None:
        """Cancel every order, close every position and stop; return at once."""
        ...

    async def settle(self, claim: Claim) -> Order:
        """Take a person's word for what became of an unresolved order; return it as it is then.

        Raises
        ------
        ConfigError
            If there is no such order, or the figures can't be true of it.
        GateClosed
            If its venue says otherwise.
        """
        ...

    def command(self, name: str, by: str, reason: str) -> None:
        """Pause, resume or flatten.

        Raises
        ------
        ConfigError
            If there is no such command, or everything is being closed anyway.
        """
        ...
