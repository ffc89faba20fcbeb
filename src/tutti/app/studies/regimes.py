"""The regime of each instrument at each close, whether or not anybody on a panel asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.conductor.regime import NEEDS, RegimeClassifier, RegimeRules
from tutti.features.pipeline import FeaturePipeline
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from tutti.app.config import Config
    from tutti.model.market import IntArray, MarketBlock

_ANALYSED = 65_536
"""Symbol-bars in one go: more would fall out of the processor's cache."""


def regimes_of(config: Config, block: MarketBlock) -> IntArray:
    """Return the codes of the regimes by the conductor's rules, shape (t, n); -1 while warming up.

    Nothing later than a close enters what is said of it.
    """
    n = len(block.instruments)
    reference = None
    if config.conductor.scope == "reference" and config.conductor.reference:
        reference = block.instruments.index(InstrumentId.parse(config.conductor.reference))
    rules = RegimeRules(**config.conductor.rules.model_dump())
    classifier = RegimeClassifier(rules, n, reference)
    pipeline = FeaturePipeline(NEEDS, n)
    length = max(1, _ANALYSED // n)
    return np.concatenate(
        [
            classifier.classify(pipeline.advance(block.rows(t, min(t + length, len(block))))).code
            for t in range(0, len(block), length)
        ]
    )
