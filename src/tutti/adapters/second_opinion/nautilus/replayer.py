"""Sends a run's orders to NautilusTrader and notes what becomes of them and the account."""

# NautilusTrader's classes are compiled, so that types see nothing of them
# mypy: disallow-subclassing-any=False

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from nautilus_trader.model.enums import BookType, LiquiditySide, OrderSide, TimeInForce
from nautilus_trader.model.identifiers import ClientOrderId
from nautilus_trader.model.objects import Money
from nautilus_trader.trading.strategy import Strategy

from .orders import Orders, Pending
from .tape import CLOSE, NEVER, OPEN

if TYPE_CHECKING:
    from .clockwork import Clockwork
    from .tape import Tape


class Replayer(Strategy):
    """Sends the run's orders when they were due, works what is left of them, and notes the fills."""

    def __init__(self, tape: Tape, instruments: list[Any]) -> None:
        super().__init__()
        self.tape = tape
        self.instruments = instruments
        self.columns = {each.id: column for column, each in enumerate(instruments)}
        self.orders = Orders()
        self.fills: list[list[Any]] = []
        self.refused: list[list[str]] = []
        self.mapped = {"half_spread": 0.0, "impact": 0.0}
        self.funding = 0.0
        self.clockworks: dict[str, Clockwork] = {}
        self._waiting: list[list[Pending]] = [[] for _ in instruments]
        self._working: list[list[Pending]] = [[] for _ in instruments]
        for row in reversed(tape.request["orders"]):
            self._waiting[row["instrument"]].append(Pending(row))
        self._tick = 0
        self._dirty = True
        self.states: list[tuple[int, list[float], list[float], list[float]]] = []

    # ---- what the market does ----

    def on_start(self) -> None:
        """Hear of every state of every market."""
        for each in self.instruments:
            self.subscribe_order_book_deltas(each.id, BookType.L2_MBP, managed=False)

    def on_order_book_deltas(self, deltas: Any) -> None:
        """Send what is due with an open, end what is over with a close.

        What rested has met the state already; what is sent now meets it next.
        """
        column = self.columns[deltas.instrument_id]
        if self._working[column] or self._waiting[column]:
            phase = self.tape.phase[column]
            if phase == OPEN:
                self._open(column, deltas.ts_init)
            elif phase == CLOSE:
                self._close(column)

    def _open(self, column: int, ts: int) -> None:
        waiting, working = self._waiting[column], self._working[column]
        while waiting and waiting[-1].arrival <= ts and waiting[-1].forced is None:
            working.append(waiting.pop())
        room = self.tape.room(column)
        for pending in list(working):
            if pending.worked is None:
                # orders that are sent together are matched one after the other
                takes = min(pending.left, room) if self._takes(pending) else 0
                if takes > 0 or pending.type != "market":
                    self._send(pending, takes if pending.type == "market" else pending.left)
                room -= takes

    def _takes(self, pending: Pending) -> bool:
        # whether it meets the open, rather than rest
        if pending.type == "market" or pending.limit is None:
            return True
        ahead = pending.side * (float(pending.limit) - self.tape.at(pending.column)[OPEN])
        near = 1e-9 * float(pending.limit)
        return ahead >= -near if pending.type == "limit" else ahead <= near

    def _close(self, column: int) -> None:
        # nothing happens any more before the next bar opens
        row = self.tape.row[column]
        later = np.flatnonzero(~np.isnan(self.tape.bars[OPEN][row + 1 :, column]))
        until = int(self.tape.ts[row + 1 + later[0]]) if len(later) else NEVER - 1
        ts = int(self.tape.ts[row])
        waiting = self._waiting[column]
        while waiting and waiting[-1].forced is not None and waiting[-1].arrival <= ts:
            forced = waiting.pop()
            self._working[column].append(forced)
            self._send(forced, forced.left)
        for pending in list(self._working[column]):
            if pending.cancel_at <= until:
                self._working[column].remove(pending)
                if pending.worked is not None and pending.worked.is_open:
                    self.cancel_order(pending.worked)

    def _send(self, pending: Pending, lots: int) -> None:
        column, instrument = pending.column, self.instruments[pending.column]
        pending.parts += 1
        name = ClientOrderId(f"{pending.id}-{pending.parts}")
        self.orders.known[name.value] = pending
        side = OrderSide.BUY if pending.side > 0 else OrderSide.SELL
        step = Decimal(self.tape.terms[column]["quantity_step"])
        size = instrument.make_qty(lots * step)
        if pending.type == "market":
            order = self.order_factory.market(
                instrument.id, side, size, TimeInForce.IOC, client_order_id=name
            )
        elif pending.type == "limit":
            order = self.order_factory.limit(
                instrument.id,
                side,
                size,
                instrument.make_price(pending.limit),
                client_order_id=name,
            )
        else:
            order = self.order_factory.stop_market(
                instrument.id,
                side,
                size,
                instrument.make_price(pending.limit),
                client_order_id=name,
            )
        pending.worked = order
        self.submit_order(order)

    # ---- what becomes of orders ----

    def on_order_filled(self, event: Any) -> None:
        """Note the fill, and see to what is left of the order."""
        pending = self.orders.of(event)
        column = pending.column
        lots = self.tape.lots_of(event.last_qty.as_decimal(), column)
        pending.left -= lots
        self._dirty = True
        if pending.forced is None:
            self.tape.use(column, lots)
        quoted = self.orders.quoted.pop(pending.id, None)
        if quoted is not None:
            size = float(event.last_qty.as_decimal())
            self.mapped["half_spread"] += size * quoted.spread
            self.mapped["impact"] += size * quoted.impact
        self.fills.append(
            [
                pending.id,
                column,
                self.tape.row[column],
                pending.side if event.order_side == _side(pending.side) else -pending.side,
                lots,
                str(event.last_px.as_decimal()),
                str(event.commission.as_decimal()),
                event.liquidity_side == LiquiditySide.MAKER,
                pending.forced is not None,
            ]
        )
        if pending.left <= 0:
            if pending in self._working[column]:
                self._working[column].remove(pending)
        elif pending.type == "stop":
            # triggered: what is left goes to the market
            pending.type = "market"
            self.cancel_order(pending.worked)
            pending.worked = None
        elif pending.type == "market":
            pending.worked = None

    def on_order_rejected(self, event: Any) -> None:
        """Note that the venue refused."""
        self._refused(event)

    def on_order_denied(self, event: Any) -> None:
        """Note that the engine refused."""
        self._refused(event)

    def _refused(self, event: Any) -> None:
        pending = self.orders.of(event)
        self.refused.append([pending.id, event.reason])
        if pending in self._working[pending.column]:
            self._working[pending.column].remove(pending)

    # ---- the account ----

    def end_ticks(self, ts: int) -> None:
        """Pay the funding of every tick that ended by ``ts``, and note the account after each."""
        tape = self.tape
        while self._tick < len(tape.ts) and int(tape.ts[self._tick]) + tape.step <= ts:
            self._fund(self._tick)
            if self._dirty:
                self._note(self._tick)
            self._tick += 1

    def _fund(self, row: int) -> None:
        for column in np.flatnonzero(self.tape.funding[row]).tolist():
            instrument, terms = self.instruments[column], self.tape.terms[column]
            held = float(self.portfolio.net_position(instrument.id))
            if terms["kind"] != "perpetual" or not held:
                continue
            mark = float(self.tape.bars[CLOSE][row, column])
            back = row
            while math.isnan(mark):
                back -= 1
                mark = float(self.tape.bars[CLOSE][back, column])
            paid = Money(-held * mark * float(self.tape.funding[row, column]),
                         instrument.quote_currency)  # fmt: skip
            self.clockworks[terms["venue"]].exchange.adjust_account(paid)
            self.funding += paid.as_double()
            self._dirty = True

    def _note(self, row: int) -> None:
        quote = self.instruments[0].quote_currency
        cash, held, entry = [], [0.0] * len(self.instruments), [0.0] * len(self.instruments)
        for name, clockwork in self.clockworks.items():
            account = clockwork.exchange.get_account()
            cash.append(float(account.balance_total(quote).as_decimal()))
            if not account.is_margin_account:
                for column, each in enumerate(self.instruments):
                    if self.tape.terms[column]["venue"] == name:
                        total = account.balance_total(each.base_currency)
                        held[column] = float(total.as_decimal()) if total is not None else 0.0
        for position in self.cache.positions_open():
            column = self.columns[position.instrument_id]
            if self.tape.terms[column]["account"] == "margin":
                held[column] = position.signed_qty
                entry[column] = position.avg_px_open
        self.states.append((row, cash, held, entry))
        self._dirty = False


def _side(sign: int) -> OrderSide:
    return OrderSide.BUY if sign > 0 else OrderSide.SELL
