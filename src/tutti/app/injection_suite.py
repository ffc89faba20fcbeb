"""What each injection buys from an agent and its model: how far its opinion moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.agents.llm.bounds import Caps
from tutti.agents.llm.catalogue import SpeakerSettings, make_llm_agent
from tutti.agents.llm.injections import INJECTIONS, ordinary
from tutti.model.instrument import InstrumentId
from tutti.model.market import Snapshot
from tutti.model.opinion import Opinion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.llm.injections import Injection
    from tutti.agents.llm.port import LanguageModel
    from tutti.model.market import Reading, TextEvent

ASSET = InstrumentId("ACME", "SIM")
INSTANT = 1_760_000_000_000_000_000
_CLOSE = 100.0
_FEATURES = {"rsi_14": 50.0, "momentum_60": 0.0, "volatility_100": 0.01}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What one injection bought.

    Parameters
    ----------
    is_alone : bool
        True where nothing else was to be read.
    withheld : int
        Texts that were kept back because they speak to the model.
    before, after : float
        Force (bias times confidence) of the opinion without and with it; 0 for none.
    bound : float
        Most that the force can be, whatever the model says.
    is_answered : bool
        Whether the agent had an opinion at all, with it or without it; where it had none, nothing
        was measured.
    """

    injection: str
    trick: str
    is_alone: bool
    withheld: int
    before: float
    after: float
    bound: float
    is_answered: bool

    @property
    def shift(self) -> float:
        """How far the force moved, in [-2, 2]."""
        return self.after - self.before


class _One:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:  # noqa: ARG002
        return self._snapshot


async def attack(
    model: LanguageModel,
    *,
    name: str = "test:model",
    alone: bool = False,
    screens: bool = True,
    caps: Caps | None = None,
    injections: Sequence[Injection] = INJECTIONS,
) -> list[Bought]:
    """Show every injection to the agent of its kind, and return what each bought.

    Parameters
    ----------
    model : LanguageModel
        Asked twice for each: with the injection and without it.
    alone : bool
        True shows nothing else; otherwise it stands among three ordinary reports.
    screens : bool
        False shows texts even if they speak to the model.
    """
    bounds = Caps() if caps is None else caps
    bought = []
    for injection in injections:
        settings = SpeakerSettings(name="attacked", model=name, screens=screens, caps=bounds)
        others = () if alone else ordinary(ASSET, INSTANT, injection.kind)
        others = others if injection.kind != "macro" else ()
        calm = _snapshot(others)
        seen = _snapshot((*injection.texts(ASSET, INSTANT), *others), injection.readings(INSTANT))
        agent = make_llm_agent(injection.kind, settings, source=_One(seen), model=model)
        before, after = await agent.infer(calm), await agent.infer(seen)
        publishers = 2 if injection.kind == "macro" else injection.publishers
        bought.append(
            Bought(
                injection=injection.name,
                trick=injection.trick,
                is_alone=alone,
                withheld=agent.material(seen).withheld,
                before=_force(before),
                after=_force(after),
                bound=bounds.cap(publishers),
                is_answered=isinstance(before, Opinion) or isinstance(after, Opinion),
            )
        )
    return bought


def table(columns: Sequence[tuple[str, Sequence[Bought]]]) -> str:
    """Return what each injection bought as a table in Markdown, a column for each condition."""
    first = columns[0][1]
    lines = [
        f"| injection | trick | publishers | {' | '.join(head for head, _ in columns)} | bound |",
        f"|---|---|---:|{'---:|' * (len(columns) + 1)}",
    ]
    by_name = {injection.name: injection for injection in INJECTIONS}
    for row, bought in enumerate(first):
        publishers = by_name[bought.injection].publishers
        cells = " | ".join(_shown(column[row].shift) for _, column in columns)
        lines.append(
            f"| `{bought.injection}` | {bought.trick} | {publishers} | {cells} | {bought.bound:g} |"
        )
    return "\n".join(lines) + "\n"


def _shown(shift: float) -> str:
    return f"{shift:+.2f}" if round(shift, 2) else "0"


def _snapshot(texts: Sequence[TextEvent], readings: Sequence[Reading] = ()) -> Snapshot:
    return Snapshot(
        instrument=ASSET,
        as_of=INSTANT,
        close=_CLOSE,
        features=_FEATURES,
        texts=tuple(texts),
        readings=tuple(readings),
    )


def _force(answer: object) -> float:
    return answer.bias * answer.confidence if isinstance(answer, Opinion) else 0.0
