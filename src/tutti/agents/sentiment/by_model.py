"""Sentiment by a language model: several texts a call, quoted as data, answers validated.

A batch whose answer does not fit is asked for once more; then its texts have no answer. What the
model's key, budget, breaker and records are is the business of the `LanguageModel` it is given.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.llm.port import Call
from tutti.agents.llm.prompts import read_prompt
from tutti.agents.llm.quoting import clean, quoted
from tutti.agents.llm.schema import object_schema, read_object
from tutti.agents.llm.sight import Unblinded
from tutti.agents.text.port import Sentiments, SentimentScorer
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.llm.port import Answer, LanguageModel
    from tutti.agents.llm.sight import Sight

PROMPT = "sentiment@1"
BATCH = 20
LONGEST = 600
_TOKENS_A_TEXT, _TOKENS = 20, 60
_ATTEMPTS = 2
_PAIR: dict[str, Any] = {
    "type": "array",
    "items": {"type": "number", "minimum": 0, "maximum": 1},
    "minItems": 2,
    "maxItems": 2,
}


class ModelScorer(SentimentScorer):
    """Asks a language model.

    Parameters
    ----------
    model : str
        ``provider:name``.
    language : LanguageModel
    agent : str
        Who asks; what is spent is kept under it.
    batch : int
        Texts a call, at least 1.
    sight : Sight, optional
        What names and instants are shown as; as they are, unless told otherwise.
    """

    dead_band: float | None = None

    def __init__(
        self,
        model: str,
        language: LanguageModel,
        *,
        agent: str = "sentiment",
        batch: int = BATCH,
        sight: Sight | None = None,
    ) -> None:
        self.name = f"llm:{model}"
        self.spent_usd = Decimal(0)
        self.models: tuple[str, ...] = (model,)
        self._model = model
        self._language = language
        self._agent = agent
        self._batch = batch
        self._sight: Sight = Unblinded() if sight is None else sight
        text = files(__package__).joinpath(f"{PROMPT}.md").read_text(encoding="utf-8")
        self._prompt = read_prompt(text, PROMPT)

    async def score(
        self, texts: Sequence[str], targets: Sequence[str] = (), *, as_of: int = 0
    ) -> Sentiments:
        """Return the sentiment of each text; see the port. NaN where the answer did not fit.

        Raises
        ------
        ModelError, BudgetSpent
            If the model can't be asked.
        """
        found: list[tuple[float, float]] = []
        pairs = list(zip(texts, targets or [""] * len(texts), strict=True))
        for start in range(0, len(pairs), self._batch):
            found += await self._scored(pairs[start : start + self._batch], as_of)
        table = np.array(found, np.float64).reshape(-1, 2)
        return Sentiments(table[:, 0], 1.0 - table.sum(axis=1), table[:, 1])

    async def _scored(
        self, part: Sequence[tuple[str, str]], as_of: int
    ) -> list[tuple[float, float]]:
        ids = [f"t{row}" for row in range(1, len(part) + 1)]
        fault = ""
        for _ in range(_ATTEMPTS):
            answer = await self._language.answer(self._call(ids, part, fault, as_of))
            self.spent_usd += _paid(answer)
            if answer.model not in self.models:
                self.models = (*self.models, answer.model)
            try:
                return _read(answer.text, ids)
            except DataError as error:
                fault = str(error)
        return [(math.nan, math.nan)] * len(part)

    def _call(
        self, ids: Sequence[str], part: Sequence[tuple[str, str]], fault: str, as_of: int
    ) -> Call:
        pieces = []
        for text_id, (text, target) in zip(ids, part, strict=True):
            piece = {"id": text_id, "text": self._shown(text, as_of)}
            if target:
                piece["target"] = self._shown(target, as_of)
            pieces.append(piece)
        mark, block = quoted(pieces)
        system, user = self._prompt.render({"mark": mark, "material": block})
        if fault:
            user += (
                f"\n\nYour last answer was refused: {clean(fault, 160)}. Answer again, as asked."
            )
        schema = object_schema({"scores": json.loads(object_schema(dict.fromkeys(ids, _PAIR)))})
        return Call(
            agent=self._agent,
            as_of=self._sight.clock(as_of),
            model=self._model,
            system=system,
            user=user,
            prompt=self._prompt.label,
            schema=schema,
            max_output_tokens=_TOKENS + _TOKENS_A_TEXT * len(ids),
        )

    def _shown(self, text: str, as_of: int) -> str:
        return clean(self._sight.text(text, as_of=as_of), LONGEST)


def _paid(answer: Answer) -> Decimal:
    return Decimal(0) if answer.is_recorded else answer.cost_usd


def _read(text: str, ids: Sequence[str]) -> list[tuple[float, float]]:
    scores = read_object(text).get("scores")
    if not isinstance(scores, dict):
        raise DataError("the answer has no object 'scores'")
    return [_pair(scores.get(text_id), text_id) for text_id in ids]


def _pair(given: object, text_id: str) -> tuple[float, float]:
    match given:
        case [int() | float() as bad, int() | float() as good] if (
            bad >= 0 and good >= 0 and bad + good <= 1 + 1e-6
        ):
            return float(bad), min(float(good), 1.0 - float(bad))
        case _:
            raise DataError(f"{text_id} needs two probabilities that add up to at most 1")
