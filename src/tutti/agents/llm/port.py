"""The port to language models: one question, one answer, no state.

What stands between an agent and a provider (record, budget, breaker, fallback, retry) has this
port on both sides, so that each can be left out or put in another order.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

import msgspec

from tutti.model.errors import ModelDown, ModelRefused


class Unanswered(ModelDown):
    """Call that was sent and of which nothing usable came back: it may be charged all the same."""


class Declined(ModelRefused):
    """Model that answered, with a refusal or nothing: it is charged.

    Parameters
    ----------
    input_tokens, output_tokens : int
        As the provider counted.
    cost_usd : Decimal
        0 where the price is not known.
    """

    def __init__(
        self, message: str, *, input_tokens: int, output_tokens: int, cost_usd: Decimal
    ) -> None:
        super().__init__(message)
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.cost_usd = cost_usd


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a language model.

    Parameters
    ----------
    agent : str
        Who asks; not part of the key.
    as_of : int
        Instant that the question is about, ns UTC; not part of the key.
    model : str
        ``provider:name``.
    system, user : str
        The prompt, rendered.
    prompt : str
        Name and version of the prompt's file, ``news@1``; not part of the key.
    schema : str
        JSON Schema that the answer has to fit; empty for free text.
    temperature : float
    max_output_tokens : int
    seed : int or None
        For providers that take one.
    """

    agent: str
    as_of: int
    model: str
    system: str
    user: str
    prompt: str = ""
    schema: str = ""
    temperature: float = 0.0
    max_output_tokens: int = 400
    seed: int | None = None

    @property
    def key(self) -> str:
        """SHA-256 over model, prompt and settings, in hexadecimal."""
        return _key(self)


@lru_cache(maxsize=256)
def _key(call: Call) -> str:
    # everything that a call passes on its way asks for it
    asked = (
        call.model,
        call.system,
        call.user,
        call.schema,
        call.temperature,
        call.max_output_tokens,
        call.seed,
    )
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a call.

    Parameters
    ----------
    call : str
        Key of the call.
    model : str
        Who answered: the model that was asked, one of its fallbacks, or the one that the provider
        says it asked in place of either.
    input_tokens, output_tokens : int
        Of all attempts together, as the provider counted.
    cost_usd : Decimal
        0 where the model is free or its price is not known; ``is_priced`` tells which.
    latency : int
        From taking a slot to the whole answer, ns.
    is_recorded : bool
        True when nobody was asked: the answer comes from the record.
    """

    call: str
    text: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    latency: int
    is_priced: bool = True
    is_recorded: bool = False


class LanguageModel(Protocol):
    """Answers calls."""

    @abstractmethod
    async def answer(self, call: Call) -> Answer:
        """Return the model's answer.

        Raises
        ------
        ModelBusy, ModelDown, ModelRefused, NotRecorded
            If there is none; see ``tutti.model.errors`` for the reaction to each.
        BudgetSpent
            If it would have cost more than the agent may spend.
        """
        raise NotImplementedError
