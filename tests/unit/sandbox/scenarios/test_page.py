"""A stress study as a page."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tutti.kernel.clock import HOUR
from tutti.sandbox.scenarios.catalogue import SCENARIOS
from tutti.sandbox.scenarios.figures import (
    Change,
    Figures,
    Moment,
    Stressed,
    Stretch,
    curves_of,
    stretch,
)
from tutti.sandbox.scenarios.page import stress_page

_METRICS = {"max_drawdown": 0.1, "sharpe": 1.0, "slippage_bps": 1.0}


def _figures(change: float, **more: object) -> Figures:
    plain = Figures(
        final_equity=10_000.0 * (1.0 + change),
        metrics=_METRICS,
        during=Stretch(change=change, max_drawdown=max(-change, 0.0)),
        holding=Stretch(change=-0.2, max_drawdown=0.2),
        n_fills=10,
        liquidations=0,
        fees=1.0,
        funding=0.0,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def _stressed(name: str, change: float, **more: object) -> Stressed:
    hours = np.arange(1, 11, dtype=np.int64) * HOUR
    plain = Stressed(
        scenario=SCENARIOS[name],
        starts=HOUR,
        ends=5 * HOUR,
        changed_bars=7,
        baseline=_figures(0.01),
        stressed=_figures(change),
        curves=curves_of(hours, np.full(10, 1e4), hours[5:], np.full(5, 9e3)),
    )
    return replace(plain, **more)  # type: ignore[arg-type]


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def _read(page: str) -> str:
    parser = _Text()
    parser.feed(page)
    return " ".join(parser.seen)


def test_page_of_several_leads_with_the_worst_and_lists_what_was_left_out() -> None:
    studies = [_stressed("market_crash", -0.1), _stressed("flash_crash", -0.3)]
    text = _read(stress_page(studies, {"funding_shock": "no <perpetual>"}, {}, "cross on A"))
    assert "flash_crash is the worst: -30.0 %." in text
    assert "All scenarios" in text
    assert "no <perpetual>" in text
    assert "cross on A" in text


def test_page_tells_breakers_halts_moments_and_tiers() -> None:
    moment = Moment(
        ts=HOUR, during=Stretch(change=-0.05, max_drawdown=0.06),
        holding=Stretch(change=-0.2, max_drawdown=0.2),
        unstressed=Stretch(change=0.0, max_drawdown=0.0), exposure=0.5, liquidations=2,
    )  # fmt: skip
    change = Change(ts=2 * HOUR, mode="flatten", reason="drawdown 20.00%")
    study = _stressed(
        "market_crash",
        -0.1,
        baseline=_figures(0.01, breakers=(change,), orders={"entry": 3}),
        stressed=_figures(-0.1, breakers=(change,), halted="5 orders in a row failed"),
        moments=(moment,),
        ends=99 * HOUR,
        parity={"fills_equal": False, "max_rel_equity_diff": 0.5},
    )
    text = _read(stress_page([study], {}, {"verdict": "It lost money."}, ""))
    for told in (
        "breaker without it at 1970-01-01T02:00",
        "breaker at 1970-01-01T02:00",
        "halted: 5 orders in a row failed",
        "orders: entry 3; stressed: none",
        "at 1 moments: worst -5.0 % (0.0 % without it)",
        "tiers: fills DIFFER, equity within 5.0e-01",
        "It lost money.",
        "7 bars changed; THE BARS END BEFORE IT DOES",
        "50 %",
    ):
        assert told in text
    assert "All scenarios" not in text


def test_page_needs_no_network() -> None:
    page = stress_page([_stressed("market_crash", -0.1, curves=None)], {}, {}, "")
    assert "<link" not in page
    assert " src=" not in page
    assert "<svg" not in page


def test_curves_show_the_last_equity_where_the_stressed_run_has_no_bar() -> None:
    hours = np.arange(1, 6, dtype=np.int64)
    found = curves_of(hours, np.full(5, 10.0), np.array([2, 4], np.int64), np.array([8.0, 7.0]))
    assert found.stressed.tolist() == [10.0, 8.0, 8.0, 7.0, 7.0]


@pytest.mark.parametrize(
    ("begin", "end", "change", "fall"), [(2, 4, -0.5, 0.6), (0, 99, 0.0, 0.6), (5, 5, 0.0, 0.0)]
)
def test_stretch_is_from_the_value_before_it_began_to_the_bar_in_which_it_ended(
    begin: int, end: int, change: float, fall: float
) -> None:
    known = np.arange(1, 7, dtype=np.int64)
    value = np.array([8.0, 10.0, 4.0, 5.0, 6.0, 8.0])
    found = stretch(known, value, begin, end)
    assert found.change == pytest.approx(change)
    assert found.max_drawdown == pytest.approx(fall)
