"""A comparison as a page."""

from __future__ import annotations

import numpy as np

from tutti.kernel.clock import DAY
from tutti.sandbox.ab import paired
from tutti.sandbox.ab_page import Contender, ab_page, days, verdict
from tutti.stats.superiority import superiority

_RNG = np.random.default_rng(4)
_MARKET = _RNG.normal(0.0, 0.01, 200)
_DAYS = np.arange(1, 202, dtype=np.int64) * DAY


def _contender(name: str, extra: float) -> Contender:
    gains = _MARKET + extra + 1e-4 * _RNG.normal(size=200)
    equity = 1e4 * np.cumprod(np.concatenate([[1.0], 1.0 + gains]))
    pair = paired(_MARKET, gains, np.random.default_rng(1), per_year=365.0, n_samples=200)
    return Contender(
        name=name,
        equity=equity,
        figures=(("final equity", f"{equity[-1]:,.2f}"),),
        pair=pair if extra else None,
    )


def _page(*contenders: Contender) -> str:
    excess = np.column_stack([np.diff(np.log(each.equity)) - _MARKET for each in contenders[1:]])
    best = superiority(excess, np.random.default_rng(1), n_samples=200)
    return ab_page(_DAYS, contenders, best, "on A")


def test_page_says_which_is_better_and_draws_each() -> None:
    page = _page(_contender("a", 0.0), _contender("b", 0.001), _contender("c", -0.001))
    assert "b is better than a" in page
    assert "c is worse than a" in page
    assert "b less a: mean return a year" in page
    assert page.count("<polyline") >= 3
    assert "The best of 2: p = 0.000" in page


def test_days_on_which_nobody_held_anything_are_told() -> None:
    idle = np.where(np.arange(200) < 150, 0.0, _MARKET)
    pair = paired(idle, 2.0 * idle, np.random.default_rng(1), per_year=365.0, n_samples=100)
    assert pair.n_idle == 150
    assert days(pair).startswith("over 200 days, on 150 of which neither account moved (blocks of")


def test_verdict_without_a_difference_says_that_chance_does_it() -> None:
    pair = paired(_MARKET, _MARKET.copy(), np.random.default_rng(1), per_year=365.0, n_samples=100)
    assert verdict("b", "a", pair.mean) == "nothing tells b from a: chance alone does this"
