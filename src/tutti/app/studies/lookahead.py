"""The look-ahead test for any configured strategy, plug-ins included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.app.studies.null import play_and_judge, signals_on
from tutti.app.studies.strategy import Strategy
from tutti.model.errors import ConfigError
from tutti.sandbox.lookahead import Lag, LookAhead, Poison, find_peeks, lagged
from tutti.universe.instruments import SAMPLE_BARS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tutti.app.config import Config
    from tutti.model.market import FloatArray, MarketBlock

    Progress = Callable[[int, int, str], None]

LAGS = (-1, 0, 1, 2, 5)
FEWEST_BARS = SAMPLE_BARS + 100
"""Contract terms are read off the first bars, so nothing is poisoned before they are past."""


def run_lookahead(
    config: Config,
    name: str,
    block: MarketBlock,
    progress: Progress,
    *,
    n_cuts: int = 3,
    lags: Sequence[int] = LAGS,
) -> LookAhead:
    """Return whether a strategy looks ahead, and what is left of it when it comes late.

    Parameters
    ----------
    name : str
        What the strategy is called.
    n_cuts : int
        Instants from which on the future is poisoned, in four ways each.
    lags : sequence of int
        Bars; 0 is added where it is missing.

    Raises
    ------
    ConfigError
        If there are too few bars, or the strategy can't be run so.
    """
    if len(block) < FEWEST_BARS:
        raise ConfigError(f"the test takes at least {FEWEST_BARS} bars, there are {len(block)}")
    cuts = np.unique(np.linspace(SAMPLE_BARS + 1, len(block) - 2, n_cuts).astype(int)).tolist()
    n_runs = 1 + len(cuts) * len(Poison)
    done = 0

    def traced(market: MarketBlock) -> dict[str, FloatArray]:
        nonlocal done
        parts = everything(config, market)
        done += 1
        progress(done, n_runs, "poisoned futures")
        return parts

    progress(0, n_runs, "poisoned futures")
    peeks = find_peeks(traced, block, cuts)
    signals = signals_on(config, block)
    found = []
    for bars in sorted({0, *lags}):
        verdict, total = play_and_judge(config, block, lagged(signals, bars))
        found.append(
            Lag(
                bars=bars,
                sharpe_gross=verdict.sharpe_gross,
                sharpe_net=verdict.sharpe_net,
                total_return=total,
                n_fills=verdict.n_fills,
            )
        )
    return LookAhead(
        strategy=name,
        parts=tuple(everything(config, block.rows(0, FEWEST_BARS))),
        peeks=peeks,
        n_poisoned=n_runs - 1,
        lags=tuple(found),
    )


def everything(config: Config, block: MarketBlock) -> dict[str, FloatArray]:
    """Return what each part of a strategy makes of a block that it sees in one go.

    Returns
    -------
    dict of str to ndarray
        Shape (t, n), or (t,) for the account; in the order in which one follows from the other.
    """
    strategy = Strategy(config, block)
    analysis = strategy.analysis()
    made = analysis.advance(block)
    parts: dict[str, FloatArray] = {
        f"feature {name}": made.features[name] for name in made.features.names
    }
    for k, agent in enumerate(analysis.agent_names):
        parts[f"agent {agent}"] = made.views.bias[k]
        parts[f"agent {agent}, confidence"] = made.views.confidence[k]
    parts["regime"] = made.regime.code.astype(np.float64)
    parts["context"] = made.context.bias
    parts["context, confidence"] = made.context.confidence
    parts["signal score"] = made.signals.score
    parts["signal confidence"] = made.signals.confidence
    parts["signal size"] = made.signals.size
    tier = strategy.tier(int(block.ts[0]), len(block))
    tier.advance(block, made.signals)
    trace = tier.result().trace
    parts["gross exposure"] = trace.gross
    parts["equity"] = trace.equity
    return parts
