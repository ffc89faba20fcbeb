"""Stops asking a model that keeps failing, and tries it again after a while."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING

from tutti.kernel.clock import SECOND, iso
from tutti.model.errors import BudgetSpent, ModelBusy, ModelDown, ModelError

if TYPE_CHECKING:
    from tutti.agents.llm.port import Answer, Call, LanguageModel
    from tutti.kernel.clock import Clock


class BreakerState(StrEnum):
    """Whether calls go through: all, none, or one to try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Passes calls to a model until it has failed several times in a row.

    Then every call fails at once for ``pause_s``; after that one call is let through. If it is
    answered all go through again, else the pause begins anew. A call that nobody waited for to its
    end counts as a failure; a refusal does not: who refuses is there.

    Parameters
    ----------
    model : LanguageModel
    clock : Clock
    failures : int
        In a row, until it opens.
    pause_s : float
        For how long it is open.
    """

    def __init__(
        self, model: LanguageModel, *, clock: Clock, failures: int = 5, pause_s: float = 30.0
    ) -> None:
        if failures < 1:
            raise ValueError(f"failures must be at least 1, was {failures!r}")
        self._model = model
        self._clock = clock
        self._most = failures
        self._pause = round(pause_s * SECOND)
        self._failed = 0
        self._until = 0
        self._is_trying = False
        self._last = ""

    @property
    def state(self) -> BreakerState:
        """Whether calls go through now."""
        if self._failed < self._most:
            return BreakerState.CLOSED
        is_open = self._is_trying or self._clock.now() < self._until
        return BreakerState.OPEN if is_open else BreakerState.HALF_OPEN

    async def answer(self, call: Call) -> Answer:
        """Return the model's answer.

        Raises
        ------
        ModelDown
            If it is not asked, because it failed too often.
        ModelError, BudgetSpent
            As the model raises them.
        """
        state = self.state
        if state is BreakerState.OPEN:
            raise ModelDown(
                f"{call.model} is not asked until {iso(self._until)}, after {self._failed} "
                f"failures in a row; the last: {self._last}"
            )
        self._is_trying = state is BreakerState.HALF_OPEN
        try:
            answer = await self._model.answer(call)
        except (ModelBusy, ModelDown) as error:
            self._fail(str(error))
            raise
        except asyncio.CancelledError:
            self._fail("no answer in time")
            raise
        except BudgetSpent:
            # it was not asked: nothing is known of it
            self._is_trying = False
            raise
        except ModelError:
            self._heal()
            raise
        except BaseException:
            # a fault of ours tells nothing of it, and must not keep it shut for ever
            self._is_trying = False
            raise
        self._heal()
        return answer

    def _fail(self, why: str) -> None:
        self._failed += 1
        self._last = why
        self._is_trying = False
        if self._failed >= self._most:
            self._until = self._clock.now() + self._pause

    def _heal(self) -> None:
        self._failed = 0
        self._is_trying = False
