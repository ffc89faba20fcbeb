"""Replay orders on NautilusTrader: a program of its own, run as ``python nautilus.py FOLDER``.

It imports nothing of Tutti, so that any Python with NautilusTrader can run it, and reads what it
needs from the folder: ``request.json`` (contract terms, costs, orders, never fills) and
``market.npz`` (bars). It leaves ``reply.json`` and ``reply.npz``.

NautilusTrader matches the orders, charges them, keeps positions and balances. Each bar is put to it
as four states of the order book, open, high, low, close, as it does with bars itself, but apart in
time: an order can then arrive with the open, where its own decomposition only lets it arrive after
the close. What it has no model of is given to it by its own means: taker costs and the limit on
volume as a fill model, funding as adjustments of the account, forced closes as orders.
"""

# NautilusTrader's classes are compiled, so that types see nothing of them
# mypy: disallow-subclassing-any=False

from __future__ import annotations

import itertools
import json
import math
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from nautilus_trader import __version__
from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FillModel, MakerTakerFeeModel
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import (
    AccountType,
    BookAction,
    BookType,
    CurrencyType,
    LiquiditySide,
    OmsType,
    OrderSide,
    OrderType,
    TimeInForce,
)
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair
from nautilus_trader.model.objects import FIXED_PRECISION, Currency, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

OPEN, HIGH, LOW, CLOSE = range(4)
_PHASES = 4
_STATES_AT_ONCE = 200_000
_LAST = 128  # flag of the last change of a book that belong together
_PARKINSON = 1.0 / (2.0 * math.sqrt(math.log(2.0)))
_NEVER = 2**63 - 1


class Pending:
    """One order of the run, and what is left of it."""

    __slots__ = ("arrival", "cancel_at", "column", "forced", "id", "left", "limit", "lots", "parts",
                 "side", "type", "worked")  # fmt: skip

    def __init__(self, row: dict[str, Any]) -> None:
        self.id: str = row["id"]
        self.column: int = row["instrument"]
        self.side: int = row["side"]
        self.lots: int = row["lots"]
        self.type: str = row["type"]
        self.limit = None if row["price"] is None else Decimal(row["price"])
        self.arrival: int = row["arrival"]
        self.cancel_at: int = row["cancel_at"] or _NEVER
        self.forced = Decimal(row["forced_price"]) if row["forced_price"] else None
        self.left = self.lots
        self.parts = 0
        self.worked: Any = None


class Quoted(NamedTuple):
    """Price of a fill before it happens, and what of it is spread and impact (per unit)."""

    ticks: int
    spread: float
    impact: float


class Tape:
    """The market, and where in it the replay stands."""

    def __init__(self, request: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self.request = request
        self.step: int = request["step"]
        self.ts = arrays["ts"]
        self.bars = [arrays[name] for name in ("open", "high", "low", "close")]
        self.volume = arrays["volume"]
        self.funding = arrays["funding"]
        self.terms: list[dict[str, Any]] = request["instruments"]
        self.ticks = [float(each["price_step"]) for each in self.terms]
        self.lots = [float(each["quantity_step"]) for each in self.terms]
        self.row = [0] * len(self.terms)
        self.phase = [CLOSE] * len(self.terms)
        self._used: dict[tuple[int, int], int] = {}

    def at(self, column: int) -> tuple[float, float, float, float]:
        """Return open, high, low and close of the bar that the replay stands in."""
        row = self.row[column]
        o, h, low, c = (float(side[row, column]) for side in self.bars)
        return o, h, low, c

    def room(self, column: int) -> int:
        """Return how many lots the bar can still fill; decision 0003, row "how much"."""
        share = float(self.terms[column]["participation"])
        if share <= 0.0:
            return _NEVER
        row = self.row[column]
        volume = float(self.volume[row, column])
        if not volume > 0.0:
            return 0
        lots = share * volume / self.lots[column]
        most = max(1, math.floor(lots + _slack(lots)))
        return most - self._used.get((column, row), 0)

    def use(self, column: int, lots: int) -> None:
        """Take what was filled off the room that the bar has."""
        key = column, self.row[column]
        self._used[key] = self._used.get(key, 0) + lots

    def taker(self, column: int, side: int, price: float, lots: int) -> Quoted:
        """Return what taking costs; decision 0003, rows "market order", "impact", "rounding"."""
        terms, row = self.terms[column], self.row[column]
        spread = float(terms["half_spread_bps"]) * 1e-4
        impact = 0.0
        _, high, low, _ = self.at(column)
        if high > low:
            volume = float(self.volume[row, column])
            share = lots * self.lots[column] / volume if volume > 0.0 else 1.0
            sigma = math.log(high / low) * _PARKINSON
            impact = float(terms["impact_coefficient"]) * sigma * math.sqrt(share)
        exact = price * (1.0 + side * (spread + impact)) / self.ticks[column]
        slack = _slack(exact)
        ticks = math.ceil(exact - slack) if side > 0 else math.floor(exact + slack)
        return Quoted(max(ticks, 1), spread * price, impact * price)


def _slack(steps: float) -> float:
    return 1e-9 + 1e-12 * abs(steps)


class Costs(FillModel):
    """Fill model of the run: the book that an order meets holds what its bar can fill, at cost."""

    def __init__(self, tape: Tape, replay: Replayer, *, through: bool) -> None:
        super().__init__(prob_fill_on_limit=0.0 if through else 1.0)
        self.tape = tape
        self.replay = replay

    def get_orderbook_for_fill_simulation(
        self,
        instrument: Any,
        order: Any,
        best_bid: Any,  # noqa: ARG002 - bid and ask are the bar's price, known to the tape
        best_ask: Any,  # noqa: ARG002
    ) -> OrderBook:
        """Return the one level that the order can take."""
        pending = self.replay.known[order.client_order_id.value]
        column, tape = pending.column, self.tape
        step = Decimal(tape.terms[column]["price_step"])
        lots = self.replay.lots_of(order.leaves_qty.as_decimal(), column)
        book = OrderBook(instrument_id=instrument.id, book_type=BookType.L2_MBP)
        if pending.forced is None:
            lots = min(lots, tape.room(column))
        if lots <= 0:
            return book
        price, quoted = self._price(pending, order, lots, step)
        self.replay.quoted[pending.id] = quoted
        terms = self.replay.instruments[column]
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

    def __init__(self, replay: Replayer) -> None:
        super().__init__()
        self.replay = replay

    def get_commission(self, order: Any, fill_qty: Any, fill_px: Any, instrument: Any) -> Money:
        """Return the fee of a fill."""
        paid = super().get_commission(order, fill_qty, fill_px, instrument)
        pending = self.replay.known[order.client_order_id.value]
        if pending.forced is None:
            return paid
        extra = Decimal(self.replay.tape.terms[pending.column]["liquidation_fee"])
        notional = fill_qty.as_decimal() * fill_px.as_decimal()
        return Money(paid.as_decimal() + notional * extra, instrument.quote_currency)


class ModuleConfig(SimulationModuleConfig, frozen=True):
    """Nothing to configure."""


class Clockwork(SimulationModule):
    """Before each state of a market: says where the tape stands, and ends the ticks that are over."""

    def __init__(self, replay: Replayer) -> None:
        super().__init__(ModuleConfig())
        self.replay = replay

    def pre_process(self, data: Any) -> None:
        """Move the tape to a state of a market."""
        self.replay.end_ticks(data.ts_init)
        row, phase = divmod(data.sequence, _PHASES)
        column = self.replay.columns[data.instrument_id]
        self.replay.tape.row[column] = row
        self.replay.tape.phase[column] = phase

    def process(self, ts_now: int) -> None:
        """Do nothing: all is done before the state."""

    def reset(self) -> None:
        """Do nothing: there is no second run."""

    def log_diagnostics(self, logger: Any) -> None:
        """Log nothing."""


class Replayer(Strategy):
    """Sends the run's orders when they were due, works what is left of them, and notes the fills."""

    def __init__(self, tape: Tape, instruments: list[Any]) -> None:
        super().__init__()
        self.tape = tape
        self.instruments = instruments
        self.columns = {each.id: column for column, each in enumerate(instruments)}
        self.known: dict[str, Pending] = {}
        self.quoted: dict[str, Quoted | None] = {}
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
        until = int(self.tape.ts[row + 1 + later[0]]) if len(later) else _NEVER - 1
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
        self.known[name.value] = pending
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
        pending = self.known[event.client_order_id.value]
        column = pending.column
        lots = self.lots_of(event.last_qty.as_decimal(), column)
        pending.left -= lots
        self._dirty = True
        if pending.forced is None:
            self.tape.use(column, lots)
        quoted = self.quoted.pop(pending.id, None)
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
        pending = self.known[event.client_order_id.value]
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

    def lots_of(self, quantity: Decimal, column: int) -> int:
        """Return a quantity in whole lots."""
        return round(quantity / Decimal(self.tape.terms[column]["quantity_step"]))


def _side(sign: int) -> OrderSide:
    return OrderSide.BUY if sign > 0 else OrderSide.SELL


# ---- putting it together ----


def _decimals(values: np.ndarray, least: int) -> int:
    # as many as the recorded prices need, so that none is moved
    known = values[np.isfinite(values)]
    most = min(int(FIXED_PRECISION), 14)
    for count in range(least, most):
        if (np.abs(np.round(known, count) - known) <= 1e-12 * known).all():
            return count
    return max(least, most)


def _instrument(terms: dict[str, Any], column: int, tape: Tape) -> Any:
    quote = _currency(tape.request["quote_currency"], 8)
    size_decimals = _places(terms["quantity_step"])
    prices = np.stack([side[:, column] for side in tape.bars])
    decimals = _decimals(prices, _places(terms["price_step"]))
    venue = Venue(terms["venue"])
    values: dict[str, Any] = {
        "instrument_id": InstrumentId(Symbol(f"I{column}"), venue),
        "raw_symbol": Symbol(terms["symbol"]),
        # one of its own, or holdings of two markets in one coin would be one balance
        "base_currency": _currency(f"B{column}", max(size_decimals, 8)),
        "quote_currency": quote,
        "price_precision": decimals,
        "size_precision": size_decimals,
        "price_increment": Price(10.0**-decimals, decimals),
        "size_increment": Quantity.from_str(f"{Decimal(terms['quantity_step']):f}"),
        "lot_size": None,
        "margin_init": Decimal(1) / Decimal(terms["max_leverage"]),
        "margin_maint": Decimal(terms["maintenance_margin"]),
        "maker_fee": Decimal(terms["maker_fee"]),
        "taker_fee": Decimal(terms["taker_fee"]),
        "ts_event": 0,
        "ts_init": 0,
    }
    if terms["kind"] == "perpetual":
        del values["lot_size"]
        return CryptoPerpetual(settlement_currency=quote, is_inverse=False, **values)
    return CurrencyPair(**values)


def _places(step: str) -> int:
    exponent = Decimal(step).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _currency(code: str, precision: int) -> Currency:
    known = Currency.from_internal_map(code)
    if known is not None and known.precision >= precision:
        return known
    # money in cents, as it keeps dollars and euros, would round every fee to one
    made = Currency(code, precision, 0, code, CurrencyType.CRYPTO)
    Currency.register(made, overwrite=True)
    return made


def _states(tape: Tape, instruments: list[Any], start: int, stop: int) -> list[OrderBookDeltas]:
    quarter = tape.step // _PHASES
    marks = np.array([0, quarter, 2 * quarter, tape.step - 1])
    sizes = [each.make_qty(max(1.0, float(each.size_increment))) for each in instruments]
    found = []
    there = ~np.isnan(tape.bars[OPEN][start:stop])
    for row in range(start, stop):
        begin = int(tape.ts[row])
        columns = np.flatnonzero(there[row - start]).tolist()
        for phase in range(_PHASES):
            ts = begin + int(marks[phase])
            prices = tape.bars[phase][row]
            for column in columns:
                each = instruments[column]
                price = Price(prices[column], each.price_precision)
                found.append(_book(each.id, price, sizes[column], row * _PHASES + phase, ts))
    return found


def _book(name: Any, price: Any, size: Any, number: int, ts: int) -> OrderBookDeltas:
    # bid and ask both at the bar's price, as when NautilusTrader takes bars apart
    bid = BookOrder(OrderSide.BUY, price, size, 1)
    ask = BookOrder(OrderSide.SELL, price, size, 2)
    return OrderBookDeltas(
        name,
        [
            OrderBookDelta.clear(name, number, ts, ts),
            OrderBookDelta(name, BookAction.ADD, bid, 0, number, ts, ts),
            OrderBookDelta(name, BookAction.ADD, ask, _LAST, number, ts, ts),
        ],
    )


def replay(request: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return what NautilusTrader makes of the orders, as JSON values; equity as an array."""
    tape = Tape(request, arrays)
    instruments = [_instrument(terms, column, tape) for column, terms in enumerate(tape.terms)]
    replayer = Replayer(tape, instruments)
    quote = instruments[0].quote_currency
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            # the orders were reviewed by the run; what the account can bear is still checked
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    for venue in request["venues"]:
        is_margin = venue["account"] == "margin"
        clockwork = replayer.clockworks[venue["name"]] = Clockwork(replayer)
        engine.add_venue(
            venue=Venue(venue["name"]),
            oms_type=OmsType.NETTING,
            account_type=AccountType.MARGIN if is_margin else AccountType.CASH,
            starting_balances=[Money(Decimal(venue["starting_balance"]), quote)],
            default_leverage=Decimal(1),
            modules=[clockwork],
            fill_model=Costs(tape, replayer, through=venue["through"]),
            fee_model=Fees(replayer),
            book_type=BookType.L2_MBP,
            reject_stop_orders=False,
            allow_cash_borrowing=not is_margin,
        )
    for each in instruments:
        engine.add_instrument(each)
    engine.add_strategy(replayer)
    rows = len(tape.ts)
    # in parts: all states of a year of minutes would not fit into memory
    part = max(1, _STATES_AT_ONCE // (_PHASES * len(instruments)))
    for start in range(0, rows, part):
        engine.add_data(_states(tape, instruments, start, min(rows, start + part)))
        engine.run(streaming=True)
        engine.clear_data()
    engine.end()
    replayer.end_ticks(_NEVER)
    equity = _equity(tape, replayer)
    reply = {
        "engine": f"NautilusTrader {__version__}",
        "fills": replayer.fills,
        "refused": replayer.refused,
        "mapped": replayer.mapped,
        "funding": replayer.funding,
        "positions": {
            str(each.id): str(replayer.portfolio.net_position(each.id)) for each in instruments
        },
    }
    engine.dispose()
    return reply | {"equity": equity}


def _equity(tape: Tape, replayer: Replayer) -> np.ndarray:
    # between two changes of the account only the closes move
    rows = len(tape.ts)
    closes = tape.bars[CLOSE].copy()
    for row in range(1, rows):
        gone = np.isnan(closes[row])
        closes[row, gone] = closes[row - 1, gone]
    equity = np.empty(rows)
    states = [*replayer.states, (rows, [], [], [])]
    for (row, cash, held, entry), (until, *_) in itertools.pairwise(states):
        size = np.array(held)
        moved = np.where(size != 0.0, size * (closes[row:until] - np.array(entry)), 0.0)
        equity[row:until] = sum(cash) + moved.sum(axis=1)
    return equity


def main(folder: Path) -> None:
    """Read the request in ``folder`` and leave the reply there."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    with np.load(folder / "market.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    reply = replay(request, arrays)
    np.savez(folder / "reply.npz", equity=reply.pop("equity"))
    (folder / "reply.json").write_text(json.dumps(reply), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
