"""How well labels agree with the true ones.

The F1 of a class is the harmonic mean of precision and recall, ``2 tp / (2 tp + fp + fn)``; macro F1
is the plain mean over the classes, so that a rare one counts for as much as a common one. Source:
van Rijsbergen (1979), Information retrieval, chapter 7; Sokolova and Lapalme (2009), table 3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, IntArray


def confusion_counts(true: IntArray, said: IntArray, n_classes: int) -> IntArray:
    """Return how often each class (rows) was called what (columns); int64 (n_classes, n_classes).

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    _same_shape(true, said)
    counts = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(counts, (true, said), 1)
    return counts


def accuracy(true: IntArray, said: IntArray) -> float:
    """Return the share of right labels, in [0, 1]; NaN for none."""
    _same_shape(true, said)
    return float((true == said).mean()) if len(true) else math.nan


def macro_f1(true: IntArray, said: IntArray, n_classes: int) -> tuple[float, FloatArray]:
    """Return the mean F1 over the classes, and that of each; 0 for one that nothing is or is called.

    Parameters
    ----------
    true, said : ndarray of int64, shape (n,)
        Codes from 0; a negative one in ``said`` is no answer, which is a miss.
    """
    _same_shape(true, said)
    each = np.zeros(n_classes)
    for code in range(n_classes):
        hits = int(((true == code) & (said == code)).sum())
        total = int((true == code).sum()) + int((said == code).sum())
        each[code] = 2.0 * hits / total if total else 0.0
    return float(each.mean()), each


def _same_shape(true: IntArray, said: IntArray) -> None:
    if true.shape != said.shape:
        raise ValueError(f"labels must have shape {true.shape}, was {said.shape}")
