"""Answers of a model in a blinded run, before they are recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tutti.agents.llm.blinding import Blinding
    from tutti.agents.llm.port import Answer, Call, LanguageModel


class BlindedAnswers:
    """Replaces names and dates in what a model says, for it may guess them.

    It stands between the recorder and the rest, so that no name comes to the record.

    Parameters
    ----------
    model : LanguageModel
    blind : Blinding
        That the calls were made with.
    """

    def __init__(self, model: LanguageModel, blind: Blinding) -> None:
        self._model = model
        self._blind = blind

    async def answer(self, call: Call) -> Answer:
        """Return the model's answer without names and dates."""
        answer = await self._model.answer(call)
        as_of = self._blind.unclock(call.as_of)
        try:
            said = json.loads(answer.text)
        except (ValueError, RecursionError):
            return replace(answer, text=self._blind.said(answer.text, as_of=as_of))
        return replace(answer, text=json.dumps(self._blinded(said, as_of), ensure_ascii=False))

    def _blinded(self, said: Any, as_of: int) -> Any:
        match said:
            case str():
                return self._blind.said(said, as_of=as_of)
            case list():
                return [self._blinded(part, as_of) for part in said]
            case dict():
                return {key: self._blinded(part, as_of) for key, part in said.items()}
            case _:
                return said
