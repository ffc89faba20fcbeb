"""The scenarios that come with Tutti."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.sandbox.scenarios.effects import (
    Depeg,
    Funding,
    Outage,
    Shock,
    Spread,
    Volatility,
    Volume,
)
from tutti.sandbox.scenarios.scenario import Scenario
from tutti.sandbox.scenarios.span import Span

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOUR, _FOUR_HOURS, _DAY, _THREE_DAYS = Span("1h"), Span("4h"), Span("1d"), Span("3d")
_WEEK = Span("7d")

_ALL = (
    Scenario(
        name="market_crash",
        about="prices fall by 20 % within four hours, and move three times as much for a week",
        effects=(
            Shock(size=-0.2, over=_FOUR_HOURS),
            Volatility(factor=3.0, lasts=_WEEK),
        ),
    ),
    Scenario(
        name="volatility_spike",
        about="prices move two and a half times as much for a week",
        effects=(Volatility(factor=2.5, lasts=_WEEK),),
    ),
    Scenario(
        name="liquidity_crisis",
        about="spreads are five times as wide and a fifth is traded, for three days",
        effects=(
            Spread(factor=5.0, lasts=_THREE_DAYS),
            Volume(factor=0.2, lasts=_THREE_DAYS),
        ),
    ),
    Scenario(
        name="flash_crash",
        about="prices fall by 15 % within ten minutes, and nine tenths of it return in the next fifty",
        effects=(
            Shock(size=-0.15, over=Span("10m"), recover=0.9, recovery=Span("50m")),
            Spread(factor=10.0, lasts=_HOUR),
        ),
    ),
    Scenario(
        name="stablecoin_depeg",
        about="the account's stablecoin falls to 0.88 within a day, and is back after three more",
        effects=(
            Depeg(low=0.88, over=_DAY, hold=_DAY, recover=1.0, recovery=Span("2d")),
            Volatility(factor=1.5, lasts=Span("4d")),
        ),
    ),
    Scenario(
        name="exchange_outage",
        about="prices fall by 10 % within four hours; two hours in, a venue is gone for twelve",
        effects=(
            Shock(size=-0.1, over=_FOUR_HOURS),
            Outage(lasts=Span("12h"), after=Span("2h")),
        ),
    ),
    Scenario(
        name="funding_shock",
        about="longs pay 0.3 % more every eight hours, for a week",
        effects=(Funding(rate=0.003, lasts=_WEEK),),
    ),
)

SCENARIOS: Mapping[str, Scenario] = {each.name: each for each in _ALL}
"""By name."""
