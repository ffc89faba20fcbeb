"""What calls to language models would cost, before any is made."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from tutti.agents.llm.counting import about, at_most
from tutti.agents.llm.silent import SilentModel, no_model
from tutti.model.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tutti.agents.llm.port import Answer, Call, LanguageModel
    from tutti.agents.llm.recorded import Mode
    from tutti.app.settings import AgentSettings

    PriceOf = Callable[[str, int, int], Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What calls would take, leaving out those that are on record.

    Parameters
    ----------
    n_calls : int
        All of them.
    n_recorded : int
        Those of them that need not be made.
    input_tokens : int
        About.
    output_tokens : int
        At most.
    usd : Decimal
        Of about so many input tokens and at most so many output tokens. An answer that does not
        fit is asked for once more, which is not in it.
    usd_at_most : Decimal
        Of as many tokens as the prompts have bytes.
    unpriced : tuple of str
        Models whose price is not known; nothing is counted for them.
    """

    n_calls: int
    n_recorded: int
    input_tokens: int
    output_tokens: int
    usd: Decimal
    usd_at_most: Decimal
    unpriced: tuple[str, ...]


class KnownAnswers(Protocol):
    """Where answers are on record."""

    def has_answer(self, key: str) -> bool:
        """Return whether an answer to this key is kept."""
        ...


def estimate(
    calls: Iterable[Call], price_of: PriceOf, known: KnownAnswers | None = None
) -> Estimate:
    """Return what calls would take.

    Parameters
    ----------
    price_of : callable
        From model, input and output tokens to USD; None for no known price.
    known : KnownAnswers, optional
        Whose answers are used again; equal calls are asked once then.
    """
    n_calls = n_recorded = given = made = 0
    usd = most = Decimal(0)
    unpriced: dict[str, None] = {}
    seen: set[str] = set()
    for call in calls:
        n_calls += 1
        if known is not None:
            if call.key in seen or known.has_answer(call.key):
                n_recorded += 1
                continue
            seen.add(call.key)
        likely = about(call)
        given += likely
        made += call.max_output_tokens
        cost = price_of(call.model, likely, call.max_output_tokens)
        if cost is None:
            unpriced[call.model] = None
            continue
        usd += cost
        most += price_of(call.model, at_most(call), call.max_output_tokens) or cost
    return Estimate(
        n_calls=n_calls,
        n_recorded=n_recorded,
        input_tokens=given,
        output_tokens=made,
        usd=usd,
        usd_at_most=most,
        unpriced=tuple(unpriced),
    )


class CallCollector:
    """Stands in for the language models of all agents, to see what they would ask.

    Every call is refused, so that every agent abstains: what they say is to be thrown away.

    Attributes
    ----------
    calls : list of Call
        In the order in which they were asked.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __call__(self, agent: AgentSettings) -> LanguageModel:
        """Return what stands in for an agent's model."""
        return _Collecting(self.calls) if agent.model else SilentModel(no_model(agent.name))

    def estimate(
        self, price_of: PriceOf, mode: Mode, known: KnownAnswers | None = None
    ) -> Estimate:
        """Return what all that was asked would take in a mode; live asks everything again."""
        return estimate(self.calls, price_of, known if mode != "live" else None)


class _Collecting:
    def __init__(self, calls: list[Call]) -> None:
        self._calls = calls

    async def answer(self, call: Call) -> Answer:
        self._calls.append(call)
        raise ModelRefused("nothing is asked while the cost is estimated")
