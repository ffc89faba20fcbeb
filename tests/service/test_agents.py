"""Agents switched, weighed and added while a paper service runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import yaml

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.model_use import ModelUse
from tutti.app.replay import replay_run
from tutti.kernel.clock import HOUR, LiveClock
from tutti.ledger.kinds import Started
from tutti.ledger.records import decode
from tutti.ledger.verify import verify
from tutti.model.errors import GateClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tutti.app.llm_estimate import Estimate
    from tutti.app.service import PaperService

    Make = Callable[..., PaperService]
    Ticked = Callable[[PaperService, int], Awaitable[None]]

_PACE = 3_600_000.0  # a thousand ticks a second at most


def _write(path: Path, *agents: dict[str, object]) -> None:
    path.write_text(yaml.safe_dump({"agents": list(agents)}))


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "agents.yaml"
    _write(path, {"name": "momentum_hunter"}, {"name": "mean_reversion"})
    return path


@pytest.fixture
def service(make_service: Make, listed: Path) -> PaperService:
    # the slowest average that anybody looks at is known from the first tick on
    return make_service(
        speed=_PACE, agents_file=str(listed), policy__name="hybrid", feed__warm_up_bars=260
    )


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not reached():  # noqa: ASYNC110 - a service tells nobody of what it does
            await asyncio.sleep(0.01)


def _panel(service: PaperService) -> dict[str, bool]:
    return {each.name: each.active for each in service.agents()}


async def _edited(
    service: PaperService, listed: Path, *agents: dict[str, object], ticked: Ticked
) -> None:
    """Run a service, edit its file, and let it live on for a while."""
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 5)
        _write(listed, *agents)
        await _until(lambda: service.agents_file().read == service.agents_file().in_force)
        await _until(lambda: tuple(_panel(service)) == tuple(str(a["name"]) for a in agents))
        await ticked(service, service.ticks + 5)
        service.shutdown("the test is over")
        await run


async def test_new_agent_speaks_from_the_next_tick_on(
    service: PaperService, listed: Path, ticked: Ticked
) -> None:
    # where no trend is strong enough for it, it abstains: so let any be
    eager: dict[str, object] = {"name": "trend_surfer", "params": {"buy": 0.001, "sell": -0.001}}
    await _edited(
        service, listed,
        {"name": "momentum_hunter"}, {"name": "mean_reversion"}, eager,
        ticked=ticked,
    )  # fmt: skip
    (row,) = [each for each in service.agents() if each.name == "trend_surfer"]
    assert row.calls >= 5
    assert row.abstentions == 0


async def test_agent_that_is_switched_off_is_asked_no_more_and_stays_on_the_list(
    service: PaperService, listed: Path, ticked: Ticked
) -> None:
    off = {"name": "mean_reversion", "enabled": False}
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 5)
        _write(listed, {"name": "momentum_hunter"}, off)
        await _until(lambda: not _panel(service)["mean_reversion"])
        (before,) = [each.calls for each in service.agents() if each.name == "mean_reversion"]
        await ticked(service, service.ticks + 5)
        (after,) = [each.calls for each in service.agents() if each.name == "mean_reversion"]
        service.shutdown("the test is over")
        await run
    assert after == before


async def test_broken_edit_changes_nothing_and_is_shown(
    service: PaperService, listed: Path, ticked: Ticked
) -> None:
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 3)
        _put(listed, "agents:\n  - name: momentum_hunter\n    weight: heavy\n")
        await _until(lambda: bool(service.status().agents_refused))
        assert f"{listed}:3: agents[0].weight" in service.status().agents_refused
        before = service.ticks
        await ticked(service, before + 3)
        assert list(_panel(service)) == ["momentum_hunter", "mean_reversion"]
        _put(listed, "agents:\n  - name: nobody\n")
        await _until(lambda: "nobody" in service.status().agents_refused)
        assert f"{listed}:2: agents[0].name" in service.status().agents_refused
        service.shutdown("the test is over")
        await run


async def test_each_panel_is_on_the_ledger_and_the_ledger_is_sound(
    service: PaperService, listed: Path, ticked: Ticked, tmp_path: Path
) -> None:
    await _edited(
        service, listed, {"name": "momentum_hunter", "weight": 3.0}, {"name": "vpin"},
        ticked=ticked,
    )  # fmt: skip
    with SqliteLedgerReader(tmp_path / "paper") as reader:
        assert verify(reader).ok
        started = [decode(row, Started) for row in reader.rows(kinds=["started"])]
    assert [each.agents for each in started] == [
        ("momentum_hunter", "mean_reversion"),
        ("momentum_hunter", "vpin"),
    ]


async def test_run_with_a_changed_panel_is_replayed_to_the_same_bytes(
    service: PaperService, listed: Path, ticked: Ticked, tmp_path: Path
) -> None:
    await _edited(
        service, listed, {"name": "momentum_hunter", "weight": 0.5}, {"name": "trend_surfer"},
        ticked=ticked,
    )  # fmt: skip
    _put(listed, "")  # what was in force is beside the ledger
    outcome = replay_run(tmp_path / "paper", lambda *_: None)
    assert outcome.equal, outcome


class _Leaping(LiveClock):
    """The wall's time, and hours ahead once it is told so."""

    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead


async def test_made_up_market_goes_on_where_it_was_however_late_the_panel_changes(
    make_service: Make, listed: Path, ticked: Ticked, tmp_path: Path
) -> None:
    clock = _Leaping()
    service = make_service(clock=clock, agents_file=str(listed), speed=_PACE)
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 5)
        clock.ahead = HOUR  # a bar of its market
        _write(listed, {"name": "vpin"})
        await _until(lambda: list(_panel(service)) == ["vpin"])
        await ticked(service, service.ticks + 5)
        service.shutdown("the test is over")
        await run
    outcome = replay_run(tmp_path / "paper", lambda *_: None)
    assert outcome.equal, outcome


async def test_recorded_market_goes_on_where_it_was_with_another_panel(
    make_service: Make, listed: Path, recorded_bars: tuple[Path, ...], ticked: Ticked
) -> None:
    service = make_service(
        feed="replay", bars=recorded_bars, speed=360_000.0, agents_file=str(listed)
    )
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 3)
        _write(listed, {"name": "vpin"})
        await _until(lambda: list(_panel(service)) == ["vpin"])
        await run
    assert service.ticks == 300 - 120


async def test_information_ratios_and_bad_windows_are_there_again_after_a_restart(
    make_service: Make, ticked: Ticked
) -> None:
    def make(speed: float) -> PaperService:
        return make_service(
            speed=speed, policy__name="hybrid", feed__warm_up_bars=260,
            worth__window_s=36_000, worth__bad_windows=9,
        )  # fmt: skip

    def judged(service: PaperService) -> set[str]:
        return {each.name for each in service.agents() if each.information_ratio is not None}

    async with asyncio.TaskGroup() as group:
        first = make(_PACE)
        run = group.create_task(first.run())
        await ticked(first, 45)
        first.shutdown("for now")
        await run
    known = judged(first)
    assert known
    second = make(3600.0)  # a tick a second
    assert judged(second) == set()
    async with asyncio.TaskGroup() as group:
        run = group.create_task(second.run())
        await _until(lambda: bool(judged(second)))
        again = judged(second)
        second.shutdown("the test is over")
        await run
    assert again == known


async def test_agent_that_would_cost_more_than_was_agreed_to_is_refused_with_its_line(
    make_service: Make, listed: Path, ticked: Ticked
) -> None:
    def within(estimate: Estimate) -> None:
        if estimate.usd > 1:
            raise GateClosed(f"{estimate.usd:f} USD a day: more than --max-cost 1")

    priced = {
        "url": "http://127.0.0.1:9/v1", "input_usd_per_million": 1, "output_usd_per_million": 10,
    }  # fmt: skip
    service = make_service(
        speed=_PACE, agents_file=str(listed), policy__name="hybrid", feed__tick_s=60,
        use=ModelUse(mode="live", approve_change=within), llm__providers={"mine": priced},
    )  # fmt: skip
    panel: list[dict[str, object]] = [{"name": "momentum_hunter"}, {"name": "mean_reversion"}]
    news: dict[str, object] = {"name": "news", "model": "mine:small", "cadence_s": 60}
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 3)
        _write(listed, *panel, news)
        await _until(lambda: bool(service.status().agents_refused))
        refused = service.status().agents_refused
        await ticked(service, service.ticks + 3)
        assert list(_panel(service)) == ["momentum_hunter", "mean_reversion"]
        _write(listed, *panel, {**news, "cadence_s": 36_000})
        await _until(lambda: "news" in _panel(service))
        service.shutdown("the test is over")
        await run
    text = yaml.safe_dump({"agents": [*panel, news]}).splitlines()
    (line,) = [k for k, each in enumerate(text, 1) if "model:" in each]
    assert refused.startswith(f"{listed}:{line}: agents[2].model: ")
    assert refused.endswith("USD a day: more than --max-cost 1")
