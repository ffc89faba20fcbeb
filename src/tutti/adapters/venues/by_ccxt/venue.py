"""A real exchange as the venue that execution asks for: nothing waits, nothing is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog

from tutti.adapters.venues.by_ccxt.account_guard import arm_switch, refuse_withdrawal
from tutti.adapters.venues.by_ccxt.client import ERRAND, Errand, Reach, open_client
from tutti.adapters.venues.by_ccxt.contracts import Contract, contract_of
from tutti.adapters.venues.by_ccxt.lanes import LANE, Lane, Lanes
from tutti.adapters.venues.by_ccxt.private_streams import PrivateStreams
from tutti.adapters.venues.by_ccxt.questions import Holdings, Questions
from tutti.adapters.venues.by_ccxt.reading import Tracked, events_of, report_of
from tutti.adapters.venues.by_ccxt.skew import measure_skew
from tutti.adapters.venues.by_ccxt.tasks import Tasks
from tutti.adapters.venues.by_ccxt.translate import (
    failed_order,
    failed_question,
    lineage,
    said,
    says_unknown,
)
from tutti.kernel.clock import SECOND
from tutti.kernel.retry import Backoff
from tutti.model.errors import (
    ConfigError,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Transient,
    VenueError,
)
from tutti.model.order import (
    OrderAccepted,
    OrderFilled,
    OrderRefused,
    OrderStatus,
    OrderType,
    OrderUnanswered,
    OrderUnsent,
    Side,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np

    from tutti.adapters.venues.by_ccxt.dialect import Dialect
    from tutti.adapters.venues.by_ccxt.fence import Fence
    from tutti.adapters.venues.by_ccxt.meter import Meter
    from tutti.execution.port import VenueOrderReport
    from tutti.kernel.clock import Clock
    from tutti.model.instrument import Instrument, InstrumentId
    from tutti.model.order import (
        ApprovedOrder,
        Order,
        OrderIntent,
        SubmissionEvent,
        VenueEvent,
    )

_log = structlog.stdlib.get_logger(__name__)

_FIRST_LOOKS_S = (0.25, 1.0, 2.0, 4.0)
_CHASE_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_CANCEL_ATTEMPTS = 6
_MOST_LOOKS = 20
_MOST_STRAYS = 1000
_SLIPPAGE = Decimal("0.01")
_UP_FOR_S = 30
_AFTER_FILLS_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a venue is asked.

    Parameters
    ----------
    orders_s : float
        Seconds between two looks at each order that works, streams or not.
    holdings_s : float
        Seconds between two looks at positions and balances.
    order_timeout_s : float
        How long an answer to an order is waited for.
    switch : bool
        Use the venue's dead man's switch.
    """

    orders_s: float = 5.0
    holdings_s: float = 15.0
    order_timeout_s: float = 10.0
    switch: bool = True


class CcxtVenue:
    """One exchange, through ccxt; implements :class:`~tutti.execution.port.AsyncVenue`.

    Parameters
    ----------
    dialect : Dialect
        What is special about it.
    reach : Reach
        Keys and addresses.
    instruments : sequence of Instrument
        What is traded there.
    clock : Clock
    random : Generator
        Jitter of pauses.
    fence : Fence
        The last check before an order leaves.
    meter : Meter
        Told how the venue does.
    lanes : Lanes
        Shared with whatever else asks this venue from this address.
    pace : Pace, optional
    wake : callable, optional
        Called when there is something new in ``events``.
    """

    def __init__(  # noqa: PLR0913 - the parts it joins
        self,
        dialect: Dialect,
        reach: Reach,
        instruments: Sequence[Instrument],
        *,
        clock: Clock,
        random: np.random.Generator,
        fence: Fence,
        meter: Meter,
        lanes: Lanes,
        pace: Pace | None = None,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self.name = dialect.venue
        self.is_authoritative = dialect.is_authoritative
        self.as_of = 0
        self._dialect = dialect
        self._reach = reach
        self._instruments = {each.id: each for each in instruments}
        self._clock = clock
        self._random = random
        self._fence = fence
        self._meter = meter
        self._lanes = lanes
        self._pace = pace or Pace()
        self._wake = wake or _nobody
        self._backoff = Backoff(first_s=0.25, longest_s=10.0, jitter=0.5)
        self._client: Any = None
        self._contracts: dict[InstrumentId, Contract] = {}
        self._questions: Questions | None = None
        self._tasks = Tasks(dialect.venue)
        self._orders: dict[str, Tracked] = {}
        self._by_venue_id: dict[str, str] = {}
        self._looks: dict[str, tuple[int, VenueOrderReport | None]] = {}
        self._holdings = Holdings(positions={}, balances={})
        self._events: list[Any] = []
        self._strays: list[Mapping[str, Any]] = []
        self._heard_at = 0
        self._stale = asyncio.Event()

    # ---- what execution asks ----

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        """Hand an order to a task of its own; what comes of it is an event.

        Raises
        ------
        OutcomeUnknown
            If it was submitted before, and may have arrived.
        """
        intent = order.intent
        known = self._orders.get(intent.id)
        if known is not None and not known.is_unsent:
            raise OutcomeUnknown(
                f"order {intent.id} was sent already: look it up, don't send it again",
                venue=self.name,
            )
        contract = self._contracts.get(intent.instrument)
        objection = self._objection(intent, contract, ts)
        if objection or contract is None:
            self._tell(OrderRefused(order_id=intent.id, ts=ts, detail=objection))
            return
        tracked = self._track(intent.id, contract, intent.side, intent.quantity, ts)
        tracked.is_unsent = False
        self._tasks.start(self._send(intent, tracked, self._clock.now()))

    def cancel(self, order_id: str, ts: int) -> None:
        """Hand the request to a task of its own; how the order ended is an event.

        Raises
        ------
        OrderRejected
            If the order has ended.
        Transient
            If the venue was not started, or this order is not known yet.
        """
        del ts
        tracked = self._orders.get(order_id)
        if tracked is None or self._client is None:
            raise Transient(f"order {order_id} is not known here yet", venue=self.name)
        if tracked.is_over:
            raise OrderRejected(f"can't cancel order {order_id}: it has ended", venue=self.name)
        self._tasks.start(self._cancel(tracked))

    def events(self) -> list[VenueEvent]:
        """Return what happened since the last call, oldest first, and forget it."""
        events, self._events = self._events, []
        return events

    def find(self, order_id: str) -> VenueOrderReport | None:
        """Return what the last look at an order found; None for nothing.

        Raises
        ------
        VenueError
            If nobody has looked since it was sent.
        """
        tracked, look = self._orders.get(order_id), self._looks.get(order_id)
        if look is None or (tracked is not None and look[0] < tracked.asked_at):
            raise VenueError(f"nobody has looked for order {order_id} yet", venue=self.name)
        return look[1]

    def positions(self) -> dict[InstrumentId, Decimal]:
        """Return what is held, signed base units, as of the last snapshot."""
        return dict(self._holdings.positions)

    def balances(self) -> dict[str, Decimal]:
        """Return the cash by currency, as of the last snapshot."""
        return dict(self._holdings.balances)

    def restore(
        self,
        positions: Mapping[InstrumentId, Decimal],
        cash: Decimal,
        orders: Iterable[Order] = (),
    ) -> None:
        """Take note of the orders that an earlier process may have left at the venue."""
        del positions, cash  # the venue knows better
        for order in orders:
            contract = self._contracts.get(order.instrument)
            if contract is None:
                raise ConfigError(
                    f"{self.name}: order {order.id} in {order.instrument} may be open there, and "
                    "this configuration does not trade it; add the instrument"
                )
            tracked = self._track(order.id, contract, order.side, order.quantity, order.created_at)
            self._learn(tracked, order.venue_order_id)
            tracked.is_accepted = bool(order.venue_order_id)

    # ---- its life ----

    async def start(self) -> None:
        """Connect, check the keys, take a first snapshot, and start streams and watchdogs.

        Raises
        ------
        VenueError
            If the venue can't be reached, or refuses the keys.
        ConfigError
            If the keys may withdraw, the addresses can't be used, or an instrument isn't there.
        """
        self._client = client = open_client(self._dialect, self._reach, self._lanes)
        try:
            await self._asked(client.load_markets())
            self._contracts = {
                each: contract_of(each, client.markets, self._dialect, client.precisionMode)
                for each in self._instruments
            }
            self._questions = Questions(
                client, self._dialect, self._contracts, self._instruments, self._clock
            )
            await self._asked(refuse_withdrawal(client, self._dialect))
            await self._asked(measure_skew(client, self._clock))
            await self.refresh()
        except BaseException:
            await self.close()
            raise
        streams = PrivateStreams(
            client,
            clock=self._clock,
            random=self._random,
            orders=self._heard_orders,
            trades=self._heard_trades,
            lost=self._look_at_all_soon,
        )
        for follow in streams.tasks():
            self._tasks.start(follow)
        self._tasks.start(self._keep_looking())
        self._tasks.start(self._keep_counting())
        if self._pace.switch and self._dialect.switch_s:
            self._tasks.start(arm_switch(client, self._dialect, self._reach.secrets))

    async def refresh(self, order_ids: Sequence[str] = ()) -> None:
        """Ask the venue anew: positions, balances, and what became of ``order_ids``.

        Raises
        ------
        VenueError
            If it can't tell now; the snapshot stays as it was.
        """
        now = self._clock.now()
        holdings = await self._asked(self._ask.holdings(self._currencies()))
        found: dict[str, tuple[int, VenueOrderReport | None]] = {}
        for order_id in order_ids:
            tracked = self._orders.get(order_id)
            if tracked is None:
                raise VenueError(f"order {order_id} is of no instrument here", venue=self.name)
            began = self._clock.now()
            found[order_id] = (began, await self._asked(self._ask.look(tracked, began)))
        self._holdings, self.as_of = holdings, now
        self._looks |= found

    async def close(self) -> None:
        """End the tasks and connections; orders at the venue stay as they are."""
        await self._tasks.close()
        self._lanes.close()
        if self._client is not None:
            client, self._client = self._client, None
            client.timeout_on_exit = 0
            await client.close()
        self._meter.up(self.name, is_up=False)

    @property
    def contracts(self) -> dict[InstrumentId, Contract]:
        """Instruments as the venue knows them; empty before ``start``."""
        return dict(self._contracts)

    # ---- sending ----

    async def _send(self, intent: OrderIntent, tracked: Tracked, began: int) -> None:
        errand = Errand()
        ERRAND.set(errand)
        LANE.set(Lane.ORDER)
        arguments = self._arguments(intent, tracked)
        try:
            async with asyncio.timeout(self._pace.order_timeout_s):
                answer = await self._client.create_order(*arguments)
            report = self._read_answer(answer, tracked)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told as an event
            await self._say_failed(intent.id, tracked, error, left=errand.left)
            return
        now = self._clock.now()
        self._meter.order_answered(self.name, (now - began) / SECOND)
        self._heard()
        self._learn(tracked, report.venue_order_id)
        self._tell(*events_of(report, tracked))
        self._tell_strays(tracked)
        if intent.type is OrderType.MARKET or report.status is not OrderStatus.ACCEPTED:
            await self._look_until_over(tracked, _FIRST_LOOKS_S)

    def _arguments(self, intent: OrderIntent, tracked: Tracked) -> tuple[Any, ...]:
        dialect, contract = self._dialect, tracked.contract
        params: dict[str, Any] = {dialect.client_id_key: tracked.client_id}
        kind, price = str(intent.type), intent.price
        if intent.type is OrderType.STOP:
            params["triggerPrice"], kind, price = str(intent.price), "market", None
        elif intent.type is OrderType.MARKET:
            if dialect.buys_by_cost and intent.side is Side.BUY:
                kind, params["timeInForce"] = "limit", "IOC"
                price = self._bound(intent)
            elif dialect.market_needs_price:
                price = intent.reference_price
        if intent.reduces and self._instruments[intent.instrument].is_perpetual:
            params["reduceOnly"] = True
        amount = intent.quantity / contract.size
        return (
            contract.symbol,
            kind,
            str(intent.side),
            # text keeps every digit on its way through ccxt
            f"{amount.normalize():f}",
            None if price is None else f"{price.normalize():f}",
            params,
        )

    def _bound(self, intent: OrderIntent) -> Decimal:
        step = self._instruments[intent.instrument].price_step
        return (intent.reference_price * (1 + _SLIPPAGE) // step + 1) * step

    def _read_answer(self, answer: Any, tracked: Tracked) -> VenueOrderReport:
        if not isinstance(answer, dict) or not answer.get("id"):
            raise TypeError("the answer to the order names no order")
        told = str(answer.get("clientOrderId") or tracked.client_id)
        if told.lower() != tracked.client_id.lower():
            _log.warning("client order id came back changed", venue=self.name, sent=told)
        tracked.venue_order_id = str(answer["id"])
        trades = answer.get("trades") or ()
        fills = [fill for each in trades if (fill := self._ask.fill(each, tracked)) is not None]
        return report_of(answer, fills, tracked, self._clock.now())

    async def _say_failed(
        self, order_id: str, tracked: Tracked, error: Exception, *, left: bool
    ) -> None:
        failure = failed_order(error, self._dialect, left=left, secrets=self._reach.secrets)
        ts, detail = self._clock.now(), str(failure)
        _log.warning("order not taken", venue=self.name, order=order_id, why=detail)
        match failure:
            case RateLimited():
                self._lanes.hold(failure.retry_after_s)
                tracked.is_unsent = True
                self._tell(
                    OrderUnsent(
                        order_id=order_id, ts=ts, detail=detail,
                        retry_after_s=failure.retry_after_s,
                    )
                )  # fmt: skip
            case Transient():
                if "InvalidNonce" in lineage(error):
                    # the clock is off: measured again before the next attempt
                    self._tasks.start(self._quietly(measure_skew(self._client, self._clock)))
                tracked.is_unsent = True
                self._tell(OrderUnsent(order_id=order_id, ts=ts, detail=detail))
            case OrderRejected():
                tracked.is_over = True
                self._tell(OrderRefused(order_id=order_id, ts=ts, detail=detail))
            case _:
                self._tell(OrderUnanswered(order_id=order_id, ts=ts, detail=detail))
                await self._look_until_over(tracked, _CHASE_S)

    async def _cancel(self, tracked: Tracked) -> None:
        LANE.set(Lane.URGENT)
        for failures in range(1, _CANCEL_ATTEMPTS + 1):
            try:
                await self._request_cancel(tracked)
            except Exception as error:  # noqa: BLE001 - asking twice does no harm
                if says_unknown(error) or tracked.is_over:
                    break
                _log.warning(
                    "cancellation not taken", venue=self.name, order=tracked.order_id,
                    why=said(error, self._reach.secrets),
                )  # fmt: skip
                await asyncio.sleep(self._backoff.pause_s(failures, self._random))
            else:
                break
        LANE.set(Lane.QUESTION)
        await self._look_until_over(tracked, (0.05, 0.5, 2.0, 5.0))

    async def _request_cancel(self, tracked: Tracked) -> None:
        symbol, dialect = tracked.contract.symbol, self._dialect
        if not tracked.venue_order_id and not dialect.cancels_by_client_id:
            found = await self._ask.look(tracked, self._clock.now())
            if found is None:
                return
            self._learn(tracked, found.venue_order_id)
        if tracked.venue_order_id:
            await self._client.cancel_order(tracked.venue_order_id, symbol)
        else:
            params = {"clientOrderId": tracked.client_id}
            await self._client.cancel_order(tracked.client_id, symbol, params)
        self._heard()

    # ---- looking ----

    async def _look_until_over(self, tracked: Tracked, pauses_s: Sequence[float]) -> None:
        LANE.set(Lane.QUESTION)
        for pause_s in pauses_s:
            await asyncio.sleep(pause_s)
            if tracked.is_over:
                return
            await self._look(tracked)

    async def _look(self, tracked: Tracked) -> None:
        began = self._clock.now()
        try:
            report = await self._ask.look(tracked, began)
        except Exception as error:  # noqa: BLE001 - not being able to ask says nothing
            self._meter.failed(self.name)
            _log.info(
                "could not ask for an order", venue=self.name, order=tracked.order_id,
                why=said(error, self._reach.secrets),
            )  # fmt: skip
            return
        self._heard()
        self._looks[tracked.order_id] = (began, report)
        if report is not None:
            self._learn(tracked, report.venue_order_id)
            self._tell(*events_of(report, tracked))

    async def _keep_looking(self) -> None:
        LANE.set(Lane.QUESTION)
        while True:
            await asyncio.sleep(self._pace.orders_s)
            working = [each for each in self._orders.values() if _may_work(each)]
            for tracked in working[:_MOST_LOOKS]:
                await self._look(tracked)
            self._forget()

    async def _keep_counting(self) -> None:
        LANE.set(Lane.QUESTION)
        while True:
            try:
                async with asyncio.timeout(self._pace.holdings_s):
                    await self._stale.wait()
                # let the rest of what fills one order come in
                await asyncio.sleep(_AFTER_FILLS_S)
            except TimeoutError:
                pass
            self._stale.clear()
            await self._quietly(self.refresh())
            age = self._clock.now() - self._heard_at
            self._meter.up(self.name, is_up=age < _UP_FOR_S * SECOND)

    def _look_at_all_soon(self) -> None:
        # a stream that broke may have swallowed something
        for tracked in list(self._orders.values()):
            if _may_work(tracked):
                self._tasks.start(self._look_until_over(tracked, (0.0,)))

    # ---- hearing ----

    def _heard_orders(self, orders: Iterable[Mapping[str, Any]]) -> None:
        self._heard()
        for order in orders:
            tracked = self._ours(order)
            if tracked is None:
                continue
            self._learn(tracked, str(order.get("id") or ""))
            trades = order.get("trades") or ()
            fills = [fill for each in trades if (fill := self._ask.fill(each, tracked)) is not None]
            report = report_of(order, fills, tracked, self._clock.now())
            self._tell(*events_of(report, tracked))
            if report.status not in (OrderStatus.ACCEPTED,) and not tracked.is_over:
                # its fills come by another stream, or have to be asked for
                self._tasks.start(self._look_until_over(tracked, (0.5, 2.0)))

    def _heard_trades(self, trades: Iterable[Mapping[str, Any]]) -> None:
        self._heard()
        for trade in trades:
            order_id = self._by_venue_id.get(str(trade.get("order") or ""))
            tracked = self._orders.get(order_id or "")
            if tracked is not None:
                self._tell_fill(trade, tracked)
            elif len(self._strays) < _MOST_STRAYS:
                # its order isn't answered yet, or not ours
                self._strays.append(trade)
            else:
                self._strays.clear()  # a look finds what was ours among them

    def _tell_strays(self, tracked: Tracked) -> None:
        mine = [each for each in self._strays if each.get("order") == tracked.venue_order_id]
        self._strays = [each for each in self._strays if each not in mine]
        for trade in mine:
            self._tell_fill(trade, tracked)

    def _tell_fill(self, trade: Mapping[str, Any], tracked: Tracked) -> None:
        fill = self._ask.fill(trade, tracked)
        if fill is None or fill.fill_id in tracked.fill_ids:
            return
        if not tracked.is_accepted:
            tracked.is_accepted = True
            self._tell(
                OrderAccepted(
                    order_id=tracked.order_id, ts=fill.ts, venue_order_id=tracked.venue_order_id
                )
            )
        tracked.fill_ids.add(fill.fill_id)
        tracked.filled += fill.quantity
        tracked.is_over = tracked.is_over or tracked.filled >= tracked.quantity
        self._tell(fill)

    def _ours(self, order: Mapping[str, Any]) -> Tracked | None:
        order_id = self._by_venue_id.get(str(order.get("id") or ""))
        if order_id is None:
            order_id = self._dialect.client_ids.decode(str(order.get("clientOrderId") or ""))
        return self._orders.get(order_id or "")

    # ---- notes ----

    def _objection(self, intent: OrderIntent, contract: Contract | None, ts: int) -> str:
        if self._client is None:
            return f"{self.name} was not started"
        if contract is None:
            return f"{intent.instrument} does not trade here"
        return self._fence.objection(intent, ts)

    def _track(
        self, order_id: str, contract: Contract, side: Side, quantity: Decimal, ts: int
    ) -> Tracked:
        tracked = self._orders.get(order_id)
        if tracked is None:
            client_id = self._dialect.client_ids.encode(order_id)
            tracked = Tracked(
                order_id=order_id, client_id=client_id, contract=contract, side=side,
                quantity=quantity, asked_at=ts,
            )  # fmt: skip
            self._orders[order_id] = tracked
        tracked.asked_at = max(tracked.asked_at, ts)
        return tracked

    def _learn(self, tracked: Tracked, venue_order_id: str) -> None:
        if venue_order_id:
            tracked.venue_order_id = venue_order_id
            self._by_venue_id[venue_order_id] = tracked.order_id

    def _tell(self, *events: VenueEvent | SubmissionEvent) -> None:
        if events:
            self._events += events
            if any(isinstance(each, OrderFilled) for each in events):
                self._stale.set()
            self._wake()

    def _heard(self) -> None:
        self._heard_at = self._clock.now()
        self._meter.up(self.name, is_up=True)

    def _currencies(self) -> set[str]:
        return {each.quote for each in self._contracts.values()}

    @property
    def _ask(self) -> Questions:
        if self._questions is None:
            raise VenueError("was not started", venue=self.name)
        return self._questions

    async def _asked(self, question: Any) -> Any:
        lane = LANE.set(Lane.QUESTION)
        try:
            answer = await question
        except (VenueError, ConfigError):
            raise
        except Exception as error:  # noqa: BLE001 - translated here, and only here
            self._meter.failed(self.name)
            raise failed_question(error, self._dialect, self._reach.secrets) from None
        finally:
            LANE.reset(lane)
        self._heard()
        return answer

    async def _quietly(self, question: Any) -> None:
        try:
            await self._asked(question)
        except VenueError as error:
            _log.warning("venue does not answer", venue=self.name, why=str(error))

    def _forget(self) -> None:
        over = [each for each in self._orders.values() if each.is_over]
        for tracked in over[: max(0, len(over) - 5000)]:
            del self._orders[tracked.order_id]
            self._by_venue_id.pop(tracked.venue_order_id, None)
            self._looks.pop(tracked.order_id, None)


def _may_work(tracked: Tracked) -> bool:
    return not tracked.is_over and not tracked.is_unsent


def _nobody() -> None:
    return None
