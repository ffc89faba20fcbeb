# ruff: noqa: D102  the names of the tests are their documentation
"""What every venue has to do, simulated or real: subclass, give it a rig, and run it by pytest.

::

    class TestMyVenue(VenueConformance):
        @pytest.fixture
        async def rig(self):
            async with my_venue_on_a_bench() as rig:
                yield rig
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tutti.model.errors import OrderRejected, OutcomeUnknown, VenueError
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRefused,
    OrderStatus,
    OrderType,
    OrderUnanswered,
    OrderUnsent,
    Reason,
    Side,
)
from tutti.testing.conformance.rig import Ability

if TYPE_CHECKING:
    from tutti.execution.port import VenueOrderReport
    from tutti.model.order import VenueEvent
    from tutti.testing.conformance.rig import VenueRig

_Event = TypeVar("_Event")
_ENDED = (OrderCancelled, OrderExpired, OrderRefused)
_LOOKS, _BETWEEN_LOOKS_S = 60, 0.1
_LOST = [
    pytest.param("answer_lost", {"how": "drop"}, id="connection dropped"),
    pytest.param("answer_lost", {"how": "status", "status": 503}, id="503"),
    pytest.param("answer_lost", {"how": "status", "status": 502}, id="502"),
    pytest.param("answer_lost", {"how": "html"}, id="a page instead"),
]
_NEVER_ARRIVED = [
    pytest.param("drop", {}, id="connection dropped"),
    pytest.param("status", {"status": 503}, id="503"),
    pytest.param("html", {}, id="a page instead"),
]


class _Bench:
    """A rig, and what the venue has said so far."""

    def __init__(self, rig: VenueRig) -> None:
        self.rig = rig
        self.heard: list[VenueEvent] = []
        self._made = 0
        self._opened_at = rig.price()

    def needs(self, ability: Ability) -> None:
        """Skip the test where the rig is not able to do this."""
        if ability not in self.rig.abilities:
            pytest.skip(f"this rig is not able to do: {ability}")

    # ---- asking ----

    def order(
        self,
        side: Side = Side.BUY,
        *,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        kind: OrderType | None = None,
        order_id: str | None = None,
    ) -> str:
        """Submit an order, a market order where it has no price, and return its id."""
        rig = self.rig
        self._made += 1
        intent = OrderIntent(
            id=order_id or f"{rig.now():016x}{self._made:016x}",
            instrument=rig.instrument.id,
            as_of=rig.now(),
            side=side,
            quantity=self.size() if quantity is None else quantity,
            type=kind or (OrderType.MARKET if price is None else OrderType.LIMIT),
            price=price,
            reference_price=rig.price(),
            reason=Reason.ENTRY,
            lead="conformance",
            reduces=False,
        )
        rig.venue.submit(rig.approve(intent), rig.now())
        return intent.id

    def size(self, worth: int = 200) -> Decimal:
        """Return a quantity worth so much of the quote currency, a whole number of tens of steps.

        It is by the price that the test began with, and so the same throughout.
        """
        step = self.rig.instrument.quantity_step * 10
        return max(step, (worth / self._opened_at / step).to_integral_value() * step)

    def far(self, side: Side = Side.BUY) -> Decimal:
        """Return a limit price that the market is far from, which venues still take."""
        return self.near(Decimal("0.9") if side is Side.BUY else Decimal("1.1"))

    def near(self, factor: Decimal) -> Decimal:
        """Return the market's price times a factor, on the instrument's grid of prices."""
        step = self.rig.instrument.price_step
        return (self.rig.price() * factor / step).to_integral_value() * step

    # ---- hearing ----

    def hear(self) -> None:
        """Take what the venue says."""
        self.heard += self.rig.venue.events()

    def of(self, kind: type[_Event], order_id: str) -> list[_Event]:
        """Return what was said of one kind about an order."""
        return [
            each
            for each in self.heard
            if isinstance(each, kind) and getattr(each, "order_id", "") == order_id
        ]

    def fills(self, order_id: str) -> dict[str, OrderFilled]:
        """Return an order's fills by their ids, as the engine would book them."""
        return {each.fill_id: each for each in self.of(OrderFilled, order_id)}

    def filled(self, order_id: str) -> Decimal:
        """Return how much of an order was filled."""
        return sum((each.quantity for each in self.fills(order_id).values()), Decimal(0))

    async def until(self, *kinds: type, order_id: str) -> None:
        """Wait until something of these kinds is said about an order."""

        def said() -> bool:
            self.hear()
            return any(self.of(kind, order_id) for kind in kinds)

        names = " or ".join(kind.__name__ for kind in kinds)
        assert await self.rig.settle(said), f"no {names} was told of {order_id}: {self.heard}"

    async def until_filled(self, order_id: str, quantity: Decimal) -> None:
        """Wait until so much of an order is filled."""

        def done() -> bool:
            self.hear()
            return self.filled(order_id) >= quantity

        assert await self.rig.settle(done), f"{quantity} of {order_id} never filled: {self.heard}"

    async def resting(self) -> str:
        """Place an order that rests, and wait until the venue has it."""
        order_id = self.order(price=self.far())
        await self.until(OrderAccepted, order_id=order_id)
        return order_id

    async def report(self, order_id: str) -> VenueOrderReport:
        """Look an order up that has to be there."""
        await self.rig.look(order_id)
        report = self.rig.venue.find(order_id)
        assert report is not None, f"order {order_id} is not found"
        return report

    async def is_absent(self, order_id: str) -> bool:
        """Look an order up that should not be there, until the venue is sure."""
        for _ in range(_LOOKS):
            await self.rig.look(order_id)
            try:
                report = self.rig.venue.find(order_id)
            except VenueError:
                # a request on its way may still arrive
                await asyncio.sleep(_BETWEEN_LOOKS_S)
            else:
                return report is None or report.status is OrderStatus.REJECTED
        raise AssertionError(f"whether there is an order {order_id} is never told")

    async def held(self) -> Decimal:
        """Return the position, as the venue says now."""
        await self.rig.look()
        return self.rig.venue.positions().get(self.rig.instrument.id, Decimal(0))

    async def cash(self) -> Decimal:
        """Return the cash in the instrument's quote currency, as the venue says now."""
        await self.rig.look()
        balances = self.rig.venue.balances()
        return sum(balances.values(), Decimal(0))

    def fee(self, worth: Decimal) -> Decimal:
        """Return more than any fee of a fill of this worth can be."""
        return worth * Decimal("0.01")


class VenueConformance:
    """The suite. A subclass gives it ``rig``, a fixture of a fresh venue with money and no position.

    Tests that need what a rig is not able to do are skipped.
    """

    @pytest.fixture
    def rig(self) -> VenueRig:
        """Give the venue on its bench; override."""
        raise NotImplementedError("give the suite a fixture called rig")

    @pytest.fixture
    def bench(self, rig: VenueRig) -> _Bench:
        """Return the rig with what it takes to use it."""
        return _Bench(rig)

    # ---- orders that rest ----

    async def test_order_far_from_the_market_is_accepted_once_and_rests(
        self, bench: _Bench
    ) -> None:
        order_id = await bench.resting()
        report = await bench.report(order_id)
        assert (report.order_id, report.status) == (order_id, OrderStatus.ACCEPTED)
        assert (report.filled, report.fills) == (Decimal(0), ())
        bench.hear()
        (accepted,) = bench.of(OrderAccepted, order_id)
        assert accepted.venue_order_id == report.venue_order_id != ""
        assert await bench.held() == 0

    async def test_resting_order_is_filled_when_the_market_comes(self, bench: _Bench) -> None:
        order_id = await bench.resting()
        await bench.rig.move(bench.near(Decimal("0.88")))
        await bench.until_filled(order_id, bench.size(1))
        report = await bench.report(order_id)
        assert report.status in (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED)
        assert all(fill.price <= bench.rig.price() * 2 for fill in report.fills)

    async def test_cancelled_order_ends_once_and_cannot_be_cancelled_again(
        self, bench: _Bench
    ) -> None:
        order_id = await bench.resting()
        bench.rig.venue.cancel(order_id, bench.rig.now())
        await bench.until(OrderCancelled, order_id=order_id)
        report = await bench.report(order_id)
        assert (report.status, report.filled) == (OrderStatus.CANCELLED, Decimal(0))
        bench.hear()
        assert len(bench.of(OrderCancelled, order_id)) == 1
        with pytest.raises(OrderRejected):
            bench.rig.venue.cancel(order_id, bench.rig.now())

    async def test_cancelling_what_nobody_ordered_is_an_error(self, bench: _Bench) -> None:
        with pytest.raises(VenueError):
            bench.rig.venue.cancel("f" * 32, bench.rig.now())

    async def test_partial_fill_is_told_and_kept_when_the_rest_is_cancelled(
        self, bench: _Bench
    ) -> None:
        bench.needs(Ability.PARTIAL_FILLS)
        order_id = await bench.resting()
        part = bench.size() / 2 // bench.rig.instrument.quantity_step
        part *= bench.rig.instrument.quantity_step
        await bench.rig.fill(order_id, part)
        await bench.until_filled(order_id, part)
        report = await bench.report(order_id)
        assert (report.status, report.filled) == (OrderStatus.PARTIALLY_FILLED, part)
        bench.rig.venue.cancel(order_id, bench.rig.now())
        await bench.until(OrderCancelled, order_id=order_id)
        report = await bench.report(order_id)
        assert (report.status, report.filled) == (OrderStatus.CANCELLED, part)
        assert {each.fill_id for each in report.fills} == set(bench.fills(order_id))
        assert abs(await bench.held() - part) <= bench.fee(part)

    # ---- orders that take ----

    async def test_market_order_is_accepted_then_filled_whole(self, bench: _Bench) -> None:
        order_id = bench.order()
        await bench.until_filled(order_id, bench.size())
        assert bench.filled(order_id) == bench.size()
        said = [
            each
            for each in bench.heard
            if isinstance(each, OrderAccepted | OrderFilled) and each.order_id == order_id
        ]
        assert isinstance(said[0], OrderAccepted)
        assert all(each.ts > 0 for each in said)
        assert all(fill.fee >= 0 for fill in bench.fills(order_id).values())

    async def test_report_has_the_fills_that_the_events_had(self, bench: _Bench) -> None:
        order_id = bench.order()
        await bench.until_filled(order_id, bench.size())
        report = await bench.report(order_id)
        bench.hear()
        assert (report.status, report.filled) == (OrderStatus.FILLED, bench.size())
        reported = {each.fill_id: (each.quantity, each.price) for each in report.fills}
        assert reported == {
            fill_id: (each.quantity, each.price) for fill_id, each in bench.fills(order_id).items()
        }

    async def test_purchase_raises_the_position_and_lowers_the_cash(self, bench: _Bench) -> None:
        before = await bench.cash()
        order_id = bench.order()
        await bench.until_filled(order_id, bench.size())
        worth = sum((x.quantity * x.price for x in bench.fills(order_id).values()), Decimal(0))
        held = await bench.held()
        assert abs(held - bench.size()) <= bench.fee(bench.size())
        assert abs(before - await bench.cash() - worth) <= bench.fee(worth)

    async def test_what_is_sold_again_is_no_longer_held(self, bench: _Bench) -> None:
        first = bench.order()
        await bench.until_filled(first, bench.size())
        step = bench.rig.instrument.quantity_step
        quantity = await bench.held() // step * step
        second = bench.order(Side.SELL, quantity=quantity)
        # a fee may have been taken in what was bought
        dust = max(step, bench.fee(quantity))
        await bench.until_filled(second, quantity - dust)
        assert abs(await bench.held()) <= dust

    async def test_what_is_sold_short_is_held_negative(self, bench: _Bench) -> None:
        bench.needs(Ability.SHORTS)
        order_id = bench.order(Side.SELL)
        await bench.until_filled(order_id, bench.size())
        assert await bench.held() == -bench.size()

    # ---- orders that are refused ----

    @pytest.mark.parametrize("flaw", ["too small", "too dear"])
    async def test_order_against_the_terms_is_refused_and_not_there(
        self, bench: _Bench, flaw: str
    ) -> None:
        instrument = bench.rig.instrument
        quantity, price = bench.size(), bench.far()
        quantity = instrument.quantity_step / 2 if flaw == "too small" else bench.size(10**8)
        order_id = bench.order(quantity=quantity, price=price)
        await bench.until(OrderRefused, order_id=order_id)
        assert bench.of(OrderAccepted, order_id) == []
        assert await bench.rig.orders_there(order_id) == 0
        assert await bench.held() == 0

    @pytest.mark.parametrize("what", ["price", "quantity"])
    async def test_order_off_the_grid_is_refused_and_not_there(
        self, bench: _Bench, what: str
    ) -> None:
        instrument, quantity, price = bench.rig.instrument, bench.size(), bench.far()
        if what == "price":
            price += instrument.price_step / 3
        else:
            quantity += instrument.quantity_step / 3
        order_id = bench.order(quantity=quantity, price=price)
        await bench.until(OrderRefused, order_id=order_id)
        assert bench.of(OrderAccepted, order_id) == []
        assert await bench.rig.orders_there(order_id) == 0

    async def test_instrument_that_does_not_trade_here_is_refused(self, bench: _Bench) -> None:
        rig = bench.rig
        intent = OrderIntent(
            id="e" * 32,
            instrument=InstrumentId("NOTHING-USD", rig.instrument.id.venue),
            as_of=rig.now(),
            side=Side.BUY,
            quantity=bench.size(),
            type=OrderType.MARKET,
            price=None,
            reference_price=rig.price(),
            reason=Reason.ENTRY,
            lead="conformance",
            reduces=False,
        )
        rig.venue.submit(rig.approve(intent), rig.now())
        await bench.until(OrderRefused, order_id=intent.id)

    # ---- ids and questions ----

    async def test_order_sent_twice_is_one_order_and_an_unknown_outcome(
        self, bench: _Bench
    ) -> None:
        order_id = await bench.resting()
        with pytest.raises(OutcomeUnknown):
            bench.order(price=bench.far(), order_id=order_id)
        assert await bench.rig.orders_there(order_id) == 1

    async def test_events_are_told_once(self, bench: _Bench) -> None:
        order_id = await bench.resting()
        again = bench.rig.venue.events()
        assert all(getattr(each, "order_id", "") != order_id for each in again)

    async def test_names_are_the_instruments_own(self, bench: _Bench) -> None:
        assert bench.rig.venue.name == bench.rig.instrument.id.venue
        assert await bench.held() == 0

    # ---- what others do ----

    async def test_order_cancelled_by_somebody_else_is_told(self, bench: _Bench) -> None:
        bench.needs(Ability.OUTSIDE)
        order_id = await bench.resting()
        await bench.rig.end_there(order_id)
        await bench.until(*_ENDED, order_id=order_id)
        assert (await bench.report(order_id)).status.is_final

    async def test_order_of_an_earlier_process_is_found_by_its_id(self, bench: _Bench) -> None:
        bench.needs(Ability.REOPENS)
        order_id = await bench.resting()
        await bench.rig.reopen()
        restored = await bench.report(order_id)
        assert restored.status is OrderStatus.ACCEPTED
        assert await bench.rig.orders_there(order_id) == 1

    # ---- what goes wrong ----

    @pytest.mark.parametrize(("kind", "terms"), _LOST)
    async def test_order_whose_answer_was_lost_is_found_and_never_sent_again(
        self, bench: _Bench, kind: str, terms: dict[str, Any]
    ) -> None:
        bench.needs(Ability.FAULTS)
        bench.rig.fault(kind, "order.create", count=1, **terms)
        order_id = bench.order(price=bench.far())
        await bench.until(OrderUnanswered, OrderAccepted, order_id=order_id)
        report = await bench.report(order_id)
        assert report.status is OrderStatus.ACCEPTED
        assert await bench.rig.orders_there(order_id) == 1
        assert bench.of(OrderRefused, order_id) == []

    @pytest.mark.parametrize(("kind", "terms"), _NEVER_ARRIVED)
    async def test_order_that_never_arrived_is_not_found_and_not_sent_again(
        self, bench: _Bench, kind: str, terms: dict[str, Any]
    ) -> None:
        bench.needs(Ability.FAULTS)
        # often: a client below may try once more, which is one order all the same
        bench.rig.fault(kind, "order.create", count=3, **terms)
        order_id = bench.order(price=bench.far())
        await bench.until(OrderUnanswered, OrderUnsent, order_id=order_id)
        bench.rig.heal()
        assert await bench.is_absent(order_id)
        assert await bench.rig.orders_there(order_id) == 0
        assert bench.of(OrderAccepted, order_id) == []

    async def test_order_over_the_rate_limit_is_unsent_and_not_there(self, bench: _Bench) -> None:
        bench.needs(Ability.FAULTS)
        bench.rig.fault("rate_limit", "order.create", count=1, retry_after_s=2)
        order_id = bench.order(price=bench.far())
        await bench.until(OrderUnsent, OrderUnanswered, order_id=order_id)
        assert await bench.rig.orders_there(order_id) == 0

    async def test_fills_are_found_while_the_streams_are_silent(self, bench: _Bench) -> None:
        bench.needs(Ability.FAULTS)
        order_id = await bench.resting()
        bench.rig.fault("silent", "stream.*")
        await bench.rig.fill(order_id, bench.size())
        report = await bench.report(order_id)
        assert (report.status, report.filled) == (OrderStatus.FILLED, bench.size())
        await bench.until_filled(order_id, bench.size())

    @pytest.mark.parametrize("kind", ["duplicate", "reorder", "gap", "drop"])
    async def test_fills_add_up_whatever_the_stream_does(self, bench: _Bench, kind: str) -> None:
        bench.needs(Ability.FAULTS)
        order_id = await bench.resting()
        bench.rig.fault(kind, "stream.*", count=4)
        part = bench.size() / 10
        for _ in range(10):
            await bench.rig.fill(order_id, part)
        report = await bench.report(order_id)
        assert (report.status, report.filled) == (OrderStatus.FILLED, bench.size())
        await bench.until_filled(order_id, bench.size())
        assert bench.filled(order_id) == bench.size()
        assert set(bench.fills(order_id)) == {each.fill_id for each in report.fills}

    async def test_order_refused_after_it_was_accepted_ends(self, bench: _Bench) -> None:
        bench.needs(Ability.FAULTS)
        bench.rig.fault("refuse_later", "order.create", count=1, seconds=0.1)
        order_id = bench.order(price=bench.far())
        await bench.until(*_ENDED, order_id=order_id)
        assert (await bench.report(order_id)).status.is_final
        assert await bench.held() == 0

    async def test_question_that_fails_is_an_error_and_keeps_the_snapshot(
        self, bench: _Bench
    ) -> None:
        bench.needs(Ability.FAULTS)
        order_id = bench.order()
        await bench.until_filled(order_id, bench.size())
        held = await bench.held()
        bench.rig.fault("status", "balances", status=503)
        bench.rig.fault("status", "positions", status=503)
        with pytest.raises(VenueError):
            await bench.rig.look()
        assert bench.rig.venue.positions().get(bench.rig.instrument.id) == held

    async def test_cancel_whose_answer_was_lost_still_ends_the_order(self, bench: _Bench) -> None:
        bench.needs(Ability.FAULTS)
        order_id = await bench.resting()
        bench.rig.fault("answer_lost", "order.cancel", count=1)
        bench.rig.venue.cancel(order_id, bench.rig.now())
        await bench.until(*_ENDED, order_id=order_id)
        assert (await bench.report(order_id)).status is OrderStatus.CANCELLED
