"""Sends orders and cancellations, and tells what became of the request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

from tutti.adapters.venues.by_ccxt.client import ERRAND, Errand
from tutti.adapters.venues.by_ccxt.dialect import Dialect
from tutti.adapters.venues.by_ccxt.lanes import LANE, Lane, Lanes
from tutti.adapters.venues.by_ccxt.looking import Looking
from tutti.adapters.venues.by_ccxt.meter import Meter
from tutti.adapters.venues.by_ccxt.questions import Questions
from tutti.adapters.venues.by_ccxt.reading import Tracked
from tutti.adapters.venues.by_ccxt.skew import measure_skew
from tutti.adapters.venues.by_ccxt.tracking import Tracking
from tutti.adapters.venues.by_ccxt.translate import failed_order, lineage, said, says_unknown
from tutti.kernel.clock import SECOND, Clock, iso
from tutti.kernel.retry import Backoff
from tutti.model.errors import OrderRejected, RateLimited, Transient
from tutti.model.instrument import Instrument
from tutti.model.order import (
    OrderIntent,
    OrderRefused,
    OrderStatus,
    OrderType,
    OrderUnanswered,
    OrderUnsent,
    Side,
)

if TYPE_CHECKING:
    from tutti.adapters.venues.by_ccxt.contracts import Contract

_log = structlog.stdlib.get_logger(__name__)

_FIRST_LOOKS_S = (0.25, 1.0, 2.0, 4.0)
_CHASE_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_AFTER_CANCEL_S = (0.05, 0.5, 2.0, 5.0)
_CANCEL_ATTEMPTS = 6
_LEAST_DEADLINE_S, _MOST_DEADLINE_S = 2.0, 55.0  # Kraken takes 2 to 60 s from its own clock
_SLIPPAGE = Decimal("0.01")
_BACKOFF = Backoff(first_s=0.25, longest_s=10.0, jitter=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One order on its way.

    Parameters
    ----------
    quantity : Decimal
        Base units to be sent: the intent's, or less where a sale can't be carried out whole.
    began : int
        When it was handed over, ns UTC.
    """

    intent: OrderIntent
    tracked: Tracked
    instrument: Instrument
    quantity: Decimal
    began: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Carries requests to the venue; each runs as a task of its own.

    Parameters
    ----------
    client : ccxt client
        With keys.
    dialect : Dialect
    questions : Questions
    tracking : Tracking
        Where the outcome is told.
    looking : Looking
        Who looks for an order that nobody answered for.
    lanes : Lanes
    clock : Clock
    random : Generator
        Jitter of pauses.
    meter : Meter
    timeout_s : float
        How long an answer to an order is waited for.
    late_s : float
        How long after that it may still turn up.
    secrets : tuple of str
        What must appear nowhere.
    """

    client: Any
    dialect: Dialect
    questions: Questions
    tracking: Tracking
    looking: Looking
    lanes: Lanes
    clock: Clock
    random: np.random.Generator
    meter: Meter
    timeout_s: float
    late_s: float
    secrets: tuple[str, ...]

    async def order(self, request: Request) -> None:
        """Send an order, and tell what became of it."""
        intent, tracked = request.intent, request.tracked
        errand = Errand()
        ERRAND.set(errand)
        # what gets rid of a position goes before what opens one
        LANE.set(Lane.URGENT if intent.reduces else Lane.ORDER)
        arguments = arguments_of(request, self.dialect, self._deadline())
        try:
            async with asyncio.timeout(self.timeout_s):
                answer = await self.client.create_order(*arguments)
            report = self.looking.read(_checked(answer), tracked)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told as an event
            await self._failed(intent.id, tracked, error, left=errand.left)
            return
        self.meter.order_answered(self.dialect.venue, (self.clock.now() - request.began) / SECOND)
        self.meter.up(self.dialect.venue, is_up=True)
        self.tracking.report(report, tracked)
        self.looking.hear_strays(tracked)
        if intent.type is OrderType.MARKET or report.status is not OrderStatus.ACCEPTED:
            await self.looking.until_over(tracked, _FIRST_LOOKS_S)

    def off_grid(self, intent: OrderIntent, contract: Contract) -> str:
        """Say what of an order ccxt would round on its way; empty for nothing.

        What was approved is sent as it is, or not at all.
        """
        amount = intent.quantity / contract.size
        written = {"quantity": (amount, self.client.amount_to_precision)}
        if intent.price is not None:
            written["price"] = (intent.price, self.client.price_to_precision)
        for what, (value, rounded) in written.items():
            try:
                there = Decimal(str(rounded(contract.symbol, f"{value.normalize():f}")))
            except Exception as error:  # noqa: BLE001 - ccxt would refuse it on its way, too
                return f"{what} {value} of {intent.instrument}: {said(error, self.secrets)}"
            if there != value:
                return (
                    f"{what} {value} of {intent.instrument} is off the venue's grid: {there} is "
                    "near; check the steps that are configured"
                )
        return ""

    def _deadline(self) -> int:
        # whoever looks for an order after that can be sure that it does not turn up any more
        wait_s = min(max(self.timeout_s, _LEAST_DEADLINE_S), _MOST_DEADLINE_S)
        return self.clock.now() + round(wait_s * SECOND)

    async def cancellation(self, tracked: Tracked) -> None:
        """Ask for a cancellation until the venue has taken it, and tell how the order ended."""
        LANE.set(Lane.URGENT)
        for failures in range(1, _CANCEL_ATTEMPTS + 1):
            try:
                await self._cancel(tracked)
            except Exception as error:  # noqa: BLE001 - asking twice does no harm
                if says_unknown(error) or tracked.is_over:
                    break
                _log.warning(
                    "cancellation not taken", venue=self.dialect.venue, order=tracked.order_id,
                    why=said(error, self.secrets),
                )  # fmt: skip
                await asyncio.sleep(_BACKOFF.pause_s(failures, self.random))
            else:
                break
        await self.looking.until_over(tracked, _AFTER_CANCEL_S)

    async def _cancel(self, tracked: Tracked) -> None:
        symbol = tracked.contract.symbol
        if not tracked.venue_order_id and not self.dialect.cancels_by_client_id:
            found = await self.questions.look(tracked, self.clock.now())
            if found is None:
                return
            self.tracking.learn(tracked, found.venue_order_id)
        if tracked.venue_order_id:
            await self.client.cancel_order(tracked.venue_order_id, symbol)
        else:
            params = {"clientOrderId": tracked.client_id}
            await self.client.cancel_order(tracked.client_id, symbol, params)

    async def _failed(
        self, order_id: str, tracked: Tracked, error: Exception, *, left: bool
    ) -> None:
        failure = failed_order(error, self.dialect, left=left, secrets=self.secrets)
        ts, detail = self.clock.now(), str(failure)
        _log.warning("order not taken", venue=self.dialect.venue, order=order_id, why=detail)
        match failure:
            case Transient():
                wait_s = failure.retry_after_s if isinstance(failure, RateLimited) else 0.0
                if wait_s:
                    self.lanes.hold(wait_s)
                if "InvalidNonce" in lineage(error):
                    await self._set_clock()
                tracked.is_unsent, tracked.arrives_until = True, 0
                self.tracking.tell(
                    OrderUnsent(order_id=order_id, ts=ts, detail=detail, retry_after_s=wait_s)
                )
            case OrderRejected():
                tracked.is_over = True
                self.tracking.tell(OrderRefused(order_id=order_id, ts=ts, detail=detail))
            case _:
                tracked.arrives_until = ts + round(self.late_s * SECOND)
                self.meter.failed(self.dialect.venue)
                self.tracking.tell(OrderUnanswered(order_id=order_id, ts=ts, detail=detail))
                await self.looking.until_over(tracked, _CHASE_S)

    async def _set_clock(self) -> None:
        try:
            await measure_skew(self.client, self.clock)
        except Exception as error:  # noqa: BLE001 - the next attempt shows
            _log.info(
                "clocks not compared", venue=self.dialect.venue, why=said(error, self.secrets)
            )


def arguments_of(request: Request, dialect: Dialect, deadline: int) -> tuple[Any, ...]:
    """Return what ccxt's ``createOrder`` takes for an order of ours.

    Quantities and prices are text: a float would lose digits on its way through ccxt.

    Parameters
    ----------
    deadline : int
        After which the venue is to refuse it, ns UTC, where it can be told so.
    """
    intent, tracked, instrument = request.intent, request.tracked, request.instrument
    params: dict[str, Any] = {dialect.client_id_key: tracked.client_id}
    if dialect.deadline_key:
        params[dialect.deadline_key] = iso(deadline)
    kind, price = str(intent.type), intent.price
    if intent.type is OrderType.STOP:
        params["triggerPrice"], kind, price = f"{intent.price:f}", "market", None
    elif intent.type is OrderType.MARKET:
        if dialect.buys_by_cost and intent.side is Side.BUY:
            kind, params["timeInForce"] = "limit", "IOC"
            step = instrument.price_step
            price = (intent.reference_price * (1 + _SLIPPAGE) // step + 1) * step
        elif dialect.market_needs_price:
            price = intent.reference_price
    if intent.reduces and instrument.is_perpetual:
        params["reduceOnly"] = True
    amount = request.quantity / tracked.contract.size
    return (
        tracked.contract.symbol,
        kind,
        str(intent.side),
        f"{amount.normalize():f}",
        None if price is None else f"{price.normalize():f}",
        params,
    )


def _checked(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict) or not answer.get("id"):
        raise TypeError("the answer to the order names no order")
    return answer
