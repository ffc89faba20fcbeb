"""VADER: sentiment of general English and social media, the baseline of every evaluation.

Source: Hutto and Gilbert (2014), VADER: a parsimonious rule-based model for sentiment analysis of
social media text; package vaderSentiment 3.3.2, MIT.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tutti.agents.text.port import Sentiments, SentimentScorer
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEAD_BAND = 0.05
"""As its authors advise."""


class VaderScorer(SentimentScorer):
    """Scores by VADER's words and rules; knows no targets.

    Its compound score is no probability; read as one it is how far its calibration is off.

    Raises
    ------
    ConfigError
        If the package is not installed.
    """

    name = "vader"
    dead_band: float | None = DEAD_BAND
    spent_usd = Decimal(0)
    models: tuple[str, ...] = ()

    def __init__(self) -> None:
        _folder()
        self._rate = import_module("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer()

    async def score(
        self,
        texts: Sequence[str],
        targets: Sequence[str] = (),  # noqa: ARG002 - it knows none
        *,
        as_of: int = 0,  # noqa: ARG002 - it says the same at any time
    ) -> Sentiments:
        """Return the sentiment of each text; see the port."""
        rate = self._rate.polarity_scores
        compound = np.array([rate(text)["compound"] for text in texts], np.float64)
        size = np.abs(compound)
        return Sentiments((size - compound) / 2.0, 1.0 - size, (size + compound) / 2.0)


@cache
def vader_words() -> Mapping[str, float]:
    """Return VADER's mean ratings of words, -4 to 4.

    Raises
    ------
    ConfigError
        If the package is not installed.
    """
    path = _folder() / "vader_lexicon.txt"
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line)
    return {row[0]: float(row[1]) for row in rows}


def _folder() -> Path:
    found = find_spec("vaderSentiment")
    if found is None or not found.submodule_search_locations:
        raise ConfigError("VADER is not installed; run pip install vaderSentiment")
    return Path(found.submodule_search_locations[0])
