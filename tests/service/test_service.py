"""A paper service from start to stop: how it ends, what it tells meanwhile, what it leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.account_folder import CONFIGURATIONS
from tutti.app.replay import replay_run
from tutti.app.serve import run_service
from tutti.app.service import PaperService
from tutti.kernel.clock import LiveClock
from tutti.ledger.fold import fold
from tutti.ledger.kinds import Started, Stopped
from tutti.ledger.records import decode
from tutti.ledger.verify import verify
from tutti.model.errors import ConfigError, LedgerError
from tutti.model.order import Fill, Order, OrderIntent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from tutti.app.config import Config
    from tutti.app.state import ServiceState
    from tutti.ledger.store import Row

    Make = Callable[..., PaperService]
    Ticked = Callable[[PaperService, int], Awaitable[None]]


class _View:
    """Remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[ServiceState] = []

    def update(self, state: ServiceState) -> None:
        self.shown.append(state)


def _rows(folder: Path) -> list[Row]:
    with SqliteLedgerReader(folder) as reader:
        assert verify(reader).ok
        return list(reader.rows())


# ---- how it ends ----


async def test_replay_ends_with_its_data(
    make_config: Callable[..., Config], recorded_bars: tuple[Path, ...], tmp_path: Path
) -> None:
    out = tmp_path / "paper"
    bars = [str(path) for path in recorded_bars]
    summary = await run_service(
        make_config(feed__kind="replay", feed__bars=bars),
        feed="replay", bars=bars, speed=float("inf"), seconds=None, out=out, view=None,
    )  # fmt: skip
    assert summary.stopped_by == "end of data"
    assert summary.ticks == 300 - 120
    assert summary.n_fills > 10
    assert summary.n_orders >= summary.n_fills
    assert summary.start_equity == 10_000
    rows = _rows(out)
    assert summary.ledger_hash == rows[-1].hash.hex()
    stopped = decode(rows[-1], Stopped)
    assert stopped.reason == "end of data"
    assert stopped.equity == summary.final_equity
    assert stopped.totals["fills"] == summary.n_fills == sum(row.kind == "fill" for row in rows)
    started = decode(rows[0], Started)
    assert len(list((out / CONFIGURATIONS).iterdir())) == 1
    assert (out / CONFIGURATIONS / f"{started.configuration}.json").is_file()
    assert [source.path for source in started.data] == bars
    outcome = replay_run(out, lambda *_: None)
    assert outcome.equal


async def test_service_ends_when_its_time_is_over(make_service: Make) -> None:
    summary = await make_service(seconds=0.3).run()
    assert summary.stopped_by == "its 0.3 s are over"
    assert 0.3 <= summary.seconds < 5
    assert summary.ticks > 10


async def test_pace_that_cannot_be_kept_starves_nothing(make_service: Make) -> None:
    # a billion market seconds a second: always behind, and still it hears that its time is over
    summary = await make_service(speed=1e9, seconds=0.3).run()
    assert summary.stopped_by == "its 0.3 s are over"
    assert summary.seconds < 2


async def test_service_ends_on_shutdown_and_remembers_the_first_reason(
    make_service: Make, ticked: Ticked
) -> None:
    service = make_service()
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 5)
        service.shutdown("enough")
        service.shutdown("more than enough")
    assert run.result().stopped_by == "enough"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_service_ends_on_a_signal(
    make_service: Make, ticked: Ticked, number: signal.Signals
) -> None:
    service = make_service()
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 5)
        os.kill(os.getpid(), number)
    assert run.result().stopped_by == f"signal {number.name}"


async def test_speed_paces_the_market(make_service: Make) -> None:
    # 100 hours a second
    summary = await make_service(speed=360_000.0, seconds=0.5).run()
    assert 20 < summary.ticks <= 100 * summary.seconds + 2


# ---- what it refuses ----


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_speed_that_is_not_positive_is_refused(make_service: Make, speed: float) -> None:
    with pytest.raises(ConfigError, match="speed must be positive"):
        make_service(speed=speed)


def test_unknown_feed_is_refused_and_leaves_the_ledger_free(
    make_config: Callable[..., Config], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="feed must be sim, replay or live"):
        PaperService(
            make_config(), feed="carrier pigeon", bars=[], speed=1.0, seconds=None,
            out=tmp_path / "other", view=None, clock=LiveClock(),
        )  # fmt: skip
    with SqliteLedger(tmp_path / "other", Durability.BATCHED) as store:
        assert fold(store).started is None


async def test_port_that_is_taken_is_refused_and_leaves_the_ledger_free(
    make_service: Make, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = make_service(api__enabled=True, api__port=taken.getsockname()[1])
        with pytest.raises(ConfigError, match="can't be used"):
            await service.run()
    with SqliteLedger(tmp_path / "paper", Durability.BATCHED) as store:
        assert fold(store).started is not None


# ---- what breaks ----


@pytest.mark.parametrize("for_good", [True, False], ids=["for-good", "once"])
async def test_full_disk_ends_the_service_with_the_ledgers_error(
    make_service: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, for_good: bool
) -> None:
    service = make_service()
    write = SqliteLedger.write
    left = 5

    def fail(self: SqliteLedger, rows: Sequence[Row]) -> None:
        nonlocal left
        left -= 1
        if left < 0 and (for_good or left == -1):
            raise LedgerError("no space left on device")
        write(self, rows)

    monkeypatch.setattr(SqliteLedger, "write", fail)
    with pytest.raises(LedgerError, match="no space left"):
        await service.run()
    monkeypatch.undo()
    # what the venue has was on disk before, and the account can be taken up again
    on_disk = {row.ref for row in _rows(tmp_path / "paper") if row.kind == "order"}
    account = service.account.session.account
    known = {
        order.id
        for order in account.orders.open()
        if service.account.session.venues["SIM"].find(order.id) is not None
    }
    assert known <= on_disk
    summary = await make_service(seconds=0.2).run()
    assert summary.ticks > 0


# ---- what it tells meanwhile ----


async def test_state_is_shown_while_it_runs(make_service: Make) -> None:
    view = _View()
    summary = await make_service(seconds=0.8, view=view).run()
    assert len(view.shown) >= 3
    last = view.shown[-1]
    assert last.run_id == summary.run_id
    assert last.feed == "sim"
    assert last.ticks > view.shown[0].ticks
    assert last.equity > 0
    assert 0 <= last.drawdown < 1
    assert last.market_data_age_s < 1
    assert [agent.name for agent in last.agents] == ["momentum_hunter", "mean_reversion"]
    assert last.n_fills > 0
    assert {row.order_id for row in last.decisions if row.action in {"buy", "sell"}} - {""}


async def test_answers_agree_with_the_ledger(make_service: Make, tmp_path: Path) -> None:
    service = make_service(seconds=0.5)
    await service.run()
    status, orders = service.status(), service.orders(10_000)
    rows = _rows(tmp_path / "paper")
    recorded: dict[str, Order] = {}
    for row in rows:
        if row.kind == "order":
            order = decode(row, Order)
            recorded[order.id] = order
    shown = {view.order_id: view for view in orders}
    assert len(shown) == min(len(recorded), 1000)
    for order_id, view in shown.items():
        assert view.status == str(recorded[order_id].status)
        assert view.filled == float(recorded[order_id].filled)
    assert [view.ts for view in orders] == sorted((view.ts for view in orders), reverse=True)
    with SqliteLedgerReader(tmp_path / "paper") as reader:
        held = {name: p for name, p in fold(reader).positions.items() if p.quantity}
    assert {row.instrument: row.quantity for row in service.positions()} == {
        name: float(position.quantity) for name, position in held.items()
    }
    cash = sum(map(float, service.account.session.account.portfolio.cash.values()))
    value = sum(row.quantity * row.mark for row in service.positions())
    assert status.equity == pytest.approx(cash + value)
    assert sum(abs(row.weight) for row in service.positions()) == pytest.approx(
        sum(abs(row.quantity * row.mark) for row in service.positions()) / status.equity
    )
    intents = {decode(row, OrderIntent).id for row in rows if row.kind == "intent"}
    assert {row.order_id for row in service.decisions(1000) if row.order_id} <= intents
    assert len(service.decisions(3)) == 3


# ---- taken up again ----


async def test_account_is_taken_up_where_it_was_left(make_service: Make, tmp_path: Path) -> None:
    first = make_service(seconds=0.4)
    before = await first.run()
    second = make_service(seconds=0.4)
    assert second.account.is_resumed
    assert second.account.as_of == first.account.as_of
    begun = second.status()
    assert begun.equity == pytest.approx(before.final_equity, rel=1e-12)
    assert begun.run_id == before.run_id
    assert [(row.instrument, row.quantity, row.lead) for row in begun.positions] == [
        (row.instrument, row.quantity, row.lead) for row in before.open_positions
    ]
    assert [row.unrealised for row in begun.positions] == pytest.approx(
        [row.unrealised for row in before.open_positions]
    )
    after = await second.run()
    assert after.ticks > 0
    rows = _rows(tmp_path / "paper")
    intents = [decode(row, OrderIntent).id for row in rows if row.kind == "intent"]
    fills = [decode(row, Fill).id for row in rows if row.kind == "fill"]
    assert len(set(intents)) == len(intents)
    assert len(set(fills)) == len(fills)
    assert sum(row.kind == "started" for row in rows) == 2
    outcome = replay_run(tmp_path / "paper", lambda *_: None)
    assert (outcome.equal, outcome.first_difference) == (True, 0)


async def test_replayed_account_has_no_ticks_left_after_the_end(
    make_service: Make, recorded_bars: tuple[Path, ...]
) -> None:
    first = await make_service(feed="replay", bars=recorded_bars).run()
    again = await make_service(feed="replay", bars=recorded_bars).run()
    assert (again.ticks, again.stopped_by) == (0, "end of data")
    assert again.final_equity == pytest.approx(first.final_equity, rel=1e-12)


async def test_stop_in_the_middle_changes_nothing_of_what_follows(
    make_service: Make, ticked: Ticked, recorded_bars: tuple[Path, ...], tmp_path: Path
) -> None:
    whole = await make_service(feed="replay", bars=recorded_bars, out=tmp_path / "whole").run()
    for ticks in (30, 75):
        service = make_service(feed="replay", bars=recorded_bars)
        async with asyncio.TaskGroup() as group:
            group.create_task(service.run())
            await ticked(service, ticks)
            service.shutdown("for now")
    last = await make_service(feed="replay", bars=recorded_bars).run()
    assert last.final_equity == pytest.approx(whole.final_equity, rel=1e-12)

    def fills(folder: Path) -> list[Any]:
        found = [decode(row, Fill) for row in _rows(folder) if row.kind == "fill"]
        return [(fill.ts, fill.side, fill.quantity, fill.price, fill.fee) for fill in found]

    assert fills(tmp_path / "paper") == fills(tmp_path / "whole")


def test_account_of_other_instruments_is_refused(make_service: Make) -> None:
    first = make_service()
    first.account.stop("done")
    with pytest.raises(ConfigError, match=r"trades ETH-USDT-PERP.SIM, which the feed doesn't have"):
        make_service(feed__simulated__symbols=["BTC-USDT-PERP.SIM"])
