"""A service with agents that have to be awaited; the rest is in tests/service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.config import Config, override
from tutti.app.service import PaperService
from tutti.kernel.clock import HOUR, LiveClock
from tutti.ledger.kinds import Decision
from tutti.ledger.records import decode

if TYPE_CHECKING:
    from pathlib import Path


async def test_awaited_agents_are_asked_and_heard(installed: None, tmp_path: Path) -> None:
    config = override(
        Config(),
        {
            "agents": [{"name": "pundit", "weight": 9.0}, {"name": "momentum_hunter"}],
            "conductor.weights": {},
            "api.enabled": False,
            "feed.tick_s": 3600,
            "feed.warm_up_bars": 260,
            "feed.simulated.symbols": ["BTC-USDT-PERP.SIM"],
            "policy.entry_threshold": 0.2,
            "policy.exit_threshold": 0.1,
            "risk.care.cooldown_s": 0,
        },
    )
    service = PaperService(
        config, feed="sim", bars=[], speed=float("inf"), seconds=None, out=tmp_path, view=None,
        clock=LiveClock(),
    )  # fmt: skip
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        while service.ticks < 20:  # noqa: ASYNC110 - a service tells nobody of what it does
            await asyncio.sleep(0.01)
        service.shutdown("the test is over")
    summary = run.result()
    rows = {agent.name: agent for agent in service.status().agents}
    # nobody is asked any more about a tick that comes while the service ends
    unasked = summary.ticks - rows["pundit"].calls
    assert unasked in (0, 1)
    assert summary.ticks > 10
    assert rows["pundit"].abstentions == 0
    assert rows["pundit"].last_seen == service.status().as_of - unasked * HOUR
    assert summary.n_decisions > 0
    with SqliteLedgerReader(tmp_path) as reader:
        decision = decode(next(iter(reader.rows(kinds=("decision",)))), Decision)
    context = decision.items[0].context
    assert context is not None
    voices = {voice.agent: voice for voice in context.voices}
    assert (voices["pundit"].bias, voices["pundit"].rationale) == (0.9, "as always")
