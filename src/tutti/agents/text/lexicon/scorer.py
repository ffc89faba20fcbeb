"""The default scorer: words and rules, turned into probabilities.

How far a text's words have to lean before people call it good or bad depends on how it is written:
a sentence of a report mostly states facts, a trader's post mostly has a view. So each of three
registers has its own two constants, a threshold ``a`` and a spread ``t``, of::

    P(positive) = logistic((s - a) / t)      P(negative) = logistic((-s - a) / t)

with ``s`` the strength. They are the most likely ones given every second row (0, 2, 4 ...) of three
labelled sets (sentences of Financial PhraseBank, headlines of SemEval-2017 task 5, posts of FiQA
2018), rounded; the other rows were held out. The same on both sides: nothing leans bullish.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.agents.text.lexicon.rules import strength
from tutti.agents.text.lexicon.words import finance_words
from tutti.agents.text.port import Sentiments, SentimentScorer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.model.market import FloatArray

NAME = "lexicon"
DEAD_BAND = 0.3
"""Texts whose value is not larger than this either way are called neutral."""
LONGEST = 4000
"""Characters that are read of a text."""


class _Register(NamedTuple):
    threshold: float
    spread: float


POST = _Register(0.1, 0.5)
SENTENCE = _Register(0.7, 0.3)
HEADLINE = _Register(0.2, 0.45)

_OF_POSTS = re.compile(r"[$#@][A-Za-z]|[☀-➿\U0001f300-\U0001faff]")
_ENDS = (".", "!", "?", '"', "''", "…")
_WEIGHT_IN_POSTS, _WEIGHT_IN_PROSE = 0.3, 0.05


class LexiconScorer(SentimentScorer):
    """Scores by words of finance, and general ones beneath them.

    Parameters
    ----------
    general : mapping of str to float, optional
        Values of general words, VADER's for instance (-4 to 4); they count for little in prose and
        for more in posts.
    """

    name = NAME
    dead_band: float | None = DEAD_BAND
    spent_usd = Decimal(0)
    models: tuple[str, ...] = ()

    def __init__(self, general: Mapping[str, float] | None = None) -> None:
        beneath = general or {}
        self._prose = finance_words().over(beneath, _WEIGHT_IN_PROSE)
        self._posts = finance_words(of_posts=True).over(beneath, _WEIGHT_IN_POSTS)

    async def score(
        self,
        texts: Sequence[str],
        targets: Sequence[str] = (),
        *,
        as_of: int = 0,  # noqa: ARG002 - it says the same at any time
    ) -> Sentiments:
        """Return the sentiment of each text; see the port."""
        return self.scored(texts, targets)

    def scored(self, texts: Sequence[str], targets: Sequence[str] = ()) -> Sentiments:
        """Return what `score` does, at once."""
        strengths = np.empty(len(texts))
        thresholds = np.empty(len(texts))
        spreads = np.empty(len(texts))
        for row, text in enumerate(texts):
            shown = text[:LONGEST]
            register = register_of(shown)
            words = self._posts if register is POST else self._prose
            strengths[row] = strength(shown, words, targets[row] if targets else "")
            thresholds[row], spreads[row] = register
        positive = _logistic((strengths - thresholds) / spreads)
        negative = _logistic((-strengths - thresholds) / spreads)
        return Sentiments(negative, 1.0 - positive - negative, positive)


def register_of(text: str) -> _Register:
    """Return how a text is written: a post, a sentence of prose or a headline."""
    if _OF_POSTS.search(text):
        return POST
    return SENTENCE if text.rstrip().endswith(_ENDS) else HEADLINE


def _logistic(x: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-x, -60.0, 60.0))))
