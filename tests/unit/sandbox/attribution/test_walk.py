"""What each fill and each bar earned, and for whom, worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Regime
from tutti.sandbox.attribution.events import Execution, Payment, Prices
from tutti.sandbox.attribution.table import Key, Parts
from tutti.sandbox.attribution.walk import attribute

if TYPE_CHECKING:
    from tutti.model.market import IntArray

_COIN = InstrumentId("BTC-USD", "X")
_NAN = float("nan")
_RANGE, _BULL = int(Regime.RANGE_BOUND), int(Regime.BULL_TRENDING)


def _prices(
    close: list[float], opens: list[float] | None = None, regime: list[int] | None = None
) -> Prices:
    codes: IntArray | None = None if regime is None else np.array(regime, np.int64)[:, None]
    return Prices(
        ts=np.arange(len(close), dtype=np.int64) * 10,
        close=np.array(close)[:, None],
        open=None if opens is None else np.array(opens)[:, None],
        regime=codes,
    )


def _fill(
    ts: int, quantity: int, price: str, reference: str | None, *, fee: str = "0", lead: str = "a"
) -> Execution:
    return Execution(
        ts=ts, instrument=0, quantity=Decimal(quantity), price=Decimal(price), fee=Decimal(fee),
        reference=None if reference is None else Decimal(reference), lead=lead,
    )  # fmt: skip


def _key(agent: str = "a", regime: str = "unknown", side: str = "long") -> Key:
    return Key(agent, "BTC-USD.X", "X", regime, side)


def _parts(*values: str) -> Parts:
    return Parts(*map(Decimal, values))


def test_purchase_is_split_into_signal_timing_slippage_and_cost() -> None:
    prices = _prices([100.0, 110.0], opens=[99.0, 103.0])
    found = attribute([_COIN], prices, [_fill(10, 2, "104", "100", fee="1.5")])
    # decided at 100, could trade at 103, paid 104, closed at 110
    assert dict(found.cells) == {_key(): _parts("20", "-6", "-2", "-1.5", "0")}
    assert found.total == 2 * (110 - 104) - Decimal("1.5")


def test_sale_into_a_short_counts_the_other_way() -> None:
    prices = _prices([100.0, 90.0], opens=[100.0, 98.0])
    found = attribute([_COIN], prices, [_fill(10, -1, "97", "100")])
    assert dict(found.cells) == {_key(side="short"): _parts("10", "-2", "-1", "0", "0")}


def test_holding_earns_for_its_lead_until_it_is_closed() -> None:
    prices = _prices([100.0, 101.0, 105.0, 104.0, 90.0], opens=[100.0, 100.0, 101.0, 105.0, 104.0])
    events = [_fill(10, 1, "100", "100"), _fill(30, -1, "105", "105", lead="b")]
    found = attribute([_COIN], prices, events)
    assert dict(found.cells) == {_key(): _parts("5", "0", "0", "0", "0")}


def test_position_that_turns_is_split_between_the_leads_and_the_fee_with_it() -> None:
    prices = _prices([100.0, 100.0, 100.0, 90.0], opens=[100.0] * 4)
    events = [_fill(10, 1, "100", "100"), _fill(20, -3, "99", "100", fee="3", lead="b")]
    found = attribute([_COIN], prices, events)
    assert dict(found.cells) == {
        _key(): _parts("0", "0", "-1", "-1", "0"),
        _key("b", side="short"): _parts("20", "0", "-2", "-2", "0"),
    }


def test_adding_to_a_position_keeps_its_lead() -> None:
    prices = _prices([100.0, 100.0, 110.0], opens=[100.0] * 3)
    events = [_fill(0, 1, "100", "100"), _fill(10, 1, "100", "100", lead="b")]
    assert [key.agent for key, _ in attribute([_COIN], prices, events).cells] == ["a"]


def test_each_bar_belongs_to_the_regime_that_was_known_before_it() -> None:
    prices = _prices(
        [100.0, 101.0, 103.0, 106.0, 110.0], opens=[100.0] * 5,
        regime=[_RANGE, _RANGE, _BULL, _BULL, _RANGE],
    )  # fmt: skip
    found = attribute([_COIN], prices, [_fill(0, 1, "100", "100")])
    earned = {line.names[0]: line.parts.total for line in found.by("regime")}
    # the first bar had none before it; 101 and 103 followed a range, 106 and 110 a trend
    assert earned == {"unknown": 0, "range_bound": 3, "bull_trending": 7}


def test_missing_bars_are_held_at_the_last_close() -> None:
    prices = _prices([100.0, _NAN, _NAN, 104.0], opens=[100.0, _NAN, _NAN, 103.0])
    found = attribute([_COIN], prices, [_fill(0, 1, "100", "100"), _fill(30, -1, "103", "100")])
    assert found.parts == _parts("0", "3", "0", "0", "0")


def test_funding_goes_to_what_is_held_when_it_is_paid() -> None:
    prices = _prices([100.0, 100.0], opens=[100.0, 100.0])
    events: list[Execution | Payment] = [
        _fill(0, -1, "100", "100"), Payment(ts=10, instrument=0, amount=Decimal("0.25"))
    ]  # fmt: skip
    found = attribute([_COIN], prices, events)
    assert found.parts == _parts("0", "0", "0", "0", "0.25")
    assert [key.side for key, _ in found.cells] == ["short"]


def test_forced_close_is_nobodys_decision_and_its_fee_is_a_cost() -> None:
    prices = _prices([100.0, 100.0], opens=[100.0, 95.0])
    events = [_fill(0, 1, "100", "100"), _fill(10, -1, "80", None, fee="4")]
    found = attribute([_COIN], prices, events)
    assert found.parts == _parts("-20", "0", "0", "-4", "0")


def test_without_opens_timing_is_contained_in_slippage() -> None:
    found = attribute([_COIN], _prices([100.0, 110.0]), [_fill(10, 1, "104", "100")])
    assert found.parts == _parts("10", "0", "-4", "0", "0")
    assert not found.has_timing
    assert found.to_dict()["components"]["timing"] is None


def test_fill_on_an_open_that_is_missing_has_no_timing() -> None:
    prices = _prices([100.0, 110.0], opens=[100.0, _NAN])
    found = attribute([_COIN], prices, [_fill(10, 1, "104", "100")])
    assert found.parts == _parts("10", "0", "-4", "0", "0")


def test_fill_before_any_bar_is_marked_at_its_price() -> None:
    prices = _prices([_NAN, 110.0], opens=[_NAN, 110.0])
    found = attribute([_COIN], prices, [_fill(0, 1, "104", "104")])
    assert found.total == 6


def test_event_outside_the_bars_belongs_to_the_nearest() -> None:
    prices = _prices([100.0, 110.0])
    assert [prices.row(ts) for ts in (-5, 0, 9, 10, 99)] == [0, 0, 0, 1, 1]


def test_prices_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="regime must have 2 rows, has 1"):
        Prices(
            ts=np.array([0, 1], np.int64), close=np.ones((2, 1)), regime=np.zeros((1, 1), np.int64)
        )


def test_nothing_traded_is_nothing_earned() -> None:
    found = attribute([_COIN], _prices([100.0]), [])
    assert found.total == 0
    assert found.by("agent") == ()


def test_breakdown_is_by_one_or_several_dimensions_the_largest_first() -> None:
    prices = _prices([100.0, 100.0, 100.0, 90.0], opens=[100.0] * 4)
    events = [_fill(10, 1, "100", "100"), _fill(20, -3, "99", "100", fee="3", lead="b")]
    found = attribute([_COIN], prices, events)
    lines = found.by("side", "agent")
    assert [line.names for line in lines] == [("short", "b"), ("long", "a")]
    plain = found.to_dict([("side", "agent")])
    assert plain["by"]["side,agent"][0]["agent"] == "b"
    assert plain["by"]["side,agent"][0]["total"] == 16.0
    assert set(found.to_dict()["by"]) == {"agent", "instrument", "venue", "regime", "side"}


def test_breakdown_by_something_else_is_refused() -> None:
    found = attribute([_COIN], _prices([100.0]), [])
    with pytest.raises(ValueError, match="there is no 'mood'; there are agent"):
        found.by("mood")
