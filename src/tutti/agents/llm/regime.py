"""The agent that says which regime a market is in, for the conductor.

It speaks as other agents do, so that it is asked, timed, recorded and replayed as they are. Its
bias tells the regime: which way it leans, and at full strength where it trends::

    BULL_TRENDING 1    BULL_VOLATILE 0.5    RANGE_BOUND 0    BEAR_VOLATILE -0.5    BEAR_TRENDING -1

The conductor reads it back (``conductor.spoken``); it never enters the panel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec

from tutti.agents.llm.schema import object_schema, read_object
from tutti.agents.llm.speaker import Speaker
from tutti.model.errors import DataError
from tutti.model.opinion import Opinion, Regime

if TYPE_CHECKING:
    from tutti.agents.llm.material import Material
    from tutti.agents.llm.port import Answer
    from tutti.model.market import Snapshot

REGIME_BIAS: dict[Regime, float] = {
    Regime.BULL_TRENDING: 1.0,
    Regime.BULL_VOLATILE: 0.5,
    Regime.RANGE_BOUND: 0.0,
    Regime.BEAR_VOLATILE: -0.5,
    Regime.BEAR_TRENDING: -1.0,
}
"""What bias says which regime."""


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    regime: Literal[
        "RANGE_BOUND", "BULL_TRENDING", "BULL_VOLATILE", "BEAR_TRENDING", "BEAR_VOLATILE"
    ]
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    rationale: Annotated[str, msgspec.Meta(min_length=1)]


_SCHEMA = object_schema(
    {
        "regime": {"type": "string", "enum": [regime.name for regime in Regime]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "rationale": {"type": "string"},
    }
)


class RegimeSpeaker(Speaker):
    """Says which regime a market is in, from its figures, the news and the economy."""

    prompt_name: ClassVar[str] = "regime@1"
    # the figures of the market are enough to judge by
    reads_or_abstains: ClassVar[bool] = False
    texts: ClassVar[frozenset[str]] = frozenset({"news"})
    readings: ClassVar[frozenset[str]] = frozenset({"macro"})

    def answers_with(self, material: Material) -> str:  # noqa: ARG002 - whatever there is to read
        """Return the JSON Schema of an answer."""
        return _SCHEMA

    def understood(self, context: Snapshot, material: Material, answer: Answer) -> Opinion:
        """Return the regime that an answer names, as an opinion.

        Raises
        ------
        DataError
            If the answer does not fit.
        """
        try:
            said = msgspec.convert(read_object(answer.text), _Said)
        except msgspec.ValidationError as error:
            raise DataError(f"the answer does not fit: {error}") from error
        return Opinion(
            agent=self.name,
            instrument=context.instrument,
            bias=REGIME_BIAS[Regime[said.regime]],
            confidence=said.confidence,
            as_of=context.as_of,
            rationale=f"{said.regime}: {self.rationale(context, said.rationale)}",
            time_to_live=self.settings.time_to_live,
            sources=tuple(piece.source for piece in material.pieces),
            call=answer.call,
            knowledge=self.settings.cutoffs.stamp(answer.model, context.as_of),
        )
