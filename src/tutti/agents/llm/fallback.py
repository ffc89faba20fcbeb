"""Asks the next model where one gives no answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from tutti.model.errors import ModelDown, ModelError, NotRecorded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.agents.llm.port import Answer, Call, LanguageModel


class Fallback:
    """Asks models in order until one answers.

    Parameters
    ----------
    models : mapping of str to LanguageModel
        By ``provider:name``, the first choice first.

    Raises
    ------
    ValueError
        If there is none.
    """

    def __init__(self, models: Mapping[str, LanguageModel]) -> None:
        if not models:
            raise ValueError("a fallback needs at least one model")
        self._models = dict(models)

    async def answer(self, call: Call) -> Answer:
        """Return the first answer; its ``model`` says whose it is.

        Raises
        ------
        ModelError
            If no model has one: what each of them said.
        BudgetSpent
            If there is nothing left to ask with.
        """
        said: list[tuple[str, ModelError]] = []
        for name, model in self._models.items():
            asked = call if name == call.model else msgspec.structs.replace(call, model=name)
            try:
                answer = await model.answer(asked)
            except NotRecorded:
                raise
            except ModelError as error:
                said.append((name, error))
            else:
                return replace(answer, call=call.key)
        last = said[-1][1]
        if len(said) == 1:
            raise last
        raise ModelDown("; ".join(f"{name}: {error}" for name, error in said)) from last
