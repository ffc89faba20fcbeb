"""Agents that answer in their own time, while a paper service trades."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.replay import replay_run
from tutti.kernel.clock import DAY, HOUR
from tutti.ledger.kinds import Told
from tutti.ledger.records import entries
from tutti.ledger.verify import verify
from tutti.model.market import Snapshot
from tutti.model.opinion import Opinion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from tutti.app.service import PaperService
    from tutti.ledger.records import Entry
    from tutti.model.instrument import InstrumentId

    Make = Callable[..., PaperService]
    Ticked = Callable[[PaperService, int], Awaitable[None]]

_PACE = 360_000.0  # a hundred ticks a second at most


class _Scripted:
    """Takes its time, or waits for the gate, and is for or against by the hour."""

    gate: asyncio.Event

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.name = "scripted"
        self._takes_s = float(params.get("takes_s", 0.0))
        self._waits = bool(params.get("waits"))

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return Snapshot(instrument=instrument, as_of=ts, close=1.0, features={})

    async def infer(self, context: Snapshot) -> Opinion:
        await asyncio.sleep(self._takes_s)
        if self._waits:
            await self.gate.wait()
        side = 1.0 if context.as_of // (4 * HOUR) % 2 else -1.0
        return Opinion(
            agent=self.name, instrument=context.instrument, bias=side, confidence=0.9,
            as_of=context.as_of, rationale="by the hour", sources=("clock:1",),
        )  # fmt: skip


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the agent ``scripted``."""
    package: Any = ModuleType("scripted_for_a_test")
    package.scripted = _Scripted
    monkeypatch.setitem(sys.modules, package.__name__, package)
    point = EntryPoint("scripted", f"{package.__name__}:scripted", "tutti.agents")
    monkeypatch.setattr(
        "tutti.app.plugins.entry_points", lambda *, group: [point] if group == point.group else []
    )


def _agent(name: str, **settings: Any) -> dict[str, Any]:
    params = {key: settings.pop(key) for key in ("takes_s", "waits") if key in settings}
    return {"name": name, "kind": "scripted", "params": params, **settings}


_LISTENING: dict[str, Any] = {
    "policy__name": "hybrid",
    "policy__weights": {"context": 1.0, "momentum": 0.0, "mean_reversion": 0.0, "pairs": 0.0},
    "policy__entry_threshold": 0.2,
    "policy__exit_threshold": 0.1,
    "conductor__weights": {},
}


def _told(folder: Path) -> list[Entry[Told]]:
    with SqliteLedgerReader(folder) as reader:
        assert verify(reader).ok
        return list(entries(reader.rows(kinds=("opinion",)), Told))


def _value(service: PaperService, metric: str, agent: str) -> float:
    return service.metrics.registry.get_sample_value(metric, {"agent_name": agent}) or 0.0


async def _served(service: PaperService, ticks: int, ticked: Ticked) -> None:
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, ticks)
        service.shutdown("the test is over")
        await run


async def test_one_that_is_late_is_an_abstention_on_the_ledger_and_in_the_metrics(
    make_service: Make, ticked: Ticked, tmp_path: Path
) -> None:
    service = make_service(
        speed=_PACE, **_LISTENING, panel__wait_s=1.0,
        agents=[
            _agent("quick"), _agent("late", takes_s=10.0, timeout_s=0.05, cadence_s=36_000),
            {"name": "momentum_hunter"},
        ],
    )  # fmt: skip
    await _served(service, 15, ticked)
    told = [each.body for each in _told(tmp_path / "paper")]
    late = [each for each in told if each.agent == "late"]
    assert {each.rationale for each in late} == {"no answer in 0.05 s"}
    assert 2 * 2 <= len(late) == _value(service, "agent_timeout_total", "late")
    assert _value(service, "agent_calls_total", "late") == len(late)
    assert _value(service, "agent_success_total", "late") == 0.0
    quick = [each for each in told if each.agent == "quick"]
    assert all(each.bias is not None and each.sources == ("clock:1",) for each in quick)
    assert _value(service, "agent_calls_total", "quick") == len(quick) >= 30
    rows = {row.name: row for row in service.agents()}
    assert (rows["late"].timeouts, rows["late"].abstentions) == (len(late), len(late))
    assert (rows["quick"].calls, rows["quick"].abstentions) == (len(quick), 0)
    assert rows["momentum_hunter"].calls == service.ticks
    assert _value(service, "agent_calls_total", "momentum_hunter") == service.ticks
    assert service.counts().orders > 0


async def test_new_agent_is_asked_at_the_next_tick_and_what_is_out_stays_out(
    make_service: Make, ticked: Ticked, tmp_path: Path
) -> None:
    listed = tmp_path / "agents.yaml"

    def write(*agents: dict[str, Any]) -> None:
        listed.write_text(yaml.safe_dump({"agents": list(agents)}))

    _Scripted.gate = asyncio.Event()
    slow = _agent("slow", waits=True, timeout_s=60.0, cadence_s=360_000_000)
    write(slow)
    service = make_service(
        speed=_PACE, agents_file=str(listed), agents=[slow], panel__wait_s=0.0, **_LISTENING
    )
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 5)
        session = service.account.session
        write(slow, _agent("new"))
        async with asyncio.timeout(90):
            while service.account.session is session:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        changed = service.account.as_of
        await ticked(service, service.ticks + 3)
        _Scripted.gate.set()
        async with asyncio.timeout(90):
            while _value(service, "agent_success_total", "slow") < 2.0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await ticked(service, service.ticks + 2)
        service.shutdown("the test is over")
        await run
    told = _told(tmp_path / "paper")
    new = [each.body.as_of for each in told if each.body.agent == "new"]
    assert min(new) == changed + HOUR
    # it was asked once, in the session before, and heard in this one
    slowly = [each for each in told if each.body.agent == "slow"]
    assert len(slowly) == 2
    assert all(each.body.as_of < changed < each.ts for each in slowly)
    assert _value(service, "agent_calls_total", "slow") == 2.0
    outcome = replay_run(tmp_path / "paper", lambda *_: None)
    assert (outcome.equal, outcome.first_difference) == (True, 0)


async def test_agent_that_can_not_be_made_is_refused_with_its_line_and_changes_nothing(
    make_service: Make, ticked: Ticked, tmp_path: Path
) -> None:
    listed = tmp_path / "agents.yaml"
    listed.write_text(yaml.safe_dump({"agents": [_agent("steady")]}))
    service = make_service(
        speed=_PACE, agents_file=str(listed), agents=[_agent("steady")], **_LISTENING
    )
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 3)
        session = service.account.session
        odd = {"name": "news", "model": "a:b", "params": {"volume": 11}}
        listed.write_text(yaml.safe_dump({"agents": [_agent("steady"), odd]}))
        async with asyncio.timeout(90):
            while not service.status().agents_refused:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await ticked(service, service.ticks + 3)
        assert service.account.session is session
        service.shutdown("the test is over")
        await run
    assert "agents.yaml:" in service.status().agents_refused
    assert "params has no 'volume'" in service.status().agents_refused
    assert {each.body.agent for each in _told(tmp_path / "paper")} == {"steady"}


async def test_restart_asks_nobody_who_was_asked_lately(
    make_service: Make, ticked: Ticked, tmp_path: Path
) -> None:
    agents = [_agent("rare", cadence_s=360_000_000)]
    for _ in range(2):
        service = make_service(speed=_PACE, agents=agents, **_LISTENING)
        await _served(service, 5, ticked)
    assert len(_told(tmp_path / "paper")) == 2
    assert replay_run(tmp_path / "paper", lambda *_: None).equal


async def test_agent_whose_loss_of_the_day_is_too_large_is_asked_again_on_the_next_day(
    make_service: Make, ticked: Ticked, tmp_path: Path
) -> None:
    service = make_service(
        speed=_PACE, agents=[_agent("loser")], risk__max_agent_daily_loss=1e-6, **_LISTENING
    )
    await _served(service, 75, ticked)
    told = _told(tmp_path / "paper")
    why = "its daily loss limit is breached; it may speak again tomorrow (UTC)"
    # a bar belongs to the day in which it begins
    days = {(each.ts - HOUR) // DAY for each in told if each.body.rationale == why}
    assert len(days) >= 2
    for day in days:
        of_day = [each.body for each in told if (each.ts - HOUR) // DAY == day]
        spoken = [each.as_of for each in of_day if each.bias is not None]
        silent = [each.as_of for each in of_day if each.rationale == why]
        assert len(silent) == 2  # once for each instrument
        assert not spoken or max(spoken) < min(silent)
    opinions = [each.body for each in told if each.body.bias is not None]
    assert max((each.as_of - HOUR) // DAY for each in opinions) > min(days)
    assert _value(service, "agent_calls_total", "loser") == len(opinions)
    assert replay_run(tmp_path / "paper", lambda *_: None).equal
