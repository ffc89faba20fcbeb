"""Asks a model again after what may pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.kernel.clock import SECOND
from tutti.kernel.retry import Backoff
from tutti.model.errors import ModelBusy, ModelDown

if TYPE_CHECKING:
    import numpy as np

    from tutti.agents.llm.port import Answer, Call, LanguageModel
    from tutti.kernel.clock import Clock


class Retrying:
    """Asks again after ModelBusy and ModelDown, as long as there is time.

    Parameters
    ----------
    model : LanguageModel
    clock : Clock
    random : numpy.random.Generator
        Of the jitter.
    retries : int
        How often at most.
    patience_s : float
        Nobody waits for an answer longer than this: a pause that would end later is not begun.
    backoff : Backoff, optional
        Pauses; at least as long as a busy model asks for.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        clock: Clock,
        random: np.random.Generator,
        retries: int = 1,
        patience_s: float = 2.0,
        backoff: Backoff | None = None,
    ) -> None:
        if retries < 0:
            raise ValueError(f"retries must not be negative, was {retries!r}")
        self._model = model
        self._clock = clock
        self._random = random
        self._retries = retries
        self._patience = round(patience_s * SECOND)
        self._backoff = backoff or Backoff()

    async def answer(self, call: Call) -> Answer:
        """Return the first answer.

        Raises
        ------
        ModelError, BudgetSpent
            The last failure, when no retry or no time is left; any other failure at once.
        """
        end = self._clock.now() + self._patience
        for failures in range(1, self._retries + 1):
            try:
                return await self._model.answer(call)
            except (ModelBusy, ModelDown) as error:
                pause_s = self._backoff.pause_s(failures, self._random)
                if isinstance(error, ModelBusy):
                    pause_s = max(pause_s, error.retry_after_s)
                resume = self._clock.now() + round(pause_s * SECOND)
                if resume >= end:
                    raise
            await self._clock.sleep_until(resume)
        return await self._model.answer(call)
