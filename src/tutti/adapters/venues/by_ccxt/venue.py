"""A real exchange as the venue that execution asks for: nothing waits, nothing is lost."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog

from tutti.adapters.venues.by_ccxt.account_guard import arm_switch, refuse_withdrawal
from tutti.adapters.venues.by_ccxt.client import Reach, open_client
from tutti.adapters.venues.by_ccxt.coins import Coins
from tutti.adapters.venues.by_ccxt.contracts import Contract, contract_of, decimal_of
from tutti.adapters.venues.by_ccxt.funding import Funding
from tutti.adapters.venues.by_ccxt.lanes import LANE, Lane, Lanes
from tutti.adapters.venues.by_ccxt.looking import Looking
from tutti.adapters.venues.by_ccxt.pace import Pace
from tutti.adapters.venues.by_ccxt.private_streams import PrivateStreams
from tutti.adapters.venues.by_ccxt.questions import Holdings, Questions
from tutti.adapters.venues.by_ccxt.sending import Request, Sending
from tutti.adapters.venues.by_ccxt.skew import measure_skew
from tutti.adapters.venues.by_ccxt.tasks import Tasks
from tutti.adapters.venues.by_ccxt.tracking import Tracking
from tutti.adapters.venues.by_ccxt.translate import failed_question, lineage, said
from tutti.kernel.clock import SECOND
from tutti.model.errors import (
    ConfigError,
    OrderRejected,
    OutcomeUnknown,
    Transient,
    VenueError,
)
from tutti.model.order import (
    OrderRefused,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import numpy as np

    from tutti.adapters.venues.by_ccxt.dialect import Dialect
    from tutti.adapters.venues.by_ccxt.fence import Fence
    from tutti.adapters.venues.by_ccxt.meter import Meter
    from tutti.adapters.venues.by_ccxt.reading import Tracked
    from tutti.execution.port import VenueOrderReport
    from tutti.execution.router.offers import Ladder
    from tutti.kernel.clock import Clock
    from tutti.model.instrument import Instrument, InstrumentId
    from tutti.model.order import (
        ApprovedOrder,
        Order,
        OrderFilled,
        Side,
        VenueEvent,
    )

_log = structlog.stdlib.get_logger(__name__)

_NOTHING = Decimal(0)
_UP_FOR_S = 30
_AFTER_FILLS_S = 0.5
_MOST_MISTIMED = 2


class _MistimedError(Transient):
    """A question came after one that was signed later, or its time was wrong: it may be asked anew."""


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
    ladder : callable, optional
        Shows a side of an instrument's book, where its market data follow one.
    funded_to : int
        Funding that was paid up to then (ns UTC) is not this account's; 0 for all before the start.
    funded : collection of (InstrumentId, int)
        Payments of it that are booked already, by contract and time (ns UTC).
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
        ladder: Callable[[InstrumentId, Side], Ladder | None] | None = None,
        funded_to: int = 0,
        funded: Collection[tuple[InstrumentId, int]] = (),
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
        self._client: Any = None
        self._contracts: dict[InstrumentId, Contract] = {}
        self._questions: Questions | None = None
        self._tasks = Tasks(dialect.venue)
        self._holdings = Holdings(positions={}, balances={})
        self._heard_at = 0
        self._ladder = ladder
        self._stale = asyncio.Event()
        self._tracking = Tracking(dialect, wake or _nobody, self._filled)
        self._coins = Coins(self._instruments)
        self._sending: Sending | None = None
        self._looking: Looking | None = None
        self._funded_to = funded_to
        self._funded = funded
        self._funding: Funding | None = None

    # ---- what execution asks ----

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        """Hand an order to a task of its own; what comes of it is an event.

        Raises
        ------
        OutcomeUnknown
            If it was submitted before, and may have arrived.
        """
        intent = order.intent
        known = self._tracking.get(intent.id)
        if known is not None and not known.is_unsent:
            raise OutcomeUnknown(
                f"order {intent.id} was sent already: look it up, don't send it again",
                venue=self.name,
            )
        contract, sending = self._contracts.get(intent.instrument), self._sending
        if contract is None or sending is None:
            why = "was not started" if sending is None else f"{intent.instrument} isn't traded here"
            self._tracking.tell(OrderRefused(order_id=intent.id, ts=ts, detail=why))
            return
        objection = self._fence.objection(intent, ts) or sending.off_grid(intent, contract)
        if objection:
            self._tracking.tell(OrderRefused(order_id=intent.id, ts=ts, detail=objection))
            return
        tracked = self._tracking.track(intent.id, contract, intent.side, intent.quantity, ts)
        tracked.is_unsent = False
        began = self._clock.now()
        wait_s = self._pace.order_timeout_s + self._pace.late_s
        tracked.arrives_until = began + round(wait_s * SECOND)
        instrument = self._instruments[intent.instrument]
        quantity = self._coins.sellable(intent, self._holdings.positions)
        request = Request(
            intent=intent, tracked=tracked, instrument=instrument, quantity=quantity,
            began=began,
        )  # fmt: skip
        self._tasks.start(sending.order(request))

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
        tracked = self._tracking.get(order_id)
        if tracked is None or self._sending is None:
            raise Transient(f"order {order_id} is not known here yet", venue=self.name)
        if tracked.is_over:
            raise OrderRejected(f"can't cancel order {order_id}: it has ended", venue=self.name)
        self._tasks.start(self._sending.cancellation(tracked))

    def events(self) -> list[VenueEvent]:
        """Return what happened since the last call, oldest first, and forget it."""
        return self._tracking.take()

    def find(self, order_id: str) -> VenueOrderReport | None:
        """Return what the last look at an order found; None for nothing.

        Raises
        ------
        VenueError
            If nobody has looked since it was sent, or it was not there while it could still arrive.
        """
        tracked = self._tracking.get(order_id)
        look = None if self._looking is None else self._looking.last(order_id)
        if look is None or (tracked is not None and look[0] < tracked.asked_at):
            raise VenueError(f"nobody has looked for order {order_id} yet", venue=self.name)
        if look[1] is None and tracked is not None and look[0] < tracked.arrives_until:
            raise VenueError(f"order {order_id} may still arrive", venue=self.name)
        return look[1]

    def positions(self) -> dict[InstrumentId, Decimal]:
        """Return what is held, signed base units, as of the last snapshot."""
        held = self._coins.as_booked(self._holdings.positions)
        # a snapshot may be older than what was taken off
        return {name: each for name, each in held.items() if name in self._contracts}

    def balances(self) -> dict[str, Decimal]:
        """Return the cash by currency, as of the last snapshot."""
        return dict(self._holdings.balances)

    def ladder(self, instrument: InstrumentId, side: Side) -> Ladder | None:
        """Return the side of the book that an order takes, best price first.

        None where no book is followed; empty where it is too old, or the venue is down.
        """
        return None if self._ladder is None else self._ladder(instrument, side)

    def restore(
        self,
        positions: Mapping[InstrumentId, Decimal],
        cash: Decimal,
        orders: Iterable[Order] = (),
    ) -> None:
        """Take note of the orders that an earlier process may have left at the venue."""
        del cash  # the venue knows better
        self._coins.begin(positions)
        for order in orders:
            contract = self._contracts.get(order.instrument)
            if contract is None:
                raise ConfigError(
                    f"{self.name}: order {order.id} in {order.instrument} may be open there, and "
                    "this configuration does not trade it; add the instrument"
                )
            tracked = self._tracking.track(
                order.id, contract, order.side, order.quantity, order.created_at
            )
            self._tracking.learn(tracked, order.venue_order_id)
            late = order.created_at + round(self._pace.late_s * SECOND)
            tracked.arrives_until = max(tracked.arrives_until, late)
            tracked.is_accepted = bool(order.venue_order_id)
            # what was booked will be told again; what was told is about to be booked
            ahead = tracked.filled - order.filled
            tracked.booked = max(-ahead, _NOTHING)
            self._coins.filled(contract.id, order.side, max(ahead, _NOTHING))

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
            # first: what is signed after it may not seem older than what an earlier process signed
            await self._asked(measure_skew(client, self._clock))
            await self._asked(refuse_withdrawal(client, self._dialect))
            looking = self._begin(client, self._questions)
            since = self._funded_to or self._clock.now()
            self._funding = Funding(
                client,
                self._contracts,
                since,
                self._reach.secrets,
                self._dialect.funding_page,
                booked=self._funded,
            )
            await self._asked(self._see_prices(client))
            await self._asked(self._questions.learn_worth())
            await self.refresh()
        except BaseException:
            await self.close()
            raise
        streams = PrivateStreams(
            client,
            clock=self._clock,
            random=self._random,
            orders=looking.hear_orders,
            trades=looking.hear_trades,
            lost=looking.at_all_soon,
        )
        for follow in streams.tasks():
            self._tasks.start(follow)
        self._tasks.start(looking.forever(self._pace.orders_s))
        self._tasks.start(self._keep_counting())
        if self._pace.switch and self._dialect.switch_s:
            self._tasks.start(arm_switch(client, self._dialect, self._reach.secrets))

    async def follow(self, instruments: Sequence[Instrument]) -> None:
        """Trade more instruments, beside those that are traded.

        Raises
        ------
        VenueError
            If the venue can't be reached.
        ConfigError
            If an instrument isn't there.
        """
        client = self._client
        found = {
            each.id: contract_of(each.id, client.markets, self._dialect, client.precisionMode)
            for each in instruments
        }
        # the very objects that questions are asked about
        self._instruments.update({each.id: each for each in instruments})
        self._contracts.update(found)
        self._ask.follow(found)
        self._coins.follow(instruments)
        await self.refresh()

    def leave(self, instruments: Iterable[InstrumentId]) -> None:
        """Trade some instruments no more; nothing of them is held, and no order is at work."""
        gone = set(instruments)
        for each in gone:
            self._contracts.pop(each, None)
        self._ask.leave(gone)
        self._coins.leave(gone)

    async def refresh(self, order_ids: Sequence[str] = ()) -> None:
        """Ask the venue anew: positions, balances, and what became of ``order_ids``.

        Raises
        ------
        VenueError
            If it can't tell now; the snapshot stays as it was.
        """
        for _ in range(_MOST_MISTIMED):
            try:
                await self._look_around(order_ids)
            except _MistimedError:
                # another request overtook it, or the clocks have parted since the start
                await self._asked(measure_skew(self._client, self._clock))
            else:
                return
        await self._look_around(order_ids)

    async def _look_around(self, order_ids: Sequence[str]) -> None:
        now = self._clock.now()
        # before the cash that it is in
        paid = [] if self._funding is None else await self._in_lane(self._funding.news(now))
        self._tracking.tell(*paid)
        holdings = await self._asked(self._ask.holdings(self._currencies()))
        found = []
        for order_id in order_ids:
            tracked = self._tracking.get(order_id)
            if tracked is None:
                raise VenueError(f"order {order_id} is of no instrument here", venue=self.name)
            began = self._clock.now()
            found.append((order_id, began, await self._asked(self._ask.look(tracked, began))))
        self._holdings, self.as_of = holdings, now
        if self._looking is not None:
            for each in found:
                self._looking.keep(*each)

    async def close(self) -> None:
        """End the tasks and connections; orders at the venue stay as they are."""
        # whoever shares the lanes may be waiting in them: what we had there ends with our tasks
        await self._tasks.close()
        if self._client is not None:
            client, self._client = self._client, None
            client.timeout_on_exit = 0
            await client.close()
        self._meter.up(self.name, is_up=False)

    @property
    def contracts(self) -> dict[InstrumentId, Contract]:
        """Instruments as the venue knows them; empty before ``start``."""
        return dict(self._contracts)

    def _begin(self, client: Any, questions: Questions) -> Looking:
        secrets = self._reach.secrets
        self._looking = looking = Looking(
            self.name, questions, self._tracking, self._tasks, self._clock, self._heard, secrets
        )
        self._sending = Sending(
            client=client,
            dialect=self._dialect,
            questions=questions,
            tracking=self._tracking,
            looking=looking,
            lanes=self._lanes,
            clock=self._clock,
            random=self._random,
            meter=self._meter,
            timeout_s=self._pace.order_timeout_s,
            late_s=self._pace.late_s,
            secrets=secrets,
        )
        return looking

    async def _see_prices(self, client: Any) -> None:
        if not client.has.get("fetchTickers"):
            return
        symbols = {each.symbol: name for name, each in self._contracts.items()}
        for symbol, ticker in (await client.fetch_tickers(list(symbols))).items():
            last = decimal_of(ticker.get("last") or ticker.get("close"))
            if symbol in symbols and last is not None:
                self._coins.saw(symbols[symbol], last)

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
            try:
                await self.refresh()
            except VenueError as error:
                _log.warning("venue does not answer", venue=self.name, why=str(error))
            age = self._clock.now() - self._heard_at
            self._meter.up(self.name, is_up=age < _UP_FOR_S * SECOND)

    def _filled(self, tracked: Tracked, fill: OrderFilled) -> None:
        known = min(tracked.booked, fill.quantity)
        tracked.booked -= known
        self._coins.filled(tracked.contract.id, tracked.side, fill.quantity - known)
        self._coins.saw(tracked.contract.id, fill.price)
        self._stale.set()

    def _heard(self, answered: bool) -> None:  # noqa: FBT001 - said by whoever asked
        if not answered:
            self._meter.failed(self.name)
            return
        self._heard_at = self._clock.now()
        self._meter.up(self.name, is_up=True)

    def _currencies(self) -> set[str]:
        return {each.quote for each in self._contracts.values()}

    @property
    def _ask(self) -> Questions:
        if self._questions is None:
            raise VenueError("was not started", venue=self.name)
        return self._questions

    async def _in_lane(self, question: Any) -> Any:
        lane = LANE.set(Lane.QUESTION)
        try:
            return await question
        finally:
            LANE.reset(lane)

    async def _asked(self, question: Any) -> Any:
        try:
            answer = await self._in_lane(question)
        except (VenueError, ConfigError):
            raise
        except Exception as error:  # noqa: BLE001 - translated here, and only here
            self._meter.failed(self.name)
            if "InvalidNonce" in lineage(error):
                why = said(error, self._reach.secrets)
                raise _MistimedError(why, venue=self.name) from None
            raise failed_question(error, self._dialect, self._reach.secrets) from None
        self._heard(True)  # noqa: FBT003
        return answer


def _nobody() -> None:
    return None
