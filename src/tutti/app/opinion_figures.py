"""Figures of a backtest apart for opinions of models that can't, and may, have known the future."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.llm.knowledge import CLEAN, CONTAMINATED
from tutti.agents.timeline import OpinionTimeline
from tutti.app.comparison import metrics_of
from tutti.app.tiers import run_fast
from tutti.engine.analysis import CONDUCTOR
from tutti.model.errors import ConfigError
from tutti.model.opinion import Opinion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.timeline import Heard
    from tutti.app.build import Plan
    from tutti.app.settings import Config
    from tutti.model.market import FloatArray, IntArray, MarketBlock

_SHOWN = ("sharpe", "max_drawdown", "n_trades")
_WORTH = ("total_return", "final_equity")


def figures_apart(
    config: Config, plan: Plan, block: MarketBlock, opinions: OpinionTimeline | None
) -> dict[str, Any] | None:
    """Return figures for clean and for contaminated opinions, None where no opinion has a stamp.

    Returns
    -------
    dict
        By stamp: ``n_opinions``; of those with a side whose outcome is known, ``n_judged`` and
        ``hit_rate``; and what the strategy comes to when of all stamped opinions only these are
        heard: ``total_return``, ``sharpe``, ``max_drawdown``, ``n_trades``, ``final_equity``. What
        can't be told is None.
    """
    if opinions is None:
        return None
    stamped = {
        stamp: [each for each in opinions.answers if _stamp(each) == stamp]
        for stamp in (CLEAN, CONTAMINATED)
    }
    if not any(stamped.values()):
        return None
    others = [each for each in opinions.answers if not _stamp(each)]
    told: dict[str, Any] = {
        stamp: _judged(block, heard) | _earned(config, plan, block, opinions, [*others, *heard])
        for stamp, heard in stamped.items()
        if heard
    }
    return {"stamps": told, "n_unstamped": sum(isinstance(e.answer, Opinion) for e in others)}


def _stamp(heard: Heard) -> str:
    return heard.answer.knowledge if isinstance(heard.answer, Opinion) else ""


def _judged(block: MarketBlock, heard: Sequence[Heard]) -> dict[str, Any]:
    columns = {instrument: i for i, instrument in enumerate(block.instruments)}
    bars = [np.flatnonzero(np.isfinite(block.open[:, i])) for i in range(len(columns))]
    hits: list[bool] = []
    for ts, answer in heard:
        if not isinstance(answer, Opinion) or not answer.bias or answer.agent == CONDUCTOR:
            continue
        i = columns[answer.instrument]
        horizon = max(1, round((answer.horizon or answer.time_to_live) / block.step))
        move = _move(block.open[:, i], bars[i], int(np.searchsorted(block.known_at, ts)), horizon)
        if move:
            hits.append((move > 0.0) == (answer.bias > 0.0))
    return {
        "n_opinions": len(heard),
        "n_judged": len(hits),
        "hit_rate": float(np.mean(hits)) if hits else None,
    }


def _move(opens: FloatArray, bars: IntArray, t: int, horizon: int) -> float:
    # from the open of the next bar to that so many later; 0 where it is not known
    begin = int(np.searchsorted(bars, t, side="right"))
    end = begin + horizon
    return float(opens[bars[end]] - opens[bars[begin]]) if end < len(bars) else 0.0


def _earned(
    config: Config,
    plan: Plan,
    block: MarketBlock,
    opinions: OpinionTimeline,
    heard: Sequence[Heard],
) -> dict[str, Any]:
    only = OpinionTimeline(opinions.names, opinions.instruments, heard)
    try:
        outcome = run_fast(config, plan, block, lambda *_: None, opinions=only)
    except ConfigError:  # nor would the fast tier run all of it
        return dict.fromkeys((*_WORTH, *_SHOWN))
    metrics, final = metrics_of(block, outcome), float(outcome.trace.equity[-1])
    balance = float(sum(plan.balances.values()))
    found = {name: float(metrics[name]) for name in _SHOWN}
    found |= {"total_return": final / balance - 1.0, "final_equity": final}
    return {name: value if math.isfinite(value) else None for name, value in found.items()}
