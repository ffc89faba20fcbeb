"""What is made of the market before the book is looked at: features to signals, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np

from tutti.agents.aggregation import Aggregation, aggregate
from tutti.conductor.spoken import blend
from tutti.features.block import FeatureBlock
from tutti.model.arrays import Signals
from tutti.model.market import FloatArray, IntArray, MarketBlock
from tutti.model.opinion import Abstention, ContextBlock, Opinion, RegimeBlock, Views

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.agents.array_panel import ArrayPanel
    from tutti.agents.following import WeightFollower
    from tutti.conductor.regime import RegimeClassifier
    from tutti.features.pipeline import FeaturePipeline
    from tutti.model.instrument import InstrumentId
    from tutti.policy.port import Policy


CONDUCTOR: Final = "conductor"
"""Who says which regime it is, among those that have to be awaited; see `conductor.spoken`."""


class AnalysisBlock(NamedTuple):
    """Everything that was thought about a block of t ticks and n instruments.

    ``views`` has arrays of shape (a, t, n), array agents first, in the panel's order: what was said.
    ``corrected`` are the confidences that were pooled instead; None where they were as said.
    ``weights`` are those of the agents at each tick, (t, a); None where they stay as configured.
    """

    features: FeatureBlock
    views: Views
    regime: RegimeBlock
    context: ContextBlock
    signals: Signals
    corrected: FloatArray | None = None
    weights: FloatArray | None = None


class LateViews(Protocol):
    """Opinions of agents that have to be awaited, as they stand at each instant."""

    names: tuple[str, ...]

    def views(self, ts: IntArray) -> Views:
        """Return arrays of shape (a, t, n) over the instants ``ts``; NaN where faded or absent."""
        ...

    def standing(self, instrument: InstrumentId, ts: int) -> list[Opinion | Abstention]:
        """Return what each agent has to say about an instrument at ``ts``."""
        ...


class Weighting(NamedTuple):
    """How opinions become one context.

    Parameters
    ----------
    method : Aggregation
        Weighted average, majority vote or Bayesian pool.
    weights : ndarray of float64, shape (a,)
        Base weight of each agent.
    regime_weights : ndarray of float64, shape (5, a)
        Factor by regime code and agent.
    active : ndarray of int64, shape (a, n)
        0 where an agent may not speak on an instrument.
    """

    method: Aggregation
    weights: FloatArray
    regime_weights: FloatArray
    active: IntArray


class Analysis:
    """Runs features, agents, conductor, aggregation and policy over blocks of bars.

    State is carried from block to block, so any cutting of the same bars gives the same numbers:
    a backtest passes thousands of ticks at a time, a live run one.

    Parameters
    ----------
    pipeline : FeaturePipeline
        Computes what agents, conductor and policy need.
    panel : ArrayPanel
        May be empty.
    classifier : RegimeClassifier or None
        None where nothing asks for the regime.
    policy : Policy
    weighting : Weighting
    late : LateViews or None
        Opinions of agents that have to be awaited. One called `CONDUCTOR` speaks on the regime
        and is none of the panel.
    correction : callable, optional
        From views and the instants at which the ticks' bars became known to the views that are
        pooled; see `tutti.agents.calibration.Correction`.
    follower : WeightFollower, optional
        Pools in place of ``weighting``, with weights that follow worth.
    """

    def __init__(  # noqa: PLR0913 - the parts that it joins
        self,
        *,
        pipeline: FeaturePipeline,
        panel: ArrayPanel,
        classifier: RegimeClassifier | None,
        policy: Policy,
        weighting: Weighting,
        late: LateViews | None = None,
        correction: Callable[[Views, IntArray], Views] | None = None,
        follower: WeightFollower | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.panel = panel
        self.classifier = classifier
        self.policy = policy
        self.weighting = weighting
        self.late = late
        self.correction = correction
        self.follower = follower
        self._ahead: tuple[int, FeatureBlock] | None = None
        late_names = late.names if late is not None else ()
        self._spoken = late_names.index(CONDUCTOR) if CONDUCTOR in late_names else None
        self.agent_names: tuple[str, ...] = tuple(panel.names) + tuple(
            name for name in late_names if name != CONDUCTOR
        )

    def look(self, block: MarketBlock) -> FeatureBlock:
        """Return the features of the next ticks, for whoever is asked before they are analysed.

        The next call of `advance` must be of the same ticks.
        """
        features = self.pipeline.advance(block)
        self._ahead = int(block.ts[-1]), features
        return features

    def advance(self, block: MarketBlock) -> AnalysisBlock:
        """Analyse the next ticks."""
        features = self._features(block)
        regime = self._regime(features, block)
        views = self.panel.opine_stacked(features, block)
        if self.late is not None:
            late = self.late.views(block.known_at)
            if self._spoken is not None:
                regime = blend(regime, self._on_regime(late))
                late = Views(*(np.delete(each, self._spoken, axis=0) for each in late))
            views = _joined(views, late)
        heard = views if self.correction is None else self.correction(views, block.known_at)
        weights = None
        if self.follower is None:
            context = self._context(heard, regime, block)
        else:
            context, weights = self.follower.pool(heard, regime.code, block)
        signals = self.policy.signals(block, features, context, regime)
        corrected = None if heard is views else heard.confidence
        return AnalysisBlock(features, views, regime, context, signals, corrected, weights)

    def standing(self, instrument: InstrumentId, ts: int) -> list[Opinion | Abstention]:
        """Return what the awaited agents of the panel have to say about an instrument at ``ts``."""
        if self.late is None:
            return []
        return [each for each in self.late.standing(instrument, ts) if each.agent != CONDUCTOR]

    def _on_regime(self, late: Views) -> Views:
        # what is said of the reference is said of all
        one = self.classifier.reference if self.classifier is not None else None
        columns = slice(None) if one is None else slice(one, one + 1)
        return Views(*(each[self._spoken, :, columns] for each in late))

    def _features(self, block: MarketBlock) -> FeatureBlock:
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return self.pipeline.advance(block)
        seen_to, features = ahead
        if seen_to != block.ts[-1] or features.values.shape[1] != len(block):
            raise ValueError("the ticks are others than those that were looked at")
        return features

    def _regime(self, features: FeatureBlock, block: MarketBlock) -> RegimeBlock:
        if self.classifier is not None:
            return self.classifier.classify(features)
        shape = block.close.shape
        return RegimeBlock(np.full(shape, -1, np.int64), np.full(shape, np.nan))

    def _context(self, views: Views, regime: RegimeBlock, block: MarketBlock) -> ContextBlock:
        if not len(views.bias):
            shape = block.close.shape
            return ContextBlock(
                np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, -1, np.int64)
            )
        how = self.weighting
        return aggregate(
            views.bias,
            views.confidence,
            regime.code,
            how.weights,
            how.regime_weights,
            how.active,
            how.method,
        )


def _joined(views: Views, late: Views) -> Views:
    return Views(
        np.concatenate([views.bias, late.bias]),
        np.concatenate([views.confidence, late.confidence]),
    )
