"""What each agent, and the policy, said about recorded bars: signals to hold against the market."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.app.backtest import terms_overrides
from tutti.app.build import analysis_of
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from tutti.agents.timeline import OpinionTimeline
    from tutti.app.config import Config
    from tutti.model.market import FloatArray, MarketBlock

POLICY = "policy"
_ANALYSED = 65_536
"""Symbol-bars in one go: more would fall out of the processor's cache."""


def signals_of(
    config: Config,
    block: MarketBlock,
    *,
    confidence: float = 0.0,
    opinions: OpinionTimeline | None = None,
) -> dict[str, FloatArray]:
    """Return by name what was said at each close: of each agent its bias, of the policy its score.

    Parameters
    ----------
    confidence : float
        Opinions that are less sure count as abstentions, [0, 1].
    opinions : OpinionTimeline, optional
        What agents said that have to be awaited; without it they are silent.

    Returns
    -------
    dict of str to ndarray of float64, shape (t, n)
        Positive is up, 0 flat, NaN an abstention; nothing later than the close entered.
    """
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    analysis = analysis_of(config, universe.instruments, late=opinions)
    names = analysis.agent_names
    heard: dict[str, list[FloatArray]] = {name: [] for name in (*names, POLICY)}
    length = max(1, _ANALYSED // len(block.instruments))
    for begin in range(0, len(block), length):
        thought = analysis.advance(block.rows(begin, min(begin + length, len(block))))
        for k, name in enumerate(names):
            sure = thought.views.confidence[k] >= confidence
            heard[name].append(np.where(sure, thought.views.bias[k], np.nan))
        sure = thought.signals.confidence >= confidence
        heard[POLICY].append(np.where(sure, thought.signals.score, np.nan))
    return {name: np.concatenate(parts) for name, parts in heard.items()}
