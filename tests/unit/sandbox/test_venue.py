"""Orders, money and events of a simulated venue."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from tutti.execution.book_of_orders import OpenOrders
from tutti.execution.cost import Costs, costs_of
from tutti.execution.lifecycle import created_and_sent
from tutti.execution.reconcile import compare_positions, reconcile_orders
from tutti.model.arrays import Tradable
from tutti.model.errors import ConfigError, OrderRejected, OutcomeUnknown
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import (
    ApprovedOrder,
    FundingPaid,
    Liquidated,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRefused,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    VenueEvent,
)
from tutti.sandbox.venue import SimulatedVenue

if TYPE_CHECKING:
    from tutti.execution.port import Venue

_SPOT = Instrument(
    id=InstrumentId("BTC-USD", "V"),
    kind=InstrumentKind.SPOT,
    price_step=Decimal("0.5"),
    quantity_step=Decimal("0.01"),
    min_quantity=Decimal("0.02"),
    min_notional=Decimal(5),
    maker_fee=Decimal("0.001"),
    taker_fee=Decimal("0.002"),
)
_PERPETUAL = Instrument(
    id=InstrumentId("BTC-USD-PERP", "V"),
    kind=InstrumentKind.PERPETUAL,
    price_step=Decimal("0.1"),
    quantity_step=Decimal("0.1"),
    taker_fee=Decimal("0.001"),
    max_leverage=Decimal(10),
    maintenance_margin=Decimal("0.05"),
)
_SPOT_COLUMN, _PERPETUAL_COLUMN = 2, 0
_STEP = 1_000


def _bars(n: int, price: float = 100.0) -> Tradable:
    shape = (n, 3)
    return Tradable(
        ts=_STEP * np.arange(n),
        open=np.full(shape, price),
        high=np.full(shape, price * 1.1),
        low=np.full(shape, price * 0.9),
        close=np.full(shape, price),
        volume=np.full(shape, 10.0),
        funding=np.zeros(shape),
    )


def _cut(bars: Tradable, start: int, stop: int) -> Tradable:
    return Tradable(
        ts=bars.ts[start:stop],
        open=bars.open[start:stop],
        high=bars.high[start:stop],
        low=bars.low[start:stop],
        close=bars.close[start:stop],
        volume=bars.volume[start:stop],
        funding=bars.funding[start:stop],
    )


def _venue(
    costs: Costs | None = None, *, cash: str = "1000", good_for_ns: int = 0
) -> SimulatedVenue:
    return SimulatedVenue(
        "V",
        [_SPOT, _PERPETUAL],
        [_SPOT_COLUMN, _PERPETUAL_COLUMN],
        costs or costs_of(np.zeros(3)),
        Decimal(cash),
        good_for_ns=good_for_ns,
    )


def _approved(
    order_id: str,
    quantity: str,
    *,
    kind: OrderType = OrderType.MARKET,
    price: str | None = None,
    instrument: Instrument = _SPOT,
) -> ApprovedOrder:
    amount = Decimal(quantity)
    intent = OrderIntent(
        id=order_id,
        instrument=instrument.id,
        as_of=0,
        side=Side.SELL if amount < 0 else Side.BUY,
        quantity=abs(amount),
        type=kind,
        price=None if price is None else Decimal(price),
        reference_price=Decimal(100),
        reason=Reason.ENTRY,
        lead="trend",
        reduces=False,
    )
    return ApprovedOrder(intent=intent, approved_at=0, rules=())


def _live(venue: SimulatedVenue, bars: Tradable, *rows: int) -> list[VenueEvent]:
    for t in rows:
        venue.observe(bars, t)
    return venue.events()


def _fills(events: list[VenueEvent]) -> list[OrderFilled]:
    return [event for event in events if isinstance(event, OrderFilled)]


def test_market_order_is_accepted_and_fills_at_the_next_open_to_the_last_decimal() -> None:
    venue = _venue(costs_of(np.full(3, 10.0)))
    bars = _bars(3, 100.2)
    assert _live(venue, bars, 0) == []
    venue.submit(_approved("a", "0.06"), _STEP)
    assert venue.events() == [OrderAccepted(order_id="a", ts=_STEP, venue_order_id="V-a")]
    assert _live(venue, bars, 1) == [
        OrderFilled(
            order_id="a",
            ts=_STEP,
            fill_id="a-6",
            quantity=Decimal("0.06"),
            price=Decimal("100.5"),
            fee=Decimal("0.01206"),
            is_maker=False,
        )
    ]
    assert venue.balances() == {"USD": Decimal(1_000) - Decimal("6.03") - Decimal("0.01206")}
    assert venue.positions() == {_SPOT.id: Decimal("0.06")}
    assert _live(venue, bars, 2) == []


def test_limit_order_that_rests_pays_the_fee_of_a_maker() -> None:
    venue = _venue()
    bars = _bars(3)
    _live(venue, bars, 0)
    venue.submit(_approved("a", "1", kind=OrderType.LIMIT, price="90.5"), _STEP)
    (fill,) = _fills(_live(venue, bars, 1))
    assert (fill.price, fill.is_maker) == (Decimal("90.5"), True)
    assert fill.fee == Decimal("0.0905")


def test_order_on_a_missing_bar_waits_for_the_next() -> None:
    venue = _venue()
    bars = _bars(4)
    bars.open[1, _SPOT_COLUMN] = math.nan
    _live(venue, bars, 0)
    venue.submit(_approved("a", "1"), _STEP)
    assert _fills(_live(venue, bars, 1)) == []
    (fill,) = _fills(_live(venue, bars, 2))
    assert fill.ts == 2 * _STEP


def test_order_larger_than_its_share_of_the_volume_fills_bar_by_bar() -> None:
    venue = _venue(costs_of(np.zeros(3), participation=0.1))
    bars = _bars(4)
    bars.volume[2] = 0.0
    _live(venue, bars, 0)
    venue.submit(_approved("a", "1.5"), _STEP)
    fills = _fills(_live(venue, bars, 1, 2, 3))
    assert [(fill.ts, fill.quantity) for fill in fills] == [
        (_STEP, Decimal("1.00")),
        (3 * _STEP, Decimal("0.50")),
    ]
    assert len({fill.fill_id for fill in fills}) == 2


@pytest.mark.parametrize(("latency", "row"), [(1, 2), (_STEP, 2), (_STEP + 1, 3)])
def test_order_on_its_way_is_accepted_when_it_arrives_and_fills_at_the_open_after(
    latency: int, row: int
) -> None:
    venue = _venue(costs_of(np.zeros(3), latency_ns=latency))
    bars = _bars(5)
    _live(venue, bars, 0)
    venue.submit(_approved("a", "1"), _STEP)
    assert venue.events() == []
    assert _live(venue, bars, *range(1, row)) == []
    accepted, fill = _live(venue, bars, row)
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(fill, OrderFilled)
    assert (accepted.ts, fill.ts) == (_STEP + latency, row * _STEP)


_TOO_POOR = "BTC-USD.V: insufficient funds"


@pytest.mark.parametrize(
    ("approved", "said"),
    [
        (
            _approved("a", "1", instrument=replace(_SPOT, id=InstrumentId("ETH-USD", "V"))),
            "ETH-USD.V does not trade here",
        ),
        (_approved("a", "0.015"), "quantity 0.015 is not a positive multiple of 0.01"),
        (_approved("a", "0"), "quantity 0 is not a positive multiple of 0.01"),
        (
            _approved("a", "1", kind=OrderType.LIMIT, price="99.7"),
            "price 99.7 is not a positive multiple of 0.5",
        ),
        (
            _approved("a", "1", kind=OrderType.STOP),
            "price None is not a positive multiple of 0.5",
        ),
        (_approved("a", "0.01"), "BTC-USD.V: quantity below the smallest order of 0.02"),
        (_approved("a", "0.04"), "BTC-USD.V: notional below the smallest order of 5"),
        (_approved("a", "9.99"), _TOO_POOR),
        (_approved("a", "11", kind=OrderType.LIMIT, price="90.5"), None),
        (_approved("a", "11", kind=OrderType.LIMIT, price="91"), _TOO_POOR),
        (
            _approved("a", "-1"),
            "BTC-USD.V: not enough held to sell, and spot is never sold short",
        ),
        (
            _approved("a", "-100", instrument=_PERPETUAL),
            "BTC-USD-PERP.V: insufficient funds",
        ),
        (_approved("a", "-99", instrument=_PERPETUAL), None),
    ],
)
def test_order_that_breaks_a_rule_of_the_venue_is_refused_with_the_rule(
    approved: ApprovedOrder, said: str | None
) -> None:
    venue = _venue()
    _live(venue, _bars(2), 0)
    venue.submit(approved, _STEP)
    (event,) = venue.events()
    if said is None:
        assert isinstance(event, OrderAccepted)
    else:
        assert event == OrderRefused(order_id="a", ts=_STEP, detail=said)
        assert venue.find("a") is None


def test_order_before_the_first_bar_is_refused_for_want_of_a_price() -> None:
    venue = _venue()
    venue.submit(_approved("a", "1"), 0)
    (event,) = venue.events()
    assert isinstance(event, OrderRefused)
    assert event.detail == "BTC-USD.V: no price yet to value the order at"


def test_purchases_of_one_tick_can_not_spend_the_same_money() -> None:
    venue = _venue()
    _live(venue, _bars(2), 0)
    venue.submit(_approved("a", "6"), _STEP)
    venue.submit(_approved("b", "6"), _STEP)
    first, second = venue.events()
    assert isinstance(first, OrderAccepted)
    assert isinstance(second, OrderRefused)


def test_order_with_a_known_id_is_not_taken_twice_nor_called_refused() -> None:
    venue = _venue()
    bars = _bars(3)
    _live(venue, bars, 0)
    venue.submit(_approved("a", "1"), _STEP)
    with pytest.raises(OutcomeUnknown, match="look it up"):
        venue.submit(_approved("a", "1"), _STEP)
    assert len(_fills(_live(venue, bars, 1, 2))) == 1


def test_cancelled_order_fills_no_more_and_frees_its_money() -> None:
    venue = _venue()
    bars = _bars(3)
    _live(venue, bars, 0)
    venue.submit(_approved("a", "9"), _STEP)
    venue.cancel("a", _STEP)
    venue.submit(_approved("b", "9"), _STEP)
    events = _live(venue, bars, 1)
    assert OrderCancelled(order_id="a", ts=_STEP, detail="as asked") in events
    assert [fill.order_id for fill in _fills(events)] == ["b"]


def test_cancellation_on_its_way_comes_too_late_for_a_fill_before() -> None:
    venue = _venue(costs_of(np.zeros(3), latency_ns=_STEP + 1))
    bars = _bars(6)
    _live(venue, bars, 0)
    for name, price in (("a", "90.5"), ("b", "10")):
        venue.submit(_approved(name, "1", kind=OrderType.LIMIT, price=price), _STEP)
        venue.submit(_approved(f"{name}2", "1", kind=OrderType.LIMIT, price="10"), _STEP)
    _live(venue, bars, 1)
    venue.cancel("a", 2 * _STEP)
    venue.cancel("b2", 2 * _STEP)
    events = _live(venue, bars, 2, 3, 4)
    assert [fill.order_id for fill in _fills(events)] == ["a"]
    cancelled = [event for event in events if isinstance(event, OrderCancelled)]
    assert [(event.order_id, event.ts) for event in cancelled] == [("b2", 3 * _STEP + 1)]


@pytest.mark.parametrize(("order_id", "state"), [("x", "unknown"), ("a", "filled")])
def test_cancellation_of_an_order_that_is_not_working_is_rejected(
    order_id: str, state: str
) -> None:
    venue = _venue()
    bars = _bars(3)
    _live(venue, bars, 0)
    venue.submit(_approved("a", "1"), _STEP)
    _live(venue, bars, 1)
    with pytest.raises(OrderRejected, match=f"it is {state}"):
        venue.cancel(order_id, _STEP)


def test_order_expires_at_the_first_open_after_its_time() -> None:
    venue = _venue(good_for_ns=2 * _STEP)
    bars = _bars(6)
    _live(venue, bars, 0)
    venue.submit(_approved("a", "1", kind=OrderType.LIMIT, price="10"), _STEP)
    venue.submit(_approved("b", "1"), _STEP)
    events = _live(venue, bars, 1, 2, 3, 4)
    assert [fill.order_id for fill in _fills(events)] == ["b"]
    assert events[-1] == OrderExpired(order_id="a", ts=3 * _STEP, detail="its time is over")


def test_report_of_an_order_follows_its_life() -> None:
    venue = _venue(costs_of(np.zeros(3), participation=0.1))
    bars = _bars(5)
    _live(venue, bars, 0)
    venue.submit(_approved("a", "1.5"), _STEP)
    seen = []
    for t in (1, 2):
        report = venue.find("a")
        assert report is not None
        seen.append((report.status, report.filled, len(report.fills)))
        _live(venue, bars, t)
    report = venue.find("a")
    assert report is not None
    seen.append((report.status, report.filled, len(report.fills)))
    assert seen == [
        (OrderStatus.ACCEPTED, Decimal(0), 0),
        (OrderStatus.PARTIALLY_FILLED, Decimal(1), 1),
        (OrderStatus.FILLED, Decimal("1.5"), 2),
    ]
    venue.submit(_approved("b", "1.5"), 3 * _STEP)
    venue.cancel("b", 3 * _STEP)
    report = venue.find("b")
    assert report is not None
    assert (report.status, report.detail) == (OrderStatus.CANCELLED, "as asked")


def test_many_orders_keep_their_places_while_some_leave() -> None:
    venue = _venue(cash="1000000")
    bars = _bars(4)
    _live(venue, bars, 0)
    for k in range(70):
        price = "90.5" if k % 3 == 0 else "50"
        venue.submit(_approved(f"{k}", "0.1", kind=OrderType.LIMIT, price=price), _STEP)
        venue.submit(_approved(f"m{k}", f"{k + 1}"), _STEP)
    fills = _fills(_live(venue, bars, 1))
    assert {fill.order_id: fill.quantity for fill in fills} == {
        **{f"{k}": Decimal("0.1") for k in range(0, 70, 3)},
        **{f"m{k}": Decimal(k + 1) for k in range(70)},
    }
    assert _fills(_live(venue, bars, 2)) == []


def test_ended_orders_are_forgotten_in_the_end() -> None:
    venue = _venue(cash="1000000")
    _live(venue, _bars(2), 0)
    for k in range(10_001):
        venue.submit(_approved(f"{k}", "0.1"), _STEP)
        venue.cancel(f"{k}", _STEP)
    assert venue.find("0") is None
    assert venue.find("1") is not None


def test_funding_is_paid_on_the_close_and_again_only_when_due() -> None:
    venue = _venue()
    bars = _bars(100)
    bars.funding[3, _PERPETUAL_COLUMN] = 0.0001
    bars.funding[90, _PERPETUAL_COLUMN] = -0.0003
    bars.funding[:, _SPOT_COLUMN] = 0.5
    bars.close[90, _PERPETUAL_COLUMN] = math.nan
    bars.close[89, _PERPETUAL_COLUMN] = 110.0
    _live(venue, bars, 0)
    venue.submit(_approved("a", "0.3", instrument=_PERPETUAL), _STEP)
    events = _live(venue, bars, *range(1, 100))
    assert [event for event in events if isinstance(event, FundingPaid)] == [
        FundingPaid(instrument=_PERPETUAL.id, ts=3 * _STEP, rate=0.0001, amount=Decimal("-0.003")),
        FundingPaid(
            instrument=_PERPETUAL.id, ts=90 * _STEP, rate=-0.0003, amount=Decimal("0.0099")
        ),
    ]
    paid = Decimal("30.03") + Decimal("0.003") - Decimal("0.0099")
    assert venue.balances() == {"USD": Decimal(1_000) - paid}


@pytest.mark.parametrize("quantity", ["90", "-90"])
def test_perpetual_account_that_runs_dry_is_liquidated_and_its_orders_are_dropped(
    quantity: str,
) -> None:
    venue = _venue(costs_of(np.zeros(3), liquidation_fee=0.01))
    bars = _bars(9)
    bars.high[:4] = 101.0
    bars.low[:4] = 99.0
    venue.observe(bars, 0)
    venue.submit(_approved("s", "0.1"), 0)
    venue.submit(_approved("a", quantity, instrument=_PERPETUAL), 0)
    _live(venue, bars, 1, 2, 3)
    venue.submit(
        _approved("l", "1", kind=OrderType.LIMIT, price="1", instrument=_PERPETUAL), 4 * _STEP
    )
    venue.submit(_approved("k", "0.1", kind=OrderType.LIMIT, price="50"), 4 * _STEP)
    venue.events()
    liquidated, dropped = _live(venue, bars, 4, 5)
    assert isinstance(liquidated, Liquidated)
    assert liquidated.quantity == 90
    assert liquidated.side is (Side.BUY if quantity == "-90" else Side.SELL)
    assert liquidated.fee == 90 * liquidated.price * Decimal("0.011")
    assert dropped == OrderCancelled(
        order_id="l", ts=4 * _STEP, detail="the account was liquidated"
    )
    assert venue.positions() == {_SPOT.id: Decimal("0.10")}
    assert venue.find("k") is not None


def test_perpetual_without_a_bar_is_liquidated_when_it_has_one() -> None:
    venue = _venue()
    bars = _bars(9)
    bars.high[:3] = 101.0
    bars.low[:3] = 99.0
    bars.open[3, _PERPETUAL_COLUMN] = math.nan
    bars.close[2, _PERPETUAL_COLUMN] = 80.0
    venue.observe(bars, 0)
    venue.submit(_approved("a", "90", instrument=_PERPETUAL), 0)
    assert [type(event) for event in _live(venue, bars, 1, 2)] == [OrderAccepted, OrderFilled]
    assert _live(venue, bars, 3) == []
    (event,) = _live(venue, bars, 4)
    assert isinstance(event, Liquidated)


def test_liquidated_position_pays_and_receives_no_funding_of_its_last_bar() -> None:
    venue = _venue()
    bars = _bars(9)
    bars.high[:4] = 101.0
    bars.low[:4] = 99.0
    bars.funding[4, _PERPETUAL_COLUMN] = 0.01
    venue.observe(bars, 0)
    venue.submit(_approved("a", "90", instrument=_PERPETUAL), 0)
    _live(venue, bars, 1, 2, 3)
    assert [type(event) for event in _live(venue, bars, 4)] == [Liquidated]


def test_blocks_that_follow_one_another_are_lived_through_like_one() -> None:
    rng = np.random.default_rng(7)
    bars = _bars(60)
    wobble = 1.0 + rng.uniform(-0.02, 0.02, (60, 3))
    bars = bars._replace(open=bars.open * wobble, close=bars.close / wobble)
    bars.close[25:35, _PERPETUAL_COLUMN] = math.nan
    bars.open[25:35, _PERPETUAL_COLUMN] = math.nan
    bars.funding[::7] = 0.001

    def events(cut: int) -> list[VenueEvent]:
        venue = _venue()
        told: list[VenueEvent] = []
        for start in range(0, 60, cut):
            part = _cut(bars, start, start + cut)
            for t in range(len(part.ts)):
                venue.observe(part, t)
                row = start + t
                if row % 5 == 0:
                    side = "" if row % 2 else "-"
                    order = _approved(f"{row}", f"{side}4.2", instrument=_PERPETUAL)
                    venue.submit(order, (row + 1) * _STEP)
                told += venue.events()
        return told

    whole = events(60)
    assert {type(event) for event in whole} >= {OrderFilled, FundingPaid}
    assert events(1) == events(13) == whole


def test_venue_is_idle_without_orders_and_perpetuals() -> None:
    venue = _venue()
    bars = _bars(6)
    _live(venue, bars, 0)
    seen = [venue.is_idle]
    for t, instrument, quantity in ((1, _SPOT, "1"), (2, _PERPETUAL, "1"), (3, _PERPETUAL, "-1")):
        venue.submit(_approved(f"{t}", quantity, instrument=instrument), t * _STEP)
        seen.append(venue.is_idle)
        _live(venue, bars, t)
        seen.append(venue.is_idle)
    assert seen == [True, False, True, False, False, False, True]


def test_idle_venue_that_skipped_bars_values_an_order_at_the_last_close() -> None:
    venue = _venue()
    bars = _bars(6)
    bars.close[4] = 200.0
    _live(venue, bars, 0, 4)
    venue.submit(_approved("a", "6"), 5 * _STEP)
    (event,) = venue.events()
    assert isinstance(event, OrderRefused)


def _working(  # as the ledger knows it
    order_id: str, quantity: str, filled: str, kind: OrderType, price: str | None
) -> Order:
    return Order(
        id=order_id,
        instrument=_SPOT.id,
        side=Side.BUY,
        quantity=Decimal(quantity),
        type=kind,
        price=None if price is None else Decimal(price),
        status=OrderStatus.PARTIALLY_FILLED,
        created_at=0,
        updated_at=0,
        filled=Decimal(filled),
    )


def test_account_comes_back_after_a_restart_with_its_working_orders() -> None:
    venue = _venue(cash="5")
    venue.restore(
        {_SPOT.id: Decimal("1.5"), _PERPETUAL.id: Decimal(-2)},
        Decimal("900.25"),
        [
            _working("m", "2", "0", OrderType.MARKET, None),
            _working("l", "2", "1", OrderType.LIMIT, "91"),
            _working("s", "2", "1", OrderType.STOP, "150"),
        ],
    )
    assert venue.positions() == {_SPOT.id: Decimal("1.50"), _PERPETUAL.id: Decimal("-2.0")}
    assert venue.balances() == {"USD": Decimal("900.25")}
    report = venue.find("l")
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.PARTIALLY_FILLED, Decimal(1))
    fills = _fills(_live(venue, _bars(2), 0))
    assert [(fill.order_id, fill.quantity, fill.price) for fill in fills] == [
        ("m", Decimal(2), Decimal(100)),
        ("l", Decimal(1), Decimal(91)),
        ("s", Decimal(1), Decimal(100)),
    ]
    assert [fill.fill_id for fill in fills] == ["m-200", "l-200", "s-200"]
    with pytest.raises(OutcomeUnknown):
        venue.submit(_approved("m", "1"), _STEP)


def test_order_on_its_way_is_known_as_such() -> None:
    venue = _venue(costs_of(np.zeros(3), latency_ns=_STEP // 2))
    bars = _bars(3)
    _live(venue, bars, 0)
    venue.submit(_approved("1", "1"), _STEP)
    report = venue.find("1")
    assert report is not None
    assert report.status is OrderStatus.SENT
    _live(venue, bars, 1, 2)
    report = venue.find("1")
    assert report is not None
    assert report.status is OrderStatus.FILLED


def _unanswered(order_id: str, quantity: str, price: str | None = None) -> Order:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    order = _working(order_id, quantity, "0", kind, price)
    return msgspec.structs.replace(order, status=OrderStatus.SENT)


def test_order_whose_answer_nobody_wrote_down_is_judged_anew_after_a_restart() -> None:
    venue = _venue()
    venue.restore(
        {},
        Decimal(1_000),
        [_unanswered("first", "6"), _unanswered("limit", "3", "99.5"), _unanswered("large", "4")],
    )
    venue.enter(_bars(2))
    events = _live(venue, _cut(_bars(4), 2, 4), 0)
    (refused,) = (event for event in events if isinstance(event, OrderRefused))
    assert (refused.order_id, refused.detail) == ("large", "BTC-USD.V: insufficient funds")
    assert [fill.order_id for fill in _fills(events)] == ["first", "limit"]
    report = venue.find("large")
    assert report is not None
    assert report.status is OrderStatus.REJECTED


def test_order_that_no_price_is_known_for_after_a_restart_is_let_be() -> None:
    venue = _venue()
    venue.restore({}, Decimal(1_000), [_unanswered("first", "6")])
    assert [fill.order_id for fill in _fills(_live(venue, _bars(2), 0))] == ["first"]


@pytest.mark.parametrize(
    ("instrument", "quantity", "message"),
    [
        (InstrumentId("ETH-USD", "V"), "1", "does not trade there"),
        (_SPOT.id, "1.005", "was the quantity step changed"),
    ],
)
def test_account_that_does_not_fit_the_instruments_is_not_restored(
    instrument: InstrumentId, quantity: str, message: str
) -> None:
    venue = _venue()
    with pytest.raises(ConfigError, match=message):
        venue.restore({instrument: Decimal(quantity)}, Decimal(0))
    assert venue.balances() == {"USD": Decimal(1_000)}


@pytest.mark.parametrize("cash", ["-1", "NaN"])
def test_start_balance_that_can_not_be_is_refused(cash: str) -> None:
    with pytest.raises(ConfigError, match="start balance"):
        _venue(cash=cash)


def test_instrument_of_another_venue_is_refused() -> None:
    stranger = replace(_SPOT, id=InstrumentId("BTC-USD", "W"))
    with pytest.raises(ConfigError, match="trades at no venue"):
        SimulatedVenue("V", [stranger], [0], costs_of(np.zeros(1)), Decimal(1))


def test_order_without_an_answer_is_settled_by_asking_the_venue() -> None:
    venue = _venue()
    bars = _bars(3)
    _live(venue, bars, 0)
    orders = OpenOrders()
    for name in ("arrived", "lost"):
        orders.add(created_and_sent(_approved(name, "1"), _STEP))
    venue.submit(_approved("arrived", "1"), _STEP)
    _live(venue, bars, 1)  # its answers, too, are lost
    port: Venue = venue
    found = reconcile_orders(orders.open(), port, 2 * _STEP, patience_ns=_STEP)
    for event in found.events:
        orders.apply(event)
    arrived, lost = orders.get("arrived"), orders.get("lost")
    assert arrived is not None
    assert lost is not None
    assert (arrived.status, lost.status) == (OrderStatus.FILLED, OrderStatus.REJECTED)
    assert compare_positions({_SPOT.id: arrived.filled}, port) == ()
