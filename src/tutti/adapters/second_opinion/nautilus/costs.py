"""What the orders of a replay fill at, how much of them, and their fees."""

# NautilusTrader's classes are compiled, so that types see nothing of them
# mypy: disallow-subclassing-any=False

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nautilus_trader.backtest.models import FillModel, MakerTakerFeeModel
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder
from nautilus_trader.model.enums import BookType, LiquiditySide, OrderSide, OrderType
from nautilus_trader.model.objects import Money

from .tape import OPEN

if TYPE_CHECKING:
    from .orders import Orders, Pending
    from .tape import Quoted, Tape


class Costs(FillModel):
    """Fill model of the run: the book that an order meets holds what its bar can fill, at cost."""

    def __init__(
        self, tape: Tape, instruments: list[Any], orders: Orders, *, through: bool
    ) -> None:
        super().__init__(prob_fill_on_limit=0.0 if through else 1.0)
        self.tape = tape
        self.instruments = instruments
        self.orders = orders

    def get_orderbook_for_fill_simulation(
        self,
        instrument: Any,
        order: Any,
        best_bid: Any,  # noqa: ARG002 - bid and ask are the bar's price, known to the tape
        best_ask: Any,  # noqa: ARG002
    ) -> OrderBook:
        """Return the one level that the order can take."""
        pending = self.orders.of(order)
        column, tape = pending.column, self.tape
        step = Decimal(tape.terms[column]["price_step"])
        lots = tape.lots_of(order.leaves_qty.as_decimal(), column)
        book = OrderBook(instrument_id=instrument.id, book_type=BookType.L2_MBP)
        if pending.forced is None:
            lots = min(lots, tape.room(column))
        if lots <= 0:
            return book
        price, quoted = self._price(pending, order, lots, step)
        self.orders.quoted[pending.id] = quoted
        terms = self.instruments[column]
        size = terms.make_qty(lots * Decimal(tape.terms[column]["quantity_step"]))
        side = OrderSide.SELL if pending.side > 0 else OrderSide.BUY
        book.add(BookOrder(side, terms.make_price(price), size, 1), 0, 0)
        return book

    def _price(
        self, pending: Pending, order: Any, lots: int, step: Decimal
    ) -> tuple[Decimal, Quoted | None]:
        column, side = pending.column, pending.side
        if pending.forced is not None:
            return pending.forced, None
        if order.order_type == OrderType.LIMIT and order.liquidity_side == LiquiditySide.MAKER:
            return Decimal(str(pending.limit)), None
        price = self.tape.at(column)[OPEN]
        if order.order_type == OrderType.STOP_MARKET:
            trigger = float(pending.limit or 0)
            price = max(price, trigger) if side > 0 else min(price, trigger)
        quoted = self.tape.taker(column, side, price, lots)
        paid = quoted.ticks * step
        if order.order_type == OrderType.LIMIT and pending.limit is not None:
            paid = min(paid, pending.limit) if side > 0 else max(paid, pending.limit)
        return paid, quoted


class Fees(MakerTakerFeeModel):
    """Maker and taker fees of the instrument; a forced close pays its own on top."""

    def __init__(self, tape: Tape, orders: Orders) -> None:
        super().__init__()
        self.tape = tape
        self.orders = orders

    def get_commission(self, order: Any, fill_qty: Any, fill_px: Any, instrument: Any) -> Money:
        """Return the fee of a fill."""
        paid = super().get_commission(order, fill_qty, fill_px, instrument)
        pending = self.orders.of(order)
        if pending.forced is None:
            return paid
        extra = Decimal(self.tape.terms[pending.column]["liquidation_fee"])
        notional = fill_qty.as_decimal() * fill_px.as_decimal()
        return Money(paid.as_decimal() + notional * extra, instrument.quote_currency)
