"""What all agents have in common that ask a language model.

What an agent may read is gathered (`material`), quoted (`quoting`) and put into its prompt with the
market's figures and what came of similar situations. The answer is validated; one that does not fit
is asked for once more, with the fault named. What comes out is bounded by what it rests on
(`bounds`) and stamped with what the model may know (`knowledge`).

Where there is nothing to read, nobody is asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tutti.agents.llm.bounds import Caps, bounded
from tutti.agents.llm.knowledge import Cutoffs
from tutti.agents.llm.material import Material, Piece, gather
from tutti.agents.llm.port import Call
from tutti.agents.llm.prompts import prompt_of
from tutti.agents.llm.quoting import clean, quoted
from tutti.agents.llm.schema import LONGEST_RATIONALE, Said, answer_schema, read_answer
from tutti.agents.llm.sight import Sight, Unblinded
from tutti.kernel.clock import DAY, HOUR
from tutti.model.errors import BudgetSpent, DataError, ModelError
from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from tutti.agents.llm.port import Answer, LanguageModel
    from tutti.agents.llm.prompts import Prompt
    from tutti.agents.port import SnapshotSource
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import Snapshot

PLACES = frozenset({"asset", "now", "close", "horizon", "features", "past", "material", "mark"})
"""What a prompt has places for."""

NEEDED = frozenset({"asset", "material", "mark"})

_ONCE_MORE = "\n\nYour last answer was refused: {fault}. Answer again, as asked."
_LONGEST_FAULT = 160
_ATTEMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerSettings:
    """What an agent that asks a language model is made with.

    Parameters
    ----------
    model : str
        ``provider:name``.
    prompt : str
        File of a prompt of one's own; empty for the built-in one.
    time_to_live, horizon : int
        Nanoseconds; a horizon of 0 leaves it to the model.
    seed : int or None
        For providers that take one.
    screens : bool
        True withholds texts that are worded like instructions to the model.
    corroborates : bool
        True counts a publisher only where the words of its text lean as the opinion does.
    """

    name: str
    model: str
    prompt: str = ""
    temperature: float = 0.0
    max_output_tokens: int = 400
    seed: int | None = None
    time_to_live: int = 0
    horizon: int = 0
    screens: bool = True
    corroborates: bool = True
    caps: Caps = field(default_factory=Caps)
    cutoffs: Cutoffs = field(default_factory=Cutoffs)


class Speaker:
    """Agent that asks a language model about what it reads; a kind of it says what that is.

    Parameters
    ----------
    settings : SpeakerSettings
    source : SnapshotSource
        With the texts, readings and situations of the instant that is asked about.
    model : LanguageModel
    sight : Sight, optional
        What names, times and prices are shown as; as they are, unless told otherwise.

    Raises
    ------
    ConfigError
        If its prompt can't be used.
    """

    prompt_name: ClassVar[str]
    reads_or_abstains: ClassVar[bool] = True
    texts: ClassVar[frozenset[str]] = frozenset()
    readings: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        settings: SpeakerSettings,
        *,
        source: SnapshotSource,
        model: LanguageModel,
        sight: Sight | None = None,
    ) -> None:
        self.name = settings.name
        self.settings = settings
        self.prompt: Prompt = prompt_of(settings.prompt, self.prompt_name)
        self.prompt.check(PLACES, NEEDED)
        self._source = source
        self._model = model
        self._sight: Sight = Unblinded() if sight is None else sight

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return what is known of an instrument at ``ts`` (ns UTC)."""
        return await self._source.snapshot(instrument, ts)

    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        """Return the model's opinion of the snapshot, bounded, or why there is none."""
        material = self.material(context)
        if not material.pieces and self.reads_or_abstains:
            withheld = f"; {material.withheld} withheld" if material.withheld else ""
            return self._silent(context, f"nothing to read{withheld}")
        call, fault = self.call(context, material), ""
        for _ in range(_ATTEMPTS):
            if fault:
                call = _asked_again(call, fault)
            try:
                answer = await self._model.answer(call)
            except (ModelError, BudgetSpent) as error:
                return self._silent(context, str(error), call=call.key)
            try:
                return self.understood(context, material, answer)
            except DataError as error:
                fault = str(error)
        return self._silent(context, f"no answer that fits: {fault}", call=call.key)

    def material(self, context: Snapshot) -> Material:
        """Return what the agent reads of a snapshot."""
        return gather(
            context,
            self._sight,
            texts=self.texts,
            readings=self.readings,
            screens=self.settings.screens,
        )

    def call(self, context: Snapshot, material: Material) -> Call:
        """Return the question about a snapshot."""
        mark, block = quoted([piece.shown for piece in material.pieces])
        sight, horizon = self._sight, self.settings.horizon
        system, user = self.prompt.render(
            {
                "asset": sight.asset(context.instrument),
                "now": sight.instant(context.as_of),
                "close": sight.close(context.close),
                "horizon": f"{horizon / HOUR:g} hours" if horizon else "as you see fit",
                "features": _features(context, sight),
                "past": _past(context, sight),
                "material": block,
                "mark": mark,
            }
        )
        return Call(
            agent=self.name,
            as_of=sight.clock(context.as_of),
            model=self.settings.model,
            system=system,
            user=user,
            prompt=self.prompt.label,
            schema=self.answers_with(material),
            temperature=self.settings.temperature,
            max_output_tokens=self.settings.max_output_tokens,
            seed=self.settings.seed,
        )

    def answers_with(self, material: Material) -> str:
        """Return the JSON Schema of an answer about this material."""
        return answer_schema([piece.id for piece in material.pieces])

    def understood(
        self, context: Snapshot, material: Material, answer: Answer
    ) -> Opinion | Abstention:
        """Return what an answer says of a snapshot, bounded by what it rests on.

        Raises
        ------
        DataError
            If the answer does not fit; the message names the fault.
        """
        said = read_answer(answer.text)
        cited = _cited(said, material)
        if not cited:
            return self._silent(context, "the model has no view of what it read", call=answer.call)
        cap = self.settings.caps.cap(self._publishers(cited, said.bias))
        return Opinion(
            agent=self.name,
            instrument=context.instrument,
            bias=said.bias,
            confidence=bounded(said.bias, said.confidence, cap),
            as_of=context.as_of,
            rationale=self.rationale(context, said.rationale),
            time_to_live=self.settings.time_to_live,
            horizon=self.settings.horizon or round(said.horizon_hours * HOUR),
            sources=tuple(piece.source for piece in cited),
            call=answer.call,
            knowledge=self.settings.cutoffs.stamp(answer.model, context.as_of),
        )

    def _publishers(self, cited: list[Piece], bias: float) -> int:
        # at least the one that it read: words of finance do not tell everything
        counted = {
            piece.publisher: piece.weight
            for piece in cited
            if piece.supports(bias) or not self.settings.corroborates
        }
        return max(1, sum(counted.values()))

    def rationale(self, context: Snapshot, said: str) -> str:
        """Return a model's reasons as they may be kept."""
        # blinded before it is cut, for a name cut in half would pass
        whole = clean(said, 4 * LONGEST_RATIONALE)
        return clean(self._sight.said(whole, as_of=context.as_of), LONGEST_RATIONALE)

    def _silent(self, context: Snapshot, reason: str, *, call: str = "") -> Abstention:
        return Abstention(
            agent=self.name,
            instrument=context.instrument,
            as_of=context.as_of,
            reason=reason,
            call=call,
        )


def _asked_again(call: Call, fault: str) -> Call:
    once_more = _ONCE_MORE.format(fault=clean(fault, _LONGEST_FAULT))
    return msgspec.structs.replace(call, user=call.user + once_more)


def _cited(said: Said, material: Material) -> list[Piece]:
    given = {piece.id: piece for piece in material.pieces}
    named = dict.fromkeys(said.sources)
    cited = [given[source] for source in named if source in given]
    if named and not cited:
        raise DataError("none of the sources named is an id in the material")
    return cited


def _features(context: Snapshot, sight: Sight) -> str:
    known = {name: value for name, value in context.features.items() if math.isfinite(value)}
    return "\n".join(f"{name} {sight.feature(value)}" for name, value in known.items()) or "none"


def _past(context: Snapshot, sight: Sight) -> str:
    lines = []
    for seen in context.past:
        if seen.known_at > context.as_of or seen.as_of > context.as_of:
            continue
        panel = (
            "no view"
            if seen.bias is None or seen.confidence is None
            else f"the panel's bias {seen.bias:+.2f} at confidence {seen.confidence:.2f}"
        )
        moved = math.expm1(seen.outcome)
        if sight.is_blind:
            moved = float(sight.feature(moved))
        done = sight.said(clean(seen.decision, 40), as_of=context.as_of) or "nothing"
        lines.append(
            f"{(context.as_of - seen.as_of) / DAY:.1f} days ago: {panel}; done: "
            f"{done}; then {moved:+.2%} in {(seen.known_at - seen.as_of) / HOUR:.0f} hours"
        )
    return "\n".join(lines) or "none"
