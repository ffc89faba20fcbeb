"""Candles of trades, of the made-up past, and of both."""

from __future__ import annotations

from decimal import Decimal

from tutti.kernel.clock import DAY, HOUR, MINUTE
from tutti.testing.exchanges.past import Past
from tutti.testing.exchanges.tape import Tape
from tutti.testing.exchanges.values import Listing, Print, Side

D = Decimal
_LISTING = Listing(
    name="BTC/USD",
    price_step=D("0.5"),
    quantity_step=D("0.01"),
    min_quantity=D("0.01"),
    min_notional=D(1),
    price=D(100),
)
_OPENED = 100 * DAY


def _tape(*trades: tuple[int, str, str], past: bool = False) -> Tape:
    tape = Tape(_LISTING)
    if past:
        tape.past = Past(_LISTING, _OPENED, 3)
    for k, (ts, price, quantity) in enumerate(trades):
        tape.add(
            Print(
                id=k,
                listing=_LISTING,
                side=Side.BUY,
                price=D(price),
                quantity=D(quantity),
                ts=_OPENED + ts,
            )
        )
    return tape


def test_candle_has_the_first_highest_lowest_and_last_price() -> None:
    tape = _tape((0, "100", "1"), (10, "103", "1"), (20, "98", "2"), (30, "99", "1"))
    (candle,) = tape.candles(MINUTE, _OPENED, _OPENED + MINUTE, fills_gaps=True)
    assert (candle.open, candle.high, candle.low, candle.close) == (D(100), D(103), D(98), D(99))
    assert (candle.volume, candle.turnover, candle.n_trades) == (D(5), D(498), 4)


def test_time_without_a_trade_is_flat_or_absent_as_asked() -> None:
    tape = _tape((0, "100", "1"), (2 * MINUTE, "105", "1"))
    end = _OPENED + 3 * MINUTE
    flat = tape.candles(MINUTE, _OPENED, end, fills_gaps=True)
    assert [(each.close, each.volume) for each in flat] == [
        (D(100), D(1)),
        (D(100), D(0)),
        (D(105), D(1)),
    ]
    assert len(tape.candles(MINUTE, _OPENED, end, fills_gaps=False)) == 2


def test_candles_of_an_hour_join_past_and_present() -> None:
    tape = _tape((0, "100", "1"), (90 * MINUTE, "120", "1"), past=True)
    hours = tape.candles(HOUR, _OPENED - 2 * HOUR, _OPENED + 2 * HOUR, fills_gaps=True)
    assert [each.ts - _OPENED for each in hours] == [-2 * HOUR, -HOUR, 0, HOUR]
    assert hours[1].close == D(100)
    assert hours[3].high == D(120)
    minutes = tape.candles(MINUTE, _OPENED - 2 * HOUR, _OPENED, fills_gaps=True)
    assert len(minutes) == 120
    assert hours[0].high == max(each.high for each in minutes[:60])
    assert hours[0].low == min(each.low for each in minutes[:60])
    assert hours[0].volume == sum(each.volume for each in minutes[:60])
    assert all(each.low <= each.open <= each.high for each in minutes)


def test_past_is_the_same_for_the_same_seed_and_ends_at_the_opening_price() -> None:
    first, second = (Past(_LISTING, _OPENED, 8) for _ in range(2))
    stretch = (MINUTE, _OPENED - HOUR, _OPENED)
    assert first.candles(*stretch) == second.candles(*stretch)
    assert first.candles(*stretch)[-1].close == _LISTING.price
    assert first.candles(MINUTE, _OPENED, _OPENED + HOUR) == []


def test_day_is_the_last_24_hours() -> None:
    tape = _tape((0, "200", "1"), (DAY, "100", "2"), (DAY + 2, "110", "1"))
    day = tape.day(_OPENED + DAY + MINUTE // 2)
    assert (day.high, day.low, day.close, day.volume) == (D(110), D(100), D(110), D(3))
    assert Tape(_LISTING).day(_OPENED).close == D(100)


def test_day_with_a_past_has_its_range() -> None:
    tape = _tape(past=True)
    day = tape.day(_OPENED + MINUTE)
    hours = tape.candles(MINUTE, _OPENED - DAY + 2 * MINUTE, _OPENED, fills_gaps=False)
    assert day.high == max(each.high for each in hours)
    assert day.volume == sum(each.volume for each in hours)
