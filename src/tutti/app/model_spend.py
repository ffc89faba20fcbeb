"""What agents' opinions of a period cost in calls of language models."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.agents.llm.blinding import Blinding

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.settings import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """US dollars and calls of one agent."""

    usd: Decimal = Decimal(0)
    calls: int = 0


def spend_in(path: Path, start: int, end: int, config: Config | None = None) -> dict[str, Spend]:
    """Return what each agent's opinions of a period of the market cost.

    A question counts once, however often a repeated run asked or looked it up: this is what the
    opinions cost to have, not what was paid on the days on which they were asked for.

    Parameters
    ----------
    path : Path
        Records of calls; nothing was spent where there are none.
    start, end : int
        Of the market, ns UTC; both included.
    config : Config, optional
        Of the run: one that was blinded told its models, and its records, of other days.

    Raises
    ------
    LedgerError
        If they can't be read.
    """
    if not path.is_file():
        return {}
    if config is not None and config.llm.blind:
        blind = Blinding(config.seed, ())
        start, end = blind.clock(start), blind.clock(end)
    once: dict[tuple[str, str, int], Decimal] = {}
    with SqliteCallRecords(path, read_only=True) as records:
        for each in records.outcomes():
            if start <= each.as_of <= end:
                key = (each.agent, each.key, each.as_of)
                once[key] = max(once.get(key, Decimal(0)), each.outcome.cost_usd)
    found: dict[str, Spend] = {}
    for (agent, _, _), cost in once.items():
        before = found.get(agent, Spend())
        found[agent] = Spend(usd=before.usd + cost, calls=before.calls + 1)
    return found
