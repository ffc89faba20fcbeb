"""FinBERT: a transformer fitted to the sentiment of financial news, where it is installed.

Source: Araci (2019), FinBERT: financial sentiment analysis with pre-trained language models. It was
fitted to Financial PhraseBank, so its figures on that set are of sentences it has seen.
"""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.text.port import Sentiments, SentimentScorer
from tutti.model.errors import AgentError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = "ProsusAI/finbert"
_BATCH = 32
_LABELS = ("negative", "neutral", "positive")


class FinbertScorer(SentimentScorer):
    """Scores by a transformer's three classes; knows no targets.

    Parameters
    ----------
    model : str
        Name at the hub of models, or the folder of one, with classes negative, neutral, positive.

    Raises
    ------
    ConfigError
        If transformers or torch is not installed, or the model can't be had.
    """

    name = "finbert"
    dead_band: float | None = None
    spent_usd = Decimal(0)
    models: tuple[str, ...] = ()

    def __init__(self, model: str = MODEL) -> None:
        for package in ("transformers", "torch"):
            if find_spec(package) is None:
                raise ConfigError(
                    f"finbert needs {package}, which is not installed; run pip install "
                    "transformers torch, or use --scorer lexicon"
                )
        try:
            self._classify: Any = import_module("transformers").pipeline(
                "text-classification", model=model, top_k=None, truncation=True, device=-1
            )
        except (OSError, ValueError, ImportError) as error:
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(
                f"finbert: the model {model!r} can't be had ({told}); name a folder that holds it"
            ) from error

    async def score(
        self,
        texts: Sequence[str],
        targets: Sequence[str] = (),  # noqa: ARG002 - it knows none
        *,
        as_of: int = 0,  # noqa: ARG002 - it says the same at any time
    ) -> Sentiments:
        """Return the sentiment of each text; see the port."""
        if not texts:
            return Sentiments(*(np.empty(0) for _ in _LABELS))
        rows = []
        for told in self._classify(list(texts), batch_size=_BATCH):
            share = {str(each["label"]).lower(): float(each["score"]) for each in told}
            if any(label not in share for label in _LABELS):
                raise AgentError(f"finbert: the model's classes are {', '.join(sorted(share))}")
            rows.append([share[label] for label in _LABELS])
        table = np.array(rows, np.float64)
        table /= table.sum(axis=1, keepdims=True)
        return Sentiments(table[:, 0], table[:, 1], table[:, 2])
