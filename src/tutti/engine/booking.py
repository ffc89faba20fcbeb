"""What venues did to the account: fills, funding, liquidations, and what nobody ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.execution.lifecycle import fill_of, forced_fill_of
from tutti.kernel.jit import bound
from tutti.model.arrays import FUNDING_RECEIVED
from tutti.model.order import Side
from tutti.portfolio.accounting import apply_fill, pay_funding

if TYPE_CHECKING:
    from decimal import Decimal

    from tutti.engine.routing import Router
    from tutti.engine.run import Account, Counts, EngineListener, Setup
    from tutti.ledger.journal import Journal
    from tutti.ledger.kinds import Adopted
    from tutti.model.market import FloatArray
    from tutti.model.order import FundingPaid, Liquidated, Order, OrderFilled, OrderIntent


class Booking:
    """Books in decimals, in the arrays of the kernels and on the ledger, the same in all three.

    Parameters
    ----------
    setup : Setup
    account : Account
    journal : Journal
    counts : Counts
        Fills are counted there.
    listener : EngineListener
    router : Router or None
        None where nothing is routed.
    """

    def __init__(
        self,
        setup: Setup,
        account: Account,
        journal: Journal,
        counts: Counts,
        listener: EngineListener,
        router: Router | None,
    ) -> None:
        self.columns = {each.id: i for i, each in enumerate(setup.instruments)}
        self.steps: list[Decimal] = [each.quantity_step for each in setup.instruments]
        self._setup = setup
        self._account = account
        self._journal = journal
        self._counts = counts
        self._listener = listener
        self._router = router
        self._names = [str(each.id) for each in setup.instruments]
        self._apply_fill = bound(apply_fill, account.book, setup.terms, 0, 0, 0.0, 0.0, 0, 0)

    def column(self, i: int) -> int:
        """Return the column that what is held in column ``i`` counts to: another one for a leg."""
        return i if self._router is None else int(self._router.columns[i])

    def fill(self, order: Order, event: OrderFilled, intent: OrderIntent, i: int, lead: int) -> int:
        """Book a fill in column ``i``; return its signed lots.

        One that is no whole number of lots counts as what it adds to the whole lots held.
        """
        fill = fill_of(order, event, intent.reference_price)
        position = self._account.portfolio.apply(fill, intent.lead)
        step, held = self.steps[i], position.quantity
        before = held - event.quantity if order.side is Side.BUY else held + event.quantity
        lots = int(held / step) - int(before / step)
        self._apply_fill(
            self._account.book, self._setup.terms, i, lots, float(event.price), float(event.fee),
            event.ts, lead,
        )  # fmt: skip
        self._counts.fills += 1
        self._journal.append("fill", event.ts, fill, order.id)
        name = str(order.instrument) if order.parent else self._names[i]
        self._journal.append("position", event.ts, position, name)
        self._listener.filled(fill, intent)
        return lots

    def fund(self, event: FundingPaid, closes: FloatArray | None) -> None:
        """Book a funding payment.

        The arrays value what is held at ``closes``, or else the marks; where no rate is told, or
        what is held at one venue is a part of a position, they take the amount.
        """
        i = self.columns[event.instrument]
        book = self._account.book
        self._account.portfolio.fund(event)
        if not event.rate or (self._router is not None and i in self._router.legs):
            self._receive(event, i)
        else:
            price = book.mark[i]
            if closes is not None and not np.isnan(closes[i]):
                price = closes[i]
            pay_funding(book, self._setup.terms, i, event.rate, float(price))
        self._journal.append("funding", event.ts, event, str(event.instrument))
        self._listener.funded(event)

    def _receive(self, event: FundingPaid, i: int) -> None:
        book, amount = self._account.book, float(event.amount)
        book.cash[self._setup.terms.venue[i]] += amount
        book.account[FUNDING_RECEIVED] += amount
        lead = book.lead[self.column(i)]
        if lead >= 0:
            book.agent_day[lead] += amount

    def liquidated(self, event: Liquidated) -> None:
        """Book a forced close."""
        i = self.column(self.columns[event.instrument])
        position = self._account.portfolio.liquidated(event)
        lots = int(event.quantity / self.steps[i]) * event.side.sign
        self._apply_fill(
            self._account.book, self._setup.terms, i, lots, float(event.price), float(event.fee),
            event.ts, -1,
        )  # fmt: skip
        self._counts.fills += 1
        self._journal.append("liquidation", event.ts, event, str(event.instrument))
        self._journal.append("position", event.ts, position, str(event.instrument))
        self._listener.filled(forced_fill_of(event), None)

    def adopt(self, adopted: Adopted) -> None:
        """Book a position that no order explains."""
        instrument, ts = adopted.instrument, adopted.ts
        i = self.column(self.columns[instrument])
        position = self._account.portfolio.adopt(
            instrument, adopted.quantity, adopted.price, ts, self._setup.policy_name
        )
        lots = int(adopted.quantity / self.steps[i])
        self._apply_fill(
            self._account.book, self._setup.terms, i, lots, float(adopted.price), 0.0, ts, -1
        )
        self._journal.append("adopted", ts, adopted, str(instrument))
        self._journal.append("position", ts, position, str(instrument))
