"""Counts what agents use of language models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tutti.agents.llm.port import Declined

if TYPE_CHECKING:
    from decimal import Decimal

    from tutti.agents.llm.port import Answer, Call, LanguageModel


class ModelMetrics(Protocol):
    """Where it is counted: ``agent_tokens_used`` and ``agent_cost_usd_total`` by agent."""

    def used(self, agent_name: str, tokens: int, usd: Decimal) -> None:
        """Add tokens, in and out, and their cost."""
        ...


class NoModelMetrics:
    """Counts nothing."""

    def used(self, agent_name: str, tokens: int, usd: Decimal) -> None:
        """Do nothing."""


class Metered:
    """Counts each answer that a provider charges for.

    Parameters
    ----------
    model : LanguageModel
    metrics : ModelMetrics
    """

    def __init__(self, model: LanguageModel, metrics: ModelMetrics) -> None:
        self._model = model
        self._metrics = metrics

    async def answer(self, call: Call) -> Answer:
        """Return the model's answer, counted."""
        try:
            answer = await self._model.answer(call)
        except Declined as error:
            used = error.input_tokens + error.output_tokens
            self._metrics.used(call.agent, used, error.cost_usd)
            raise
        self._metrics.used(call.agent, answer.input_tokens + answer.output_tokens, answer.cost_usd)
        return answer
