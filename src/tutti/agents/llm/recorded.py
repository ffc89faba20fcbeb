"""Keeps what comes of every call, and gives it back without asking anybody."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from tutti.agents.llm.port import Answer, Declined
from tutti.kernel.clock import SECOND
from tutti.model.errors import (
    AgentError,
    AgentLate,
    BudgetSpent,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelRefused,
    NotRecorded,
)

if TYPE_CHECKING:
    from tutti.agents.llm.port import Call, LanguageModel
    from tutti.kernel.clock import Clock

Mode = Literal["live", "record", "replay"]
"""``live`` asks always and keeps all; ``record`` asks where nothing is kept; ``replay`` never."""

MODES: Final[tuple[Mode, ...]] = ("live", "record", "replay")

ANSWER: Final = "answer"
LATE: Final = "late"
_SHORT = 12


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a call.

    Parameters
    ----------
    kind : str
        ``answer``, ``late`` where nobody waited for it to its end, else the name of the error.
    text : str
        The answer, or the error's message.
    model : str
        Who answered; empty for nobody.
    latency : int
        Until it came, or was given up, ns.
    retry_after_s : float
        Of a busy model.
    """

    kind: str
    text: str
    latency: int
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    is_priced: bool = True
    retry_after_s: float = 0.0


class RecordedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome as it is kept, with what it is the outcome of.

    Parameters
    ----------
    seq : int
        Rises with time.
    ts : int
        When it was known, ns UTC of the wall.
    as_of : int
        What the call was about, ns UTC of the market.
    asked : str
        Model that was asked; ``outcome.model`` is who answered.
    prompt : str
        Name and version of the prompt's file.
    is_reused : bool
        True when nobody was asked: the same answer had been kept before, and was paid for then.
    """

    seq: int
    ts: int
    agent: str
    as_of: int
    key: str
    asked: str
    prompt: str
    is_reused: bool
    outcome: Outcome


class CallRecords(Protocol):
    """Where outcomes are kept."""

    @property
    def where(self) -> str:
        """What a person finds it by."""
        ...

    def find(self, call: Call, *, exactly: bool) -> Outcome | None:
        """Return the newest outcome of a call: the same key and instant, the same agent first.

        Where there is none, and not ``exactly``, the newest answer to the same key at any instant.
        """
        ...

    def keep(self, call: Call, outcome: Outcome, *, ts: int, is_reused: bool = False) -> None:
        """Add an outcome, known at ``ts`` (ns UTC of the wall)."""
        ...


class Recorded:
    """Asks a model and keeps what comes of it, or gives back what was kept.

    Errors and lateness are outcomes like answers, so that a replay has the same abstentions. It
    goes outside of everything that may change an outcome. An agent that asks once more has to ask
    something else: the same question has the same outcome.

    Parameters
    ----------
    model : LanguageModel or None
        None in a replay, where nobody is asked.
    records : CallRecords
    mode : Mode
    clock : Clock
        Measures the latency.
    """

    def __init__(
        self, model: LanguageModel | None, records: CallRecords, *, mode: Mode, clock: Clock
    ) -> None:
        if model is None and mode != "replay":
            raise ValueError(f"there is nobody to ask in mode {mode!r}")
        self._model = model
        self._records = records
        self._mode = mode
        self._clock = clock

    async def answer(self, call: Call) -> Answer:
        """Return the answer, just given or kept.

        Raises
        ------
        NotRecorded
            In a replay, if nothing is kept of this call.
        AgentLate
            If what is kept is that nobody waited for it.
        ModelError, BudgetSpent
            As the model raised them.
        """
        if self._model is None or self._mode == "replay":
            found = self._records.find(call, exactly=False)
            if found is None:
                # without its folder: it goes to the ledger, which is the same wherever the file lies
                where = PurePath(self._records.where).name
                raise NotRecorded(
                    f"no record of call {call.key[:_SHORT]} of {call.model} "
                    f"in {where}; record it with --llm record"
                )
            return _told(call, found)
        if self._mode == "record":
            kept = self._reused(call)
            if kept is not None:
                return kept
        return await self._asked(self._model, call)

    def _reused(self, call: Call) -> Answer | None:
        found = self._records.find(call, exactly=True)
        if found is None:
            found = self._records.find(call, exactly=False)
            if found is not None:
                # what this instant heard is kept as its own: a later answer must not change it
                self._records.keep(call, found, ts=self._clock.now(), is_reused=True)
        if found is None or found.kind != ANSWER:
            return None
        return _told(call, found)

    async def _asked(self, model: LanguageModel, call: Call) -> Answer:
        started = self._clock.now()
        try:
            answer = await model.answer(call)
        except asyncio.CancelledError:
            latency = self._clock.now() - started
            self._keep(call, Outcome(kind=LATE, text=_late(latency), latency=latency))
            raise
        except AgentError as error:
            self._keep(call, _failed(error, self._clock.now() - started))
            raise
        outcome = Outcome(
            kind=ANSWER,
            text=answer.text,
            model=answer.model,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost_usd=answer.cost_usd,
            is_priced=answer.is_priced,
            latency=self._clock.now() - started,
        )
        self._keep(call, outcome)
        return _told(call, outcome, is_recorded=False)

    def _keep(self, call: Call, outcome: Outcome) -> None:
        self._records.keep(call, outcome, ts=self._clock.now())


def _late(latency: int) -> str:
    return f"no answer in {latency / SECOND:.3g} s"


def _failed(error: AgentError, latency: int) -> Outcome:
    kind = next(each for each in type(error).__mro__ if each in _KINDS.values()).__name__
    charged = error if isinstance(error, Declined) else None
    return Outcome(
        kind=kind,
        text=str(error),
        latency=latency,
        input_tokens=charged.input_tokens if charged else 0,
        output_tokens=charged.output_tokens if charged else 0,
        cost_usd=charged.cost_usd if charged else Decimal(0),
        retry_after_s=error.retry_after_s if isinstance(error, ModelBusy) else 0.0,
    )


_KINDS: dict[str, type[AgentError]] = {
    kind.__name__: kind
    for kind in (
        AgentError,
        AgentLate,
        BudgetSpent,
        ModelError,
        ModelBusy,
        ModelDown,
        ModelRefused,
        NotRecorded,
    )
}


def _told(call: Call, outcome: Outcome, *, is_recorded: bool = True) -> Answer:
    if outcome.kind == LATE:
        raise AgentLate(outcome.text)
    if outcome.kind != ANSWER:
        kind = _KINDS.get(outcome.kind, ModelError)
        if kind is ModelBusy:
            raise ModelBusy(outcome.text, retry_after_s=outcome.retry_after_s)
        raise kind(outcome.text)
    return Answer(
        call=call.key,
        text=outcome.text,
        model=outcome.model,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        cost_usd=outcome.cost_usd,
        latency=outcome.latency,
        is_priced=outcome.is_priced,
        is_recorded=is_recorded,
    )
