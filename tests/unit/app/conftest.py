"""A package with an agent that has to be awaited and a policy, as if it were installed."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tutti.model.market import Snapshot
from tutti.model.opinion import Opinion
from tutti.policy.ema_cross import EmaCross

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.port import SnapshotSource
    from tutti.app.settings import PolicySettings
    from tutti.model.instrument import InstrumentId
    from tutti.policy.sizing import Sizing


class Pundit:
    """Says the same of everything."""

    name = "pundit"

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return Snapshot(instrument=instrument, as_of=ts, close=1.0, features={})

    async def infer(self, context: Snapshot) -> Opinion:
        return Opinion(
            agent=self.name, instrument=context.instrument, bias=0.9, confidence=0.9,
            as_of=context.as_of, rationale="as always",
        )  # fmt: skip


class Scholar(Pundit):
    """Wants to be shown what others are."""

    name = "scholar"
    needs = ("rsi_21",)

    def __init__(self) -> None:
        self.source: SnapshotSource | None = None

    def see(self, source: SnapshotSource) -> None:
        self.source = source


def _contrarian(settings: PolicySettings, ids: Sequence[InstrumentId], sizing: Sizing) -> EmaCross:
    policy = EmaCross(settings.fast, settings.slow, sizing, len(ids), long_only=False)
    policy.name = "contrarian"
    return policy


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the agents ``pundit``, ``scholar`` and ``broken``, and the policy ``contrarian``."""
    package: Any = ModuleType("installed_for_a_test")
    package.pundit = lambda params: Pundit()
    package.scholar = lambda params: Scholar()
    package.broken = lambda params: params["never given"]
    package.contrarian = _contrarian
    monkeypatch.setitem(sys.modules, package.__name__, package)
    points = (
        EntryPoint("pundit", f"{package.__name__}:pundit", "tutti.agents"),
        EntryPoint("scholar", f"{package.__name__}:scholar", "tutti.agents"),
        EntryPoint("broken", f"{package.__name__}:broken", "tutti.agents"),
        EntryPoint("contrarian", f"{package.__name__}:contrarian", "tutti.policies"),
    )
    monkeypatch.setattr(
        "tutti.app.plugins.entry_points",
        lambda *, group: [point for point in points if point.group == group],
    )
