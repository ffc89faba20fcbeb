"""Remembers what the engine did, in the words of a backtest's result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.sandbox.result import ClosedTrade, FillRow, OrderRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.ledger.kinds import Decision
    from tutti.model.instrument import InstrumentId
    from tutti.model.order import (
        ApprovedOrder,
        Fill,
        FundingPaid,
        Order,
        OrderIntent,
        Reason,
        Refusal,
    )
    from tutti.portfolio.positions import ClosedTrade as PortfolioTrade

_FORCED = "liquidation"


class Recorder:
    """Collects orders, fills and refusals of a whole run.

    Parameters
    ----------
    columns : mapping of InstrumentId to int
    """

    def __init__(self, columns: Mapping[InstrumentId, int]) -> None:
        self.refusals: dict[str, int] = {}
        self._columns = columns
        self._closing: dict[tuple[InstrumentId, int], str] = {}
        self._orders: dict[str, tuple[Order, OrderIntent]] = {}
        self._fills: list[tuple[Fill, str]] = []

    def decided(
        self,
        decision: Decision,  # noqa: ARG002 - of the port
        answers: Sequence[ApprovedOrder | Refusal],
    ) -> None:
        """Count refusals by their rule."""
        for answer in answers:
            rule = getattr(answer, "rule", None)
            if rule is not None:
                self.refusals[rule] = self.refusals.get(rule, 0) + 1

    def order_changed(self, order: Order, intent: OrderIntent) -> None:
        """Keep the newest state of the order."""
        self._orders[order.id] = (order, intent)

    def filled(self, fill: Fill, intent: OrderIntent | None) -> None:
        """Keep the fill."""
        self.booked(fill, None if intent is None else intent.reason)

    def booked(self, fill: Fill, reason: Reason | None) -> None:
        """Keep a fill with the reason of its order; None for a forced close."""
        why = _FORCED if reason is None else str(reason)
        self._fills.append((fill, why))
        self._closing[fill.instrument, fill.ts] = why

    def funded(self, event: FundingPaid) -> None:
        """Leave it to the portfolio, which adds it up."""

    def trades(self, closed: Sequence[PortfolioTrade]) -> tuple[ClosedTrade, ...]:
        """Return the portfolio's closed trades with the reason of the fill that closed each."""
        return tuple(
            ClosedTrade(
                instrument=self._columns[trade.instrument],
                opened_at=trade.opened_at,
                closed_at=trade.closed_at,
                side=trade.side.sign,
                quantity=trade.quantity,
                entry_price=trade.entry_price,
                exit_price=trade.exit_price,
                pnl=trade.profit,
                fees=trade.fees,
                reason=self._closing[trade.instrument, trade.closed_at],
            )
            for trade in closed
        )

    def orders(self) -> tuple[OrderRow, ...]:
        """Return all orders as they ended, in the order in which they were made."""
        return tuple(
            OrderRow(
                order_id=order.id,
                ts=order.created_at,
                instrument=self._columns[order.instrument],
                side=order.side.sign,
                quantity=order.quantity,
                type=str(order.type),
                price=order.price,
                status=str(order.status),
                filled=order.filled,
                average_price=order.average_price,
                reason=str(intent.reason),
                lead=intent.lead,
            )
            for order, intent in self._orders.values()
        )

    def fills(self) -> tuple[FillRow, ...]:
        """Return all fills, oldest first."""
        return tuple(
            FillRow(
                ts=fill.ts,
                instrument=self._columns[fill.instrument],
                side=fill.side.sign,
                quantity=fill.quantity,
                price=fill.price,
                fee=fill.fee,
                is_maker=fill.is_maker,
                slippage_bps=fill.slippage_bps,
                order_id=fill.order_id,
                reason=why,
            )
            for fill, why in self._fills
        )
