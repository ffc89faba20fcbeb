"""Labelled text from files, and how well a scorer does on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tutti.adapters.text.vader import DEAD_BAND, VaderScorer
from tutti.agents.text.sentiment import LABELS, SentimentQuality, quality
from tutti.app.label_words import is_word, meanings
from tutti.app.text_table import columns_of
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tutti.agents.text.port import Sentiments, SentimentScorer
    from tutti.app.text_table import Columns

_TEXTS: Final = (
    "text", "sentence", "headline", "title", "tweet", "content", "message", "body", "post", "news",
    "phrase", "comment", "review", "document", "description",
)  # fmt: skip
_LABELS: Final = ("label", "sentiment", "class", "polarity", "category", "annotation", "score")
_MOST_NAMES, _LONGEST_NAME = 12, 40
_TARGETS: Final = ("symbol", "target", "ticker", "company", "aspect")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTexts:
    """Texts and what people said of them; all of one length.

    Parameters
    ----------
    meanings : mapping of str to str
        How each value in the file was understood.
    n_left_out : int
        Rows without a text or without a label.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    targets: tuple[str, ...]
    meanings: Mapping[str, str]
    n_left_out: int


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
    """Return the labelled texts of a file; rows without text or label are left out.

    Parameters
    ----------
    path : Path
        See :func:`~tutti.app.text_table.columns_of` for what is read, and
        :func:`~tutti.app.label_words.meanings` for what labels may be called.
    start, step : int
        Which rows are read: 0 and 2 for every second one, beginning with the first.

    Raises
    ------
    ConfigError
        If there is no such file, or no column of texts or of labels.
    DataError
        If it can't be read, a label is unknown, or nothing is left.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; name one of labelled texts, Parquet or CSV")
    columns = columns_of(path, is_word)
    text = _column(columns, _TEXTS)
    label = _column(columns, _LABELS, but=text)
    target = _column(columns, _TARGETS, but=text)
    if label is None and target is not None and _are_labels(columns[target]):
        label, target = target, None  # "target" is what machine learning calls a label
    for name, what in ((text, "text"), (label, "label")):
        if name is None:
            raise ConfigError(
                f"{path}: no column holds the {what}; call one of {_listed(columns)} {what!r}"
            )
    assert text is not None
    assert label is not None
    about = columns[target] if target not in (None, label) else [None] * len(columns[text])
    rows = [
        (said, called, of or "") if said and called and said.strip() and called.strip() else None
        for said, called, of in zip(columns[text], columns[label], about, strict=True)
    ]
    # what a number means is told from the whole column
    means = meanings(each[1] for each in rows if each is not None)
    chosen = [each for each in rows[start::step] if each is not None]
    for _, called, _ in chosen:
        if called not in means:
            raise DataError(
                f"{path}: no label is called {called!r}; write {', '.join(LABELS)}, or -1, 0 and 1"
            )
    if not chosen:
        raise DataError(f"{path}: no row has both a text and a label")
    return LabelledTexts(
        texts=tuple(said for said, _, _ in chosen),
        labels=tuple(means[called] for _, called, _ in chosen),
        targets=tuple(of for _, _, of in chosen),
        meanings=means,
        n_left_out=len(rows[start::step]) - len(chosen),
    )


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


def _column(columns: Columns, names: Sequence[str], but: str | None = None) -> str | None:
    # by its name, else by a part of it; one that holds nothing only where no other one is there
    plain = {re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"): name for name in columns}
    exact = [plain[name] for name in names if name in plain]
    partly = [
        held
        for name in names
        for each, held in plain.items()
        if name in each.split("_") or f"{name}s" in each.split("_")
    ]
    found = [name for name in dict.fromkeys([*exact, *partly]) if name != but]
    return next((name for name in found if any(columns[name])), found[0] if found else None)


def _are_labels(column: Sequence[str | None]) -> bool:
    values = {each for each in column if each}
    return bool(values) and values == set(meanings(values))


def _listed(columns: Columns) -> str:
    names = [
        name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..." for name in columns
    ]
    return ", ".join(names[:_MOST_NAMES]) + (" ..." if len(names) > _MOST_NAMES else "")
