"""The kill switch of a paper service, and what else an operator may tell it."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.kill_switch import HALT, OFFLINE, say_offline
from tutti.app.replay import replay_run
from tutti.ledger.fold import fold
from tutti.ledger.kinds import KILL, RESUME, Command, Stopped
from tutti.ledger.records import decode
from tutti.ledger.verify import verify
from tutti.model.difference import Difference
from tutti.model.errors import ConfigError, GateClosed, OrderRejected, Transient
from tutti.model.order import OrderCancelled, OrderIntent, Reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tutti.app.service import PaperService
    from tutti.app.state import ServiceSummary
    from tutti.ledger.fold import LedgerState
    from tutti.model.order import ApprovedOrder, VenueEvent

    Make = Callable[..., PaperService]
    Ticked = Callable[[PaperService, int], Awaitable[None]]

_PACE = 360_000.0  # a hundred ticks a second


def _state(out: Path) -> LedgerState:
    with SqliteLedgerReader(out) as reader:
        return fold(reader)


def _stopped(out: Path) -> Stopped:
    with SqliteLedgerReader(out) as reader:
        return decode(next(reader.rows(newest_first=True)), Stopped)


def _held(service: PaperService) -> int:
    return int(np.count_nonzero(service.account.session.account.book.lots))


async def _until_held(service: PaperService) -> None:
    async with asyncio.timeout(90):
        while not _held(service):  # noqa: ASYNC110 - a service tells nobody of its positions
            await asyncio.sleep(0.001)


async def _run_and(
    service: PaperService, act: Callable[[], None], *, held: bool = True
) -> ServiceSummary:
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        if held:
            await _until_held(service)
        act()
    return run.result()


# ---- the kill switch ----


async def test_kill_closes_everything_and_stops(make_service: Make, tmp_path: Path) -> None:
    service = make_service(speed=_PACE)
    summary = await _run_and(service, lambda: service.kill("a test", "enough"))
    assert summary.stopped_by == "kill by a test, all closed"
    assert summary.open_positions == ()
    assert summary.not_closed == ()
    out = tmp_path / "paper"
    state = _state(out)
    assert not any(position.quantity for position in state.positions.values())
    assert state.open_orders == {}
    assert state.killed == Command(name=KILL, by="a test", detail="enough")
    assert _stopped(out).deployment_status == "stopped"
    with SqliteLedgerReader(out) as reader:
        assert verify(reader).problem == ""
        closing = [decode(row, OrderIntent) for row in reader.rows(kinds=("intent",))][-1]
    assert closing.reason is Reason.OPERATOR
    assert closing.reduces


async def test_kill_is_replayed_where_it_fell(make_service: Make, tmp_path: Path) -> None:
    service = make_service(speed=_PACE)
    await _run_and(service, lambda: service.kill("a test", ""))
    say_offline(tmp_path / "paper", Command(name=RESUME, by=OFFLINE))
    await make_service(seconds=0.2, speed=_PACE).run()
    assert replay_run(tmp_path / "paper", lambda *_: None).equal


async def test_kill_by_a_signal(make_service: Make) -> None:
    service = make_service(speed=_PACE)
    summary = await _run_and(service, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    assert summary.stopped_by == "kill by a signal, all closed"


async def test_kill_by_a_file(make_service: Make, tmp_path: Path) -> None:
    service = make_service(speed=_PACE)
    halt = tmp_path / "paper" / HALT
    summary = await _run_and(service, lambda: (halt.write_text("fire\n"), None)[1])
    assert summary.stopped_by == f"kill by the file {halt}, all closed"
    killed = _state(tmp_path / "paper").killed
    assert killed is not None
    assert killed.detail == "fire"


async def test_killed_account_does_not_trade_until_somebody_resumes(
    make_service: Make, tmp_path: Path
) -> None:
    service = make_service(speed=_PACE)
    await _run_and(service, lambda: service.kill("a test", ""))
    with pytest.raises(GateClosed, match=r"killed by a test.*tutti resume --out"):
        make_service()
    say_offline(tmp_path / "paper", Command(name=RESUME, by=OFFLINE))
    again = make_service(speed=_PACE)
    summary = await _run_and(again, lambda: again.shutdown("seen"))
    assert summary.n_fills > 0


def test_halt_file_keeps_a_new_account_from_trading(make_service: Make, tmp_path: Path) -> None:
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / HALT).touch()
    with pytest.raises(GateClosed, match="HALT is there"):
        make_service()


async def test_kill_that_a_process_did_not_live_to_finish_is_finished_by_the_next(
    make_service: Make, tmp_path: Path
) -> None:
    service = make_service(speed=_PACE)
    await _run_and(service, lambda: service.shutdown("for now"))
    assert any(position.quantity for position in _state(tmp_path / "paper").positions.values())
    say_offline(tmp_path / "paper", Command(name=KILL, by=OFFLINE))
    summary = await make_service(speed=_PACE).run()
    assert summary.stopped_by == f"kill by {OFFLINE}, all closed"
    assert summary.open_positions == ()


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        pytest.param(
            lambda: OrderRejected("no more", venue="SIM"), "rejected: SIM: no more", id="refuses"
        ),
        pytest.param(
            lambda: Transient("503", venue="SIM"), "sent, and the venue has not answered", id="503"
        ),
    ],
)
async def test_kill_names_what_a_venue_would_not_let_it_close(
    make_service: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    failure: Callable[[], Exception],
    why: str,
) -> None:
    service = make_service(speed=_PACE, kill__deadline_s=0.5)
    venue = service.account.session.venues["SIM"]

    def refuse(order: ApprovedOrder, ts: int) -> None:
        raise failure()

    def break_and_kill() -> None:
        monkeypatch.setattr(venue, "submit", refuse)
        service.kill("a test", "")

    summary = await _run_and(service, break_and_kill)
    assert summary.stopped_by.endswith("not closed")
    assert 0.4 < summary.seconds < 10
    assert any(why in each for each in summary.not_closed)
    assert _stopped(tmp_path / "paper").not_closed == summary.not_closed


async def test_kill_goes_on_over_what_a_venue_says_that_can_not_be(
    make_service: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = make_service(speed=_PACE)
    venue = service.account.session.venues["SIM"]
    plain, nonsense = venue.events, OrderCancelled(order_id="0" * 32, ts=1, detail="whose?")

    def contradict_and_kill() -> None:
        said: list[VenueEvent] = [nonsense]
        monkeypatch.setattr(venue, "events", lambda: [*_taken(said), *plain()])
        service.kill("a test", "")

    summary = await _run_and(service, contradict_and_kill)
    assert summary.stopped_by == "kill by a test, all closed"
    with SqliteLedgerReader(tmp_path / "paper") as reader:
        rows = reader.rows(kinds=("difference",))
        (noted,) = [decode(row, Difference) for row in rows]
    assert (noted.subject, noted.theirs) == ("0" * 32, "cancelled")
    assert "not ours" in noted.ours


def _taken(said: list[VenueEvent]) -> list[VenueEvent]:
    taken = said[:]
    said.clear()
    return taken


# ---- pause, resume, flatten ----


async def test_pause_opens_nothing_more(make_service: Make, ticked: Ticked) -> None:
    service = make_service()
    service.command("pause", "a test", "")
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 60)
        assert service.status().mode == "paused"
        assert service.status().n_orders == 0
        service.command("resume", "a test", "")
        await _until_held(service)
        assert service.status().mode == "trading"
        service.shutdown("seen")
    assert run.result().n_fills > 0


async def test_flatten_closes_everything_and_goes_on_flat(
    make_service: Make, ticked: Ticked, tmp_path: Path
) -> None:
    service = make_service(speed=_PACE)
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await _until_held(service)
        service.command("flatten", "a test", "")
        await ticked(service, service.ticks + 3)
        assert _held(service) == 0
        orders = service.status().n_orders
        await ticked(service, service.ticks + 30)
        assert service.status().n_orders == orders
        assert service.status().mode == "flatten"
        service.command("resume", "a test", "")
        await _until_held(service)
        service.shutdown("seen")
    assert _state(tmp_path / "paper").killed is None
    assert replay_run(tmp_path / "paper", lambda *_: None).equal


async def test_resume_leaves_the_peak_of_an_account_that_nothing_stopped(
    make_service: Make,
) -> None:
    service = make_service()
    account = service.account.session.account.book.account
    account[1] = 12_345.0
    service.command("resume", "a test", "")
    assert account[1] == 12_345.0


async def test_command_that_is_none_is_refused(make_service: Make) -> None:
    service = make_service()
    with pytest.raises(ConfigError, match="'dance' is no command; choose from pause"):
        service.command("dance", "a test", "")


async def test_account_that_is_killed_takes_no_other_command(make_service: Make) -> None:
    service = make_service(speed=_PACE)
    service.kill("a test", "")
    service.kill("another", "")
    with pytest.raises(ConfigError, match="being closed and stopped"):
        service.command("resume", "a test", "")
    assert (await service.run()).stopped_by == "kill by a test, all closed"
