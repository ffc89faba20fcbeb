"""From blocks of bars to blocks of features, remembering what the next block needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.features.block import FeatureBlock
from tutti.features.families import RANKED_WINDOW, Study, describe, parse
from tutti.features.form import Bars
from tutti.features.windows import HEAD
from tutti.model.market import FloatArray, IntArray, MarketBlock

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNWANTED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    study: Study
    window: int
    memory: FloatArray
    slots: IntArray


class FeaturePipeline:
    """Computes the features asked for, block by block.

    Blocks must come in time order. Any cut of a history into blocks gives the same bits, and each
    instrument is treated as if the bars that it misses did not exist.

    Parameters
    ----------
    names : iterable of str
        Features, by the names of ``families``; repeated ones are computed once.
    n_instruments : int
        Columns of the blocks to come.

    Raises
    ------
    ConfigError
        If a name stands for no feature; it suggests what was meant.
    """

    def __init__(self, names: Iterable[str], n_instruments: int) -> None:
        self.names = tuple(dict.fromkeys(names))
        self.warm_up = max((describe(name).warm_up for name in self.names), default=0)
        self._n_instruments = n_instruments
        self._planes: dict[str, int] = {name: slot for slot, name in enumerate(self.names)}
        self._jobs: dict[tuple[Study, int], _Job] = {}
        for name in self.names:
            self._plan(name)

    def _plan(self, name: str) -> None:
        family, window = parse(name)
        study = family.study
        ranked = f"{study.ranks}_{RANKED_WINDOW}"
        if study.ranks:
            # what a rank reads must be computed before it, even if nobody else asked for it
            self._planes.setdefault(ranked, len(self._planes))
            self._plan(ranked)
        if (study, window) not in self._jobs:
            shape = (
                (study.lanes, study.rows, self._n_instruments)
                if study.rows
                else (study.lanes, self._n_instruments, HEAD + window)
            )
            self._jobs[study, window] = _Job(
                study=study,
                window=window,
                memory=np.zeros(shape),
                slots=np.full(study.slots, _UNWANTED, dtype=np.int64),
            )
        slots = self._jobs[study, window].slots
        slots[family.output] = self._planes[name]
        if study.ranks:
            slots[-1] = self._planes[ranked]

    def advance(self, block: MarketBlock) -> FeatureBlock:
        """Take in the next ticks and return their features.

        Parameters
        ----------
        block : MarketBlock
            Ticks that follow those of the call before.

        Returns
        -------
        FeatureBlock
            Values of shape (f, t, n) in the order of ``names``; NaN until a feature is warm and
            where an instrument has no bar.

        Raises
        ------
        ValueError
            If the block has another number of instruments.
        """
        if block.close.shape[1] != self._n_instruments:
            raise ValueError(
                f"the pipeline follows {self._n_instruments} instruments, the block has "
                f"{block.close.shape[1]}"
            )
        bars = Bars(
            high=_as_compiled(block.high),
            low=_as_compiled(block.low),
            close=_as_compiled(block.close),
            volume=_as_compiled(block.volume),
        )
        values = np.empty((len(self._planes), *block.close.shape))
        for job in self._jobs.values():
            job.study.kernel(bars, job.window, job.memory, values, job.slots)
        return FeatureBlock(self.names, values[: len(self.names)])


def _as_compiled(array: FloatArray) -> FloatArray:
    # any other layout, or a read-only array, would be another type and compile every kernel again
    if array.flags.carray and array.dtype == np.float64:
        return array
    return np.require(array, dtype=np.float64, requirements=["C", "A", "W"])
