"""A result in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import DAY, MINUTE, SECOND
from tutti.sandbox.result import Baseline
from tutti.sandbox.wording import currency, metric_rows, money, number, percent, period, verdict

if TYPE_CHECKING:
    from tests.unit.conftest import ResultMaker


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1234, "+12.3 %"),
        (-0.1234, "-12.3 %"),
        (0.0, "0.0 %"),
        (-0.00001, "0.0 %"),
        (123.4, "+12,340.0 %"),
        (math.nan, "-"),
    ],
)
def test_percent_has_a_sign_unless_it_is_nothing(value: float, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1,234.50"),
        (-0.0, "0.00"),
        (-0.001, "0.00"),
        (-1234.5, "-1,234.50"),
        (123_456.7, "123,457"),
        (math.inf, "-"),
    ],
)
def test_money_is_short_where_cents_do_not_matter(value: float, text: str) -> None:
    assert money(value) == text


def test_number_that_is_none_is_a_dash() -> None:
    assert (number(1.005, 1), number(math.nan)) == ("1.0", "-")


def ending(name: str, result_end: float, size: int) -> Baseline:
    return Baseline(name=name, metrics={}, equity=np.full(size, result_end))


def test_verdict_names_what_it_lost_to_beat_and_matched(make_result: ResultMaker) -> None:
    size = len(make_result().ts)
    result = make_result(
        final_equity=10_500.0,
        baselines={
            "buy_and_hold": ending("buy_and_hold", 12_000.0, size),
            "random": ending("random", 9_000.0, size),
            "mine": ending("mine", 8_000.0, size),
            "flat": ending("flat", 10_500.0, size),
        },
        configuration={"quote_currency": "USDT"},
    )
    assert verdict(result) == (
        True,
        "It ended at 10,500.00 USDT (+5.0 %). It lost to buying and holding (+20.0 %); it beat "
        "random trading (-10.0 %) and mine (-20.0 %); it matched doing nothing (+5.0 %).",
    )


def test_verdict_on_a_strategy_that_never_traded_begins_with_that(
    make_result: ResultMaker,
) -> None:
    size = len(make_result().ts)
    flat = {"flat": ending("flat", 10_000.0, size)}
    assert verdict(make_result(final_equity=10_000.0, n_fills=0, baselines=flat)) == (
        False,
        "It never traded. It ended at 10,000.00 (0.0 %). It matched doing nothing (0.0 %).",
    )


def test_verdict_without_baselines_is_where_it_ended(make_result: ResultMaker) -> None:
    assert verdict(make_result(final_equity=9_000.0, baselines={})) == (
        False,
        "It ended at 9,000.00 (-10.0 %).",
    )


def test_rows_leave_out_figures_of_trades_where_there_were_none(make_result: ResultMaker) -> None:
    rows = {row[0]: row[1:] for row in metric_rows(make_result())}
    assert rows["Hit rate"] == ("41.0 %", "-", "-", "-")
    assert rows["Final equity"][3] == "10,000.00"
    assert rows["Total return"][3] == "0.0 %"


def test_rows_leave_out_what_a_result_does_not_have(make_result: ResultMaker) -> None:
    labels = [row[0] for row in metric_rows(make_result(metrics={"sharpe": 1.0}))]
    assert labels == ["Final equity", "Total return", "Sharpe"]


@pytest.mark.parametrize(
    ("step", "told"), [(DAY, "1d"), (5 * MINUTE, "5m"), (30 * SECOND, "30s"), (SECOND // 2, "0.5s")]
)
def test_period_says_the_length_of_a_bar(make_result: ResultMaker, step: int, told: str) -> None:
    assert period(make_result(step=step)).endswith(f"bars of {told}")


def test_currency_unknown_is_empty(make_result: ResultMaker) -> None:
    assert currency(make_result(configuration={})) == ""
