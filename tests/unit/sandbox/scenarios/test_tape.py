"""Bars under a scenario."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.unit.sandbox.scenarios.conftest import START, STRUCK, Lay

from tutti.kernel.clock import HOUR
from tutti.sandbox.scenarios.effects import (
    Depeg,
    Effect,
    Funding,
    Outage,
    Shock,
    Spread,
    Volatility,
    Volume,
)
from tutti.sandbox.scenarios.span import Span
from tutti.sandbox.scenarios.tape import StressedTape

if TYPE_CHECKING:
    from tutti.model.market import MarketBlock

_FIELDS = ("open", "high", "low", "close", "volume", "funding")
_DAY = Span("1d")
_BTC, _ETH, _BTC_Y = range(3)


def test_bars_before_the_scenario_stay_as_they_are_to_the_bit(lay: Lay) -> None:
    laid = lay(Shock(size=-0.3), Volatility(factor=3.0, lasts=_DAY), Volume(factor=0.1, lasts=_DAY))
    for name in _FIELDS:
        before, after = getattr(laid.before, name), getattr(laid.after, name)
        assert (before[:STRUCK] == after[:STRUCK]).all()


def test_gap_moves_the_first_open_by_its_size_and_the_rest_with_it(lay: Lay) -> None:
    laid = lay(Shock(size=-0.2))
    for name in ("open", "high", "low", "close"):
        ratio = getattr(laid.after, name)[STRUCK:] / getattr(laid.before, name)[STRUCK:]
        assert ratio == pytest.approx(0.8, rel=1e-3)


def test_slide_takes_its_time_and_the_low_of_a_bar_is_reached_within_it(lay: Lay) -> None:
    laid = lay(Shock(size=-0.2, over=Span("4h")))
    ratio = laid.after.close[:, _BTC] / laid.before.close[:, _BTC]
    expected = [0.8**0.25, 0.8**0.5, 0.8**0.75, 0.8, 0.8]
    assert ratio[STRUCK : STRUCK + 5] == pytest.approx(expected, rel=1e-3)
    assert laid.after.open[STRUCK, _BTC] == pytest.approx(laid.before.open[STRUCK, _BTC], rel=1e-3)


def test_flash_crash_within_one_bar_shows_in_its_low_alone(lay: Lay) -> None:
    laid = lay(Shock(size=-0.15, over=Span("10m"), recover=1.0, recovery=Span("50m")))
    before, after = laid.before, laid.after
    assert after.low[STRUCK, _BTC] == pytest.approx(0.85 * before.low[STRUCK, _BTC], rel=1e-3)
    for name in ("open", "high", "close"):
        moved = getattr(after, name)[STRUCK, _BTC]
        assert moved == pytest.approx(getattr(before, name)[STRUCK, _BTC], rel=1e-3)


def test_volatility_multiplies_every_return_and_stands_where_it_led(lay: Lay) -> None:
    laid = lay(Volatility(factor=2.5, lasts=_DAY))
    before, after = (np.log(each.close[:, _ETH]) for each in (laid.before, laid.after))
    inside = slice(STRUCK - 1, STRUCK + 24)
    assert np.diff(after[inside]) == pytest.approx(2.5 * np.diff(before[inside]), abs=1e-3)
    assert np.diff(after[STRUCK + 24 :]) == pytest.approx(np.diff(before[STRUCK + 24 :]), abs=1e-3)


def test_no_volatility_at_all_leaves_a_flat_market(lay: Lay) -> None:
    laid = lay(Volatility(factor=0.0, lasts=_DAY))
    inside = slice(STRUCK, STRUCK + 24)
    for name in ("open", "high", "low", "close"):
        assert len(np.unique(getattr(laid.after, name)[inside, _BTC])) == 1


def test_effect_on_some_instruments_leaves_the_others_alone(lay: Lay) -> None:
    laid = lay(Shock(size=-0.2, on=("*.Y",)))
    assert (laid.after.close[:, :2] == laid.before.close[:, :2]).all()
    assert (laid.after.close[STRUCK:, _BTC_Y] < laid.before.close[STRUCK:, _BTC_Y]).all()


def test_prices_stay_on_the_grid_and_bars_hold_together(lay: Lay) -> None:
    laid = lay(
        Shock(size=-0.37, over=Span("7h"), recover=0.5, recovery=Span("90m")),
        Volatility(factor=2.7, lasts=_DAY),
    )
    after = laid.after
    for i, each in enumerate(laid.instruments):
        for name in ("open", "high", "low", "close"):
            steps = getattr(after, name)[:, i] / float(each.price_step)
            assert steps == pytest.approx(np.rint(steps), abs=1e-6)
    assert (after.high >= np.maximum(after.open, after.close)).all()
    assert (after.low <= np.minimum(after.open, after.close)).all()
    assert (after.low > 0.0).all()


def test_missing_bars_stay_missing_and_the_move_meets_the_next_one(
    lay: Lay, market: MarketBlock
) -> None:
    gone = slice(STRUCK - 2, STRUCK + 6)
    sides = {name: getattr(market, name).copy() for name in _FIELDS[:5]}
    for array in sides.values():
        array[gone, _ETH] = np.nan
    laid = lay(Shock(size=-0.2, over=Span("4h")), block=replace(market, **sides))
    assert np.isnan(laid.after.close[gone, _ETH]).all()
    back = laid.after.open[gone.stop, _ETH] / laid.before.open[gone.stop, _ETH]
    assert back == pytest.approx(0.8, rel=1e-3)


def test_instrument_listed_later_begins_at_its_recorded_price(
    lay: Lay, market: MarketBlock
) -> None:
    sides = {name: getattr(market, name).copy() for name in _FIELDS[:5]}
    for array in sides.values():
        array[: STRUCK + 50, _BTC_Y] = np.nan
    laid = lay(Shock(size=-0.2), block=replace(market, **sides))
    assert (laid.after.close[STRUCK + 50 :, _BTC_Y] == market.close[STRUCK + 50 :, _BTC_Y]).all()


def test_depeg_makes_what_it_pays_for_dearer_and_itself_cheaper(lay: Lay) -> None:
    laid = lay(Depeg(low=0.8, currency="USDT"))
    ratio = laid.after.close[STRUCK:] / laid.before.close[STRUCK:]
    assert ratio[:, [_BTC, _ETH]] == pytest.approx(1.25, rel=1e-3)
    assert ratio[:, _BTC_Y] == pytest.approx(1.0)


def test_volume_is_cut_while_it_lasts(lay: Lay) -> None:
    laid = lay(Volume(factor=0.2, lasts=_DAY))
    ratio = laid.after.volume / laid.before.volume
    assert ratio[STRUCK : STRUCK + 24] == pytest.approx(0.2)
    assert (np.delete(ratio, slice(STRUCK, STRUCK + 24), axis=0) == 1.0).all()


def test_spread_alone_leaves_the_bars_alone(lay: Lay) -> None:
    laid = lay(Spread(factor=5.0, lasts=_DAY))
    assert all((getattr(laid.after, n) == getattr(laid.before, n)).all() for n in _FIELDS)


def test_funding_is_paid_at_its_settlements_and_by_perpetuals_alone(lay: Lay) -> None:
    laid = lay(Funding(rate=0.01, lasts=_DAY, every=Span("6h")))
    extra = laid.after.funding - laid.before.funding
    ends = (laid.before.ts + HOUR - START) // HOUR
    due = (ends % 6 == 0) & (ends > STRUCK) & (ends <= STRUCK + 24)
    assert extra[due][:, [_BTC, _BTC_Y]] == pytest.approx(0.01)
    assert extra[:, _BTC].sum() == pytest.approx(0.04)
    assert (extra[:, _ETH] == 0.0).all()


def test_outage_takes_the_bars_that_it_touches_at_its_venue(lay: Lay) -> None:
    laid = lay(Outage(lasts=Span("90m"), venue="X", after=Span("30m")))
    dark = np.isnan(laid.after.close)
    assert dark[STRUCK : STRUCK + 2, :2].all()
    assert dark.sum() == 4
    assert np.isnan(laid.after.volume[dark]).all()


def test_outage_with_prices_shown_leaves_the_bars_alone(lay: Lay) -> None:
    laid = lay(Outage(lasts=_DAY, venue="X", prices="shown"))
    assert not np.isnan(laid.after.close).any()


def test_outage_everywhere_leaves_no_rows_and_its_funding_is_paid_after(
    lay: Lay, market: MarketBlock
) -> None:
    laid = lay(Outage(lasts=_DAY, venue="X"), Outage(lasts=_DAY, venue="Y"))
    assert len(laid.after) == len(market) - 24
    assert laid.after.funding.sum(axis=0) == pytest.approx(market.funding.sum(axis=0))
    assert laid.after.funding[STRUCK, _BTC] == pytest.approx(3 * 0.0001)


_MIXED: tuple[tuple[Effect, ...], ...] = (
    (Shock(size=-0.2, over=Span("4h")), Volatility(factor=3.0, lasts=_DAY)),
    (Depeg(low=0.9, over=_DAY, recover=1.0, recovery=_DAY), Volume(factor=0.2, lasts=_DAY)),
    (Outage(lasts=_DAY, venue="X"), Outage(lasts=_DAY, venue="Y"), Funding(rate=0.01, lasts=_DAY)),
)


@pytest.mark.parametrize("effects", _MIXED)
@pytest.mark.parametrize("length", [1, 7, 101])
def test_any_cutting_of_the_bars_gives_the_same_ones(
    lay: Lay, effects: tuple[Effect, ...], length: int
) -> None:
    laid = lay(*effects)
    tape = StressedTape(laid.under, laid.instruments)
    parts = [
        tape.advance(laid.before.rows(t, min(t + length, len(laid.before))))
        for t in range(0, len(laid.before), length)
    ]
    for name in ("ts", *_FIELDS):
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(joined, getattr(laid.after, name), equal_nan=True)


@pytest.mark.parametrize("effects", _MIXED)
def test_nothing_later_changes_an_earlier_bar(
    lay: Lay, market: MarketBlock, effects: tuple[Effect, ...]
) -> None:
    known = STRUCK + 30
    sides = {name: getattr(market, name).copy() for name in _FIELDS}
    for array in sides.values():
        array[known:] *= 7.0
    clean, poisoned = lay(*effects).after, lay(*effects, block=replace(market, **sides)).after
    rows = int(np.searchsorted(clean.ts, market.ts[known]))
    for name in _FIELDS:
        assert np.array_equal(
            getattr(clean, name)[:rows], getattr(poisoned, name)[:rows], equal_nan=True
        )
