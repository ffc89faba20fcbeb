"""Labelled text from files, and how well a scorer does on it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import polars as pl

from tutti.adapters.text.vader import DEAD_BAND, VaderScorer
from tutti.agents.text.sentiment import LABELS, SentimentQuality, quality
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tutti.agents.text.port import Sentiments, SentimentScorer

_TEXTS: Final = ("text", "sentence", "headline", "title")
_LABELS: Final = ("label", "sentiment")
_TARGETS: Final = ("symbol", "target")
_SAME = {
    "bullish": "positive", "bearish": "negative", "pos": "positive", "neg": "negative",
    "neu": "neutral", "1": "positive", "0": "neutral", "-1": "negative", "1.0": "positive",
    "0.0": "neutral", "-1.0": "negative",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTexts:
    """Texts and what people said of them; all of one length."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One scorer's quality on labelled texts, beside the baselines.

    Parameters
    ----------
    vader : SentimentQuality or None
        None where VADER is not installed.
    us_per_text : float
        CPU microseconds, of the scorer.
    cost_usd : Decimal
        Of its answers.
    """

    scorer: str
    quality: SentimentQuality
    vader: SentimentQuality | None
    us_per_text: float
    cost_usd: Decimal


def read_labelled(path: Path, *, start: int = 0, step: int = 1) -> LabelledTexts:
    """Return the labelled texts of a Parquet or CSV file; rows without text or label are left out.

    Parameters
    ----------
    start, step : int
        Which rows are read: 0 and 2 for every second one, beginning with the first.

    Raises
    ------
    ConfigError
        If there is no such file, or no column of texts or of labels.
    DataError
        If a label is unknown, or nothing is left.
    """
    frame = _frame(path)
    text = _column(frame, path, _TEXTS, "the text")
    label = _column(frame, path, _LABELS, "the label")
    target = next((name for name in _TARGETS if name in frame.columns), None)
    rows = frame.gather_every(step, start).select(
        text=pl.col(text).cast(pl.String),
        label=pl.col(label).cast(pl.String).str.strip_chars().str.to_lowercase(),
        target=pl.lit("") if target is None else pl.col(target).cast(pl.String).fill_null(""),
    )
    rows = rows.drop_nulls(["text", "label"])
    labels = tuple(_SAME.get(each, each) for each in rows["label"])
    for each in labels:
        if each not in LABELS:
            raise DataError(
                f"{path}: no label is called {each!r}; write {', '.join(LABELS)}, or -1, 0 and 1"
            )
    if not labels:
        raise DataError(f"{path}: no row has both a text and a label")
    return LabelledTexts(texts=tuple(rows["text"]), labels=labels, targets=tuple(rows["target"]))


async def evaluate(
    scorer: SentimentScorer, given: LabelledTexts, timer: Callable[[], float]
) -> Evaluation:
    """Return how well a scorer does on labelled texts, beside VADER and the majority class.

    Parameters
    ----------
    timer : callable
        Returns CPU seconds.

    Raises
    ------
    AgentError
        If the scorer can't answer.
    """
    started = timer()
    found = await scorer.score(given.texts, given.targets)
    spent = timer() - started
    own = quality(found, scorer.dead_band, given.labels)
    vader = own if scorer.name == "vader" else await _vader(given)
    return Evaluation(
        scorer=scorer.name,
        quality=own,
        vader=vader,
        us_per_text=1e6 * spent / own.n,
        cost_usd=scorer.spent_usd,
    )


async def _vader(given: LabelledTexts) -> SentimentQuality | None:
    try:
        scorer = VaderScorer()
    except ConfigError:
        return None
    found: Sentiments = await scorer.score(given.texts)
    return quality(found, DEAD_BAND, given.labels)


def _frame(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; name a Parquet or CSV file of labelled texts")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: can't be read as a table of texts ({told})") from error


def _column(frame: pl.DataFrame, path: Path, names: tuple[str, ...], what: str) -> str:
    for name in names:
        if name in frame.columns:
            return name
    raise ConfigError(
        f"{path}: no column holds {what}; call one of {', '.join(frame.columns)} {names[0]!r}"
    )
