"""Every order that clients of a fake exchange placed, and every execution: by id, and by whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.testing.exchanges.values import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tutti.testing.exchanges.values import Fill, Listing, Order


class OrderRegister:
    """Orders and executions, oldest first.

    Parameters
    ----------
    accounts : iterable of str
        Names of those that trade.

    Attributes
    ----------
    orders : dict of int to Order
        By id.
    fills : list of Fill
    """

    def __init__(self, accounts: Iterable[str]) -> None:
        names = list(accounts)
        self.orders: dict[int, Order] = {}
        self.fills: list[Fill] = []
        self._by_client_id: dict[tuple[str, str], Order] = {}
        self._of_account: dict[str, list[Order]] = {each: [] for each in names}
        self._fills_of: dict[str, list[Fill]] = {each: [] for each in names}
        self._open: dict[str, dict[int, Order]] = {each: {} for each in names}

    def keep(self, order: Order) -> None:
        """Take down a new order; under its client order id it takes the place of an older one."""
        self.orders[order.id] = order
        self._of_account[order.account].append(order)
        self._open[order.account][order.id] = order
        if order.client_id:
            self._by_client_id[order.account, order.client_id] = order

    def note(self, fill: Fill) -> None:
        """Take down an execution."""
        self.fills.append(fill)
        self._fills_of[fill.order.account].append(fill)

    def close(self, order: Order) -> None:
        """Count an order as open no more."""
        self._open[order.account].pop(order.id, None)

    def with_client_id(self, account: str, client_id: str) -> Order | None:
        """Return the newest order that an account gave this id; None where there is none."""
        return self._by_client_id.get((account, client_id))

    def find(self, account: str, order_id: int | None, client_id: str | None) -> Order:
        """Return an account's order by either id.

        Raises
        ------
        Refused
            If the account has no such order.
        """
        order = None
        if order_id is not None:
            order = self.orders.get(order_id)
        elif client_id is not None:
            order = self.with_client_id(account, client_id)
        if order is None or order.account != account:
            raise Refused(Reason.UNKNOWN_ORDER, f"{order_id or client_id}")
        return order

    def orders_of(self, account: str, listing: Listing | None) -> list[Order]:
        """Return all orders of an account, of one listing or of all."""
        placed = self._of_account[account]
        return [each for each in placed if listing is None or each.listing is listing]

    def open_orders(self, account: str, listing: Listing | None) -> list[Order]:
        """Return an account's open and waiting orders, of one listing or of all."""
        placed = self._open[account].values()
        return [each for each in placed if listing is None or each.listing is listing]

    def fills_of(self, account: str, listing: Listing | None) -> list[Fill]:
        """Return an account's executions, of one listing or of all."""
        fills = self._fills_of[account]
        return [each for each in fills if listing is None or each.order.listing is listing]
