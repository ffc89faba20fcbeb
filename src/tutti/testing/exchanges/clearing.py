"""What executions and funding do to the accounts of a fake exchange: money, positions, fees, holds."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.testing.exchanges.accounts import Payment
from tutti.testing.exchanges.values import ZERO, Fill, Side

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.values import Listing, Order

_FEE_STEP = Decimal("0.00000001")


class Clearing:
    """Settles what was traded, on the accounts of those that traded it.

    Parameters
    ----------
    accounts : mapping of str to Account
        By name.
    next_id : callable
        Returns an id that was never used.
    now : callable
        Returns the exchange's time, ns UTC.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        next_id: Callable[[], int],
        now: Callable[[], int],
    ) -> None:
        self._accounts = accounts
        self._next_id = next_id
        self._now = now

    def execute(self, order: Order, price: Decimal, part: Decimal, *, is_maker: bool) -> Fill:
        """Book a part of an order as executed, and return the execution."""
        listing, account = order.listing, self._accounts[order.account]
        order.filled += part
        order.cost += part * price
        order.updated_at = self._now()
        rate = listing.maker_fee if is_maker else listing.taker_fee
        rate += order.request.extra_fee
        pnl = ZERO
        if listing.is_perpetual:
            currency = listing.settle
            fee = (part * price * rate).quantize(_FEE_STEP)
            position = account.position(listing)
            position.updated_at = order.updated_at
            pnl = position.apply(part * order.side.sign, price)
            account.margin[currency] = account.margin.get(currency, ZERO) + pnl - fee
        else:
            fee, currency = self._settle(account, order, price, part, rate)
        fill = Fill(
            id=self._next_id(),
            order=order,
            price=price,
            quantity=part,
            fee=fee,
            fee_currency=currency,
            is_maker=is_maker,
            ts=order.updated_at,
            pnl=pnl,
        )
        order.fills.append(fill)
        return fill

    def executable(self, order: Order) -> Decimal:
        """Return how much of an order can be executed: of one that only reduces, what it can close."""
        if not order.request.is_reduce_only:
            return order.left
        held = self._accounts[order.account].reducible(order.listing, order.side)
        return min(order.left, held)

    def fund(self, listing: Listing, rate: Decimal, mark: Decimal) -> None:
        """Let those that hold a perpetual pay ``rate`` of its worth to those that are short of it."""
        for account in self._accounts.values():
            held = account.position(listing).quantity
            if not held:
                continue
            amount = -(held * mark * rate).quantize(_FEE_STEP)
            account.margin[listing.settle] = account.margin.get(listing.settle, ZERO) + amount
            account.funding.append(
                Payment(
                    id=self._next_id(), listing=listing, rate=rate, quantity=held, amount=amount,
                    ts=self._now(),
                )
            )  # fmt: skip

    def pays(self, order: Order) -> str:
        """Return the currency that a spot order is paid in."""
        return order.listing.quote if order.side is Side.BUY else order.listing.base

    def hold(self, order: Order, amount: Decimal) -> None:
        """Set money aside for a spot order; a perpetual's margin is reckoned anew each time."""
        if not order.listing.is_perpetual:
            order.held = amount
            self._accounts[order.account].hold(self.pays(order), amount)

    def release(self, order: Order) -> None:
        """Give back what is still set aside for an order."""
        if order.held:
            self._accounts[order.account].hold(self.pays(order), -order.held)
            order.held = ZERO

    def _settle(
        self, account: Account, order: Order, price: Decimal, part: Decimal, rate: Decimal
    ) -> tuple[Decimal, str]:
        listing = order.listing
        worth = part * price
        buys = order.side is Side.BUY
        # what was held for this part is given back with it
        portion = part if not buys else worth
        if buys and order.price is not None:
            portion = part * order.price
            if not listing.is_fee_in_received:
                portion *= 1 + listing.taker_fee
        portion = min(order.held, portion)
        account.hold(self.pays(order), -portion)
        order.held -= portion
        if buys and listing.is_fee_in_received:
            fee, currency = part * rate, listing.base
        else:
            fee, currency = worth * rate, listing.quote
        fee = fee.quantize(_FEE_STEP)
        account.credit(listing.quote, -worth if buys else worth)
        account.credit(listing.base, part if buys else -part)
        account.credit(currency, -fee)
        return fee, currency
