"""Weights follow worth while a paper service runs, step by step, on its ledger."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, NamedTuple

import yaml

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.agents_file import given, load_agents
from tutti.app.replay import replay_run
from tutti.app.weight_steps import given_weights
from tutti.kernel.clock import HOUR
from tutti.ledger.kinds import Started, Stopped
from tutti.ledger.records import decode
from tutti.ledger.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tutti.app.service import PaperService

    Make = Callable[..., PaperService]

_PACE = 360_000.0  # a hundred ticks a second at most
_EVERY_H = 24
_AGENTS = ("momentum_hunter", "mean_reversion", "trend_surfer")


class _Session(NamedTuple):
    ts: int
    why: str
    weights: dict[str, float]


def _sessions(folder: Path) -> list[_Session]:
    found, why = [], ""
    with SqliteLedgerReader(folder) as reader:
        assert verify(reader).ok
        for row in reader.rows(kinds=["started", "stopped"]):
            if row.kind == "stopped":
                why = decode(row, Stopped).reason
                continue
            kept = folder / "configurations" / f"{decode(row, Started).configuration}.json"
            agents = json.loads(kept.read_text())["agents"]
            found.append(_Session(row.ts, why, {each["name"]: each["weight"] for each in agents}))
    return found


def _make(make_service: Make, listed: Path) -> PaperService:
    return make_service(
        speed=_PACE, agents_file=str(listed), policy__name="hybrid", feed__warm_up_bars=260,
        worth={
            "follows": True, "every_s": _EVERY_H * 3600, "window_s": 40 * 3600, "max_step": 0.1,
        },
        agents=given(load_agents(listed).agents),  # as a configuration is read
    )  # fmt: skip


async def _stepped(service: PaperService, n: int, folder: Path) -> None:
    def steps() -> int:
        return sum(each.why.startswith("worth: ") for each in _sessions(folder))

    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        async with asyncio.timeout(120):
            while steps() < n:  # noqa: ASYNC110 - a service tells nobody of what it does
                await asyncio.sleep(0.2)
        service.shutdown("the test is over")
        await run


async def test_weights_step_within_bounds_and_a_restart_and_a_replay_have_the_same(
    make_service: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tutti.app.weight_steps._LOOK_S", 0.02)
    listed, folder = tmp_path / "agents.yaml", tmp_path / "paper"
    listed.write_text("# mine\n" + yaml.safe_dump({"agents": [{"name": name} for name in _AGENTS]}))
    service = _make(make_service, listed)
    await _stepped(service, 2, folder)
    again = _make(make_service, listed)
    shown = {each.name: each.weight for each in service.agents()}
    assert {each.name: each.weight for each in again.agents()} == shown
    assert shown == _sessions(folder)[-1].weights
    await _stepped(again, 3, folder)
    sessions = _sessions(folder)
    steps = [each for each in sessions if each.why.startswith("worth: ")]
    assert len(steps) >= 3
    for before, after in itertools.pairwise(sessions):
        for name, weight in after.weights.items():
            assert abs(weight - before.weights[name]) <= 0.1 + 1e-6
            if after not in steps:
                assert weight == before.weights[name]
    for before, after in itertools.pairwise(steps):
        assert after.ts - before.ts >= _EVERY_H * HOUR
    # the file has them, and the rest of it is as it was
    assert listed.read_text().startswith("# mine\n")
    assert {each.name: each.weight for each in load_agents(listed).agents} == sessions[-1].weights
    with SqliteLedgerReader(folder) as reader:
        assert given_weights(reader, folder).weights == dict.fromkeys(_AGENTS, 1.0)
    outcome = replay_run(folder, lambda *_: None)
    assert (outcome.equal, outcome.first_difference) == (True, 0)


async def test_file_that_somebody_has_broken_is_left_alone_and_weights_stay(
    make_service: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tutti.app.weight_steps._LOOK_S", 0.02)
    listed, folder = tmp_path / "agents.yaml", tmp_path / "paper"
    good = yaml.safe_dump({"agents": [{"name": name} for name in _AGENTS]})
    listed.write_text(good)
    service = _make(make_service, listed)
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        broken = good.replace("momentum_hunter", "nobody")
        listed.write_text(broken)
        async with asyncio.timeout(120):
            # longer than a segment and an interval: a step would be due
            while service.ticks < 130:  # noqa: ASYNC110 - a service tells nobody of its ticks
                await asyncio.sleep(0.02)
            assert listed.read_text() == broken
            assert len(_sessions(folder)) == 1
            listed.write_text(good)
            while len(_sessions(folder)) < 2:  # noqa: ASYNC110 - nor of its sessions
                await asyncio.sleep(0.1)
        service.shutdown("the test is over")
        await run
    assert _sessions(folder)[1].why.startswith("worth: ")
