"""The sentiment scorer that a name stands for."""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tutti.adapters.text.finbert import MODEL, FinbertScorer
from tutti.adapters.text.vader import VaderScorer, vader_words
from tutti.agents.sentiment.by_model import ModelScorer
from tutti.agents.text.lexicon.scorer import LexiconScorer
from tutti.app.llm import Asker, LanguageModels, open_records
from tutti.app.settings import BudgetSettings
from tutti.kernel.clock import LiveClock
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from decimal import Decimal

    from tutti.agents.llm.recorded import Mode
    from tutti.agents.text.port import SentimentScorer
    from tutti.app.config import Config

RECORDS: Final = Path("llm.sqlite")
"""Where answers of language models are kept by default."""

_ASKER = "sentiment"
_PATIENCE_S, _RETRIES = 60.0, 2


def local_scorer(name: str) -> SentimentScorer:
    """Return the scorer of a name that asks nobody: ``lexicon``, ``vader`` or ``finbert``.

    ``finbert:FOLDER`` takes the model from a folder.

    Raises
    ------
    ConfigError
        If there is none, or what it needs is not installed.
    """
    if name == "lexicon":
        return LexiconScorer(vader_words())
    if name == "vader":
        return VaderScorer()
    if name == "finbert" or name.startswith("finbert:"):
        return FinbertScorer(name.partition(":")[2] or MODEL)
    raise ConfigError(
        f"no scorer is called {name!r}; there are lexicon, vader, finbert and llm:PROVIDER:MODEL"
    )


@asynccontextmanager
async def opened_scorer(
    name: str,
    config: Config,
    *,
    mode: Mode = "record",
    records: Path = RECORDS,
    max_cost: Decimal | None = None,
) -> AsyncIterator[SentimentScorer]:
    """Open the scorer of a name, ``llm:PROVIDER:MODEL`` too, and close what it opened.

    Parameters
    ----------
    mode : Mode
        Whether a language model may be asked, and whether what is on record is taken.
    records : Path
        Where its answers are kept.
    max_cost : Decimal, optional
        USD that may be spent in a day; reserved before each call. None for no limit.

    Raises
    ------
    ConfigError
        If there is no such scorer, or what it needs is not installed or configured.
    """
    kind, _, model = name.partition(":")
    if kind != "llm":
        yield local_scorer(name)
        return
    if not model:
        raise ConfigError("llm needs a model; write for example llm:openai:gpt-5-mini")
    with closing(open_records(records, mode)) as kept:
        models = LanguageModels(config, mode=mode, records=kept, clock=LiveClock())
        asker = Asker(
            name=_ASKER,
            model=model,
            timeout_s=_PATIENCE_S,
            retries=_RETRIES,
            budget=BudgetSettings(usd_per_day=max_cost),
        )
        try:
            yield ModelScorer(model, models.of(asker), agent=_ASKER)
        finally:
            await models.aclose()
