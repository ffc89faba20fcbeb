"""From probabilities to a label, and what the labels are worth against those that people gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tutti.model.market import IntArray
from tutti.stats.classification import accuracy, confusion_counts, macro_f1
from tutti.stats.scoring import calibration_error, reliability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.text.port import Sentiments

LABELS: Final = ("negative", "neutral", "positive")
"""In the order of the probabilities; a label's code is its place."""

_BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentQuality:
    """How well a scorer's labels and probabilities agree with people's labels.

    Parameters
    ----------
    n, n_unanswered : int
        Texts, and those among them without an answer, which are counted as wrong.
    accuracy, macro_f1 : float
        In [0, 1].
    f1 : tuple of float
        Of each label, in the order of `LABELS`.
    majority_macro_f1 : float
        Of calling everything what most texts are.
    calibration_error : float
        Expected calibration error of the label's probability, ten bins.
    brier : float
        Mean squared error of the three probabilities, added up: 0 is perfect, 2 is surely wrong.
    counts : ndarray of int64, shape (3, 3)
        By people's label (rows) and the scorer's (columns).
    """

    n: int
    n_unanswered: int
    accuracy: float
    macro_f1: float
    f1: tuple[float, ...]
    majority_macro_f1: float
    calibration_error: float
    brier: float
    counts: IntArray


def labels(found: Sentiments, dead_band: float | None) -> IntArray:
    """Return the code of each text's label, -1 for no answer; int64 of shape (n,).

    Parameters
    ----------
    dead_band : float or None
        Neutral is what has no larger value either way; None for the most likely label.
    """
    values = found.value
    code: IntArray
    if dead_band is None:
        probable = np.stack([np.nan_to_num(each, nan=-1.0) for each in found], axis=1)
        code = probable.argmax(axis=1).astype(np.int64)
    else:
        code = 1 + (values > dead_band).astype(np.int64) - (values < -dead_band)
    code[np.isnan(values)] = -1
    return code


def quality(found: Sentiments, dead_band: float | None, truth: Sequence[str]) -> SentimentQuality:
    """Hold a scorer's sentiments against people's labels.

    Raises
    ------
    ValueError
        If there is no text, or a label that is none of `LABELS`.
    """
    if not truth:
        raise ValueError("there is no labelled text")
    unknown = sorted(set(truth) - set(LABELS))
    if unknown:
        raise ValueError(f"labels must be {', '.join(LABELS)}, was {unknown[0]!r}")
    true = np.array([LABELS.index(label) for label in truth], np.int64)
    said = labels(found, dead_band)
    majority = np.full(len(true), np.bincount(true, minlength=len(LABELS)).argmax())
    answered = said >= 0
    probable = np.stack(found, axis=1)[answered]
    of_label = np.clip(probable[np.arange(len(probable)), said[answered]], 0.0, 1.0)
    right = (said == true)[answered].astype(np.float64)
    came = np.eye(len(LABELS))[true[answered]]
    bins = reliability(of_label, right, np.linspace(0.0, 1.0, _BINS + 1)) if len(right) else ()
    mean, each = macro_f1(true, said, len(LABELS))
    return SentimentQuality(
        n=len(true),
        n_unanswered=int((~answered).sum()),
        accuracy=accuracy(true, said),
        macro_f1=mean,
        f1=tuple(float(value) for value in each),
        majority_macro_f1=macro_f1(true, majority, len(LABELS))[0],
        calibration_error=calibration_error(bins),
        brier=float(((probable - came) ** 2).sum(axis=1).mean()) if len(right) else float("nan"),
        counts=confusion_counts(true[answered], said[answered], len(LABELS)),
    )
