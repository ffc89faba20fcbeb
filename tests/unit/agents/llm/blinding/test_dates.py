"""Dates in running text, told from the instant of reading."""

from __future__ import annotations

from datetime import date

import pytest

from tutti.agents.llm.blinding.dates import without_dates

TODAY = date(2025, 4, 16)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("on 2025-04-13", "on 3 days earlier"),
        ("on 2025-04-13T09:30:00Z.", "on 3 days earlier."),
        ("on 20250413", "on 3 days earlier"),
        ("on 04/13/2025", "on 3 days earlier"),
        ("on 13.04.2025", "on 3 days earlier"),
        ("on 4/13/25", "on 3 days earlier"),
        ("calls 4/17", "calls 1 day ahead"),
        ("two thirds, 2/3 of it, 24/7", "two thirds, 2/3 of it, 24/7"),
        ("April 13, 2025", "3 days earlier"),
        ("Apr. 13", "3 days earlier"),
        ("APRIL 13TH", "3 days earlier"),
        ("13 April 2025", "3 days earlier"),
        ("the 13th of April", "the 3 days earlier"),
        ("today, April 16", "today, today"),
        ("Dec 30", "107 days earlier"),
        ("March 2025", "1 month earlier"),
        ("Mar '24", "13 months earlier"),
        ("January 2020", "5 years earlier"),
        ("Q1 2025", "a quarter of this year"),
        ("4Q24 results", "a quarter of 1 year earlier results"),
        ("Q3 results", "a quarter results"),
        ("Q3-2024", "a quarter of 1 year earlier"),
        ("H1/25", "a half of this year"),
        ("2024Q3 and 2025-Q1", "a part of 1 year earlier and a part of this year"),
        ("2025W11", "a part of this year"),
        ("EPS 2024e", "EPS 1 year earlier"),
        ("report_2024_q3", "report_a part of 1 year earlier_q3"),
        ("Mar-24", "some time"),
        ("twenty twenty-four", "some time"),
        (
            "Two Thousand and Eight was, two thousand twenty",
            "Two Thousand and Eight was, some time",
        ),
        ("twenty years, twenty thousand", "twenty years, twenty thousand"),
        ("first-quarter 2024", "a quarter of 1 year earlier"),
        ("FY2024", "1 year earlier"),
        ("fiscal year 2026", "1 year ahead"),
        ("in 2008", "in 17 years earlier"),
        ("in 2023-24", "in 2 years earlier and after"),
        ("the 1990s", "the 3 decades earlier"),
        ("since February", "since 2 months earlier"),
        ("in May", "in 1 month ahead"),
        ("May jobs data", "1 month ahead jobs data"),
        ("Stocks May Rise", "Stocks May Rise"),
        ("as March data", "as 1 month earlier data"),
        ("by mid-June", "by mid-2 months ahead"),
        ("class of '24", "class of 1 year earlier"),
        ("at 1744840800", "at [time]"),
        ("February 30, 2025", "some day"),
        ("2025", "this year"),
        ("over 2,025 jobs and $2025", "over 2,025 jobs and $2025"),
        ("up 2.5 % on 20 days", "up 2.5 % on 20 days"),
    ],
)
def test_dates_are_told_from_today(text: str, told: str) -> None:
    assert without_dates(text, TODAY) == told


@pytest.mark.parametrize("text", ["2025-04-13", "Q1 2025", "in May 2024", "January 1970", "1950s"])
def test_dates_told_once_are_left_alone(text: str) -> None:
    once = without_dates(text, TODAY)
    assert without_dates(once, TODAY) == once


def test_leap_day_without_a_year_is_the_nearest_there_is() -> None:
    assert without_dates("Feb 29", date(2024, 3, 1)) == "1 day earlier"
    assert without_dates("Feb 29", date(2022, 3, 1)) == "some day"
