"""SemanticSynth: an opinion from what all texts about an instrument say together.

It reads the score vectors that were computed ahead, where there are any, else the texts of its
snapshot, which may be fewer; what is about the market as a whole is left out. From the vector::

    weight     = volume / (volume + prior)             few stories count for little
    bias       = gain * weight * (sentiment + change) / 2
    confidence = ceiling * weight * (1 - dispersion) * (1 + novelty) / 2

It abstains where nothing new was told within ``fresh``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.agents.text.score_vector import HALF_LIFE, NAMES, ScoreVector, models_of
from tutti.agents.text.synthesis import ScoredText, Synthesis, scored_texts, wording
from tutti.kernel.clock import HOUR
from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tutti.agents.port import SnapshotSource
    from tutti.agents.text.port import Embedder, SentimentScorer
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import Reading, Snapshot, TextEvent

NAME = "semantic_synth"
_KEPT = 4096
_SOURCES = 10
_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthSettings:
    """What SemanticSynth is made with.

    Parameters
    ----------
    kinds : tuple of str
        Of the texts that it reads; empty for all.
    fresh : int
        Nanoseconds within which something new must have been told.
    prior : float
        Stories that count for half; positive.
    gain : float
        Negative to go against what is told.
    ceiling : float
        Largest confidence, in (0, 1].
    time_to_live, horizon : int
        Of its opinions, nanoseconds.
    """

    name: str = NAME
    kinds: tuple[str, ...] = ()
    fresh: int = 6 * HOUR
    prior: float = 2.0
    gain: float = 1.0
    ceiling: float = 0.5
    time_to_live: int = 0
    horizon: int = 0

    def __post_init__(self) -> None:
        if not self.prior > 0.0:
            raise ValueError(f"{self.name}: prior must be positive, was {self.prior!r}")
        if not 0.0 < self.ceiling <= 1.0:
            raise ValueError(f"{self.name}: ceiling must be in (0, 1], was {self.ceiling!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grounds:
    # what an opinion rests on: ids of texts or readings, and the language models that scored them
    sources: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


class SemanticSynth:
    """Opines on what all texts about an instrument say together; an `Agent`.

    Parameters
    ----------
    settings : SynthSettings
    source : SnapshotSource
        With texts, or with readings of score vectors.
    scorer : SentimentScorer
    embedder : Embedder
    stamp : callable, optional
        Tells of a language model and an instant (ns UTC) whether the model can't have known what came
        next: ``clean`` or ``contaminated``. Without it every model may.
    """

    def __init__(
        self,
        settings: SynthSettings,
        *,
        source: SnapshotSource,
        scorer: SentimentScorer,
        embedder: Embedder,
        stamp: Callable[[str, int], str] | None = None,
    ) -> None:
        self.name = settings.name
        self.settings = settings
        self._source = source
        self._scorer = scorer
        self._embedder = embedder
        self._stamp = _contaminated if stamp is None else stamp
        self._scored: dict[tuple[str, str], ScoredText] = {}
        self._asked: dict[tuple[str, str], asyncio.Future[None]] = {}

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return what is known of an instrument at ``ts`` (ns UTC)."""
        return await self._source.snapshot(instrument, ts)

    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        """Return what the texts say together, or why there is nothing."""
        vector, grounds = _from_readings(context)
        if vector is None:
            vector, grounds = await self._from_texts(context)
        if vector is None:
            return self._silent(context, "nothing to read")
        fresh = self.settings.fresh
        if context.as_of - vector.newest > fresh:
            return self._silent(context, f"nothing new for {fresh / HOUR:.3g} h")
        return self._opinion(context, vector, grounds)

    async def _from_texts(self, context: Snapshot) -> tuple[ScoreVector | None, _Grounds]:
        kinds = self.settings.kinds
        events = [
            event
            for event in reversed(context.texts)
            if event.instruments and (not kinds or event.kind in kinds)
        ]
        synthesis = Synthesis()
        counted = [
            scored.event
            for scored in await self._known(events, context.instrument, context.as_of)
            if synthesis.take(scored)
        ]
        sources = tuple(event.id or event.source for event in reversed(counted[-_SOURCES:]))
        grounds = _Grounds(sources=sources, models=self._scorer.models)
        return synthesis.vector(context.as_of), grounds

    async def _known(
        self, events: Sequence[TextEvent], instrument: InstrumentId, as_of: int
    ) -> list[ScoredText]:
        # each text is scored once, however often it is seen: what another question is asking about
        # is left to that one, so that what is asked does not depend on how quickly answers come
        target = instrument.symbol.split("-")[0]
        wanted = {(target, wording(event)): event for event in events}
        if len(self._scored) > _KEPT and any(key not in self._scored for key in wanted):
            self._scored.clear()
        pending = {key: self._asked[key] for key in wanted if key in self._asked}
        unknown = [key for key in wanted if key not in self._scored and key not in pending]
        await self._ask({key: wanted[key] for key in unknown}, target, as_of)
        for answered in pending.values():
            await asyncio.shield(answered)
        # whoever was asking may have been given up
        missing = [key for key in wanted if key not in self._scored]
        await self._ask({key: wanted[key] for key in missing}, target, as_of)
        return [_about(event, self._scored[target, wording(event)]) for event in events]

    async def _ask(self, texts: dict[tuple[str, str], TextEvent], target: str, as_of: int) -> None:
        if not texts:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked |= dict.fromkeys(texts, done)
        try:
            found = await scored_texts(
                list(texts.values()), self._scorer, self._embedder, target=target, as_of=as_of
            )
            self._scored |= dict(zip(texts, found, strict=True))
        finally:
            for key in texts:
                if self._asked.get(key) is done:
                    del self._asked[key]
            done.set_result(None)

    def _opinion(self, context: Snapshot, vector: ScoreVector, grounds: _Grounds) -> Opinion:
        settings = self.settings
        weight = vector.volume / (vector.volume + settings.prior)
        bias = settings.gain * weight * (vector.sentiment + vector.change) / 2.0
        certain = (1.0 - min(1.0, vector.dispersion)) * (1.0 + vector.novelty) / 2.0
        return Opinion(
            agent=self.name,
            instrument=context.instrument,
            bias=min(1.0, max(-1.0, bias)),
            confidence=min(1.0, max(0.0, settings.ceiling * weight * certain)),
            as_of=context.as_of,
            rationale=_rationale(context, vector),
            time_to_live=settings.time_to_live,
            horizon=settings.horizon,
            sources=grounds.sources,
            knowledge=self._knowledge(grounds.models, context.as_of),
        )

    def _knowledge(self, models: Sequence[str], as_of: int) -> str:
        # of several models, what the one says that knows most
        stamps = [self._stamp(model, as_of) for model in models]
        return max(stamps, default="")

    def _silent(self, context: Snapshot, reason: str) -> Abstention:
        return Abstention(
            agent=self.name, instrument=context.instrument, as_of=context.as_of, reason=reason
        )


def _from_readings(context: Snapshot) -> tuple[ScoreVector | None, _Grounds]:
    found: dict[str, dict[str, Reading]] = {}
    for reading in context.readings:
        if models_of(reading.source) is not None and reading.instrument == context.instrument:
            found.setdefault(reading.source, {})[reading.name] = reading
    whole = [
        (max(each.known_at for each in own.values()), source)
        for source, own in found.items()
        if all(name in own for name in NAMES.values())
    ]
    if not whole:
        return None, _Grounds()
    newest, source = max(whole)
    own = found[source]
    values = {field: own[name].value for field, name in NAMES.items()}
    values["volume"] *= 0.5 ** ((context.as_of - newest) / HALF_LIFE)
    vector = ScoreVector(as_of=context.as_of, newest=newest, **values)
    models = models_of(source) or ()
    return vector, _Grounds(sources=(own[NAMES["sentiment"]].id,), models=models)


def _contaminated(model: str, as_of: int) -> str:  # noqa: ARG001 - whatever they are
    return "contaminated"


def _about(event: TextEvent, scored: ScoredText) -> ScoredText:
    # the same words may come again from somebody else
    return ScoredText(event=event, wording=scored.wording, value=scored.value, vector=scored.vector)


def _rationale(context: Snapshot, vector: ScoreVector) -> str:
    newest = next((wording(event) for event in context.texts), "")
    shown = newest if len(newest) <= _SHOWN else f"{newest[: _SHOWN - 1].rstrip()}…"
    told = f"; newest: {shown}" if shown else ""
    return (
        f"sentiment {vector.sentiment:+.2f} over {vector.volume:.1f} stories, "
        f"{vector.change:+.2f} against the days before; dispersion {vector.dispersion:.2f}, "
        f"novelty {vector.novelty:.2f}{told}"
    )
