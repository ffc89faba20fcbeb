"""Symbols added and removed while a paper service runs."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.model_use import ModelUse
from tutti.app.replay import replay_run
from tutti.ledger.kinds import Started, Stopped, Transfer
from tutti.ledger.records import decode
from tutti.ledger.verify import verify
from tutti.model.errors import ConfigError, GateClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from tutti.app.llm_estimate import Estimate
    from tutti.app.service import PaperService
    from tutti.ledger.store import Row

    Make = Callable[..., PaperService]
    Ticked = Callable[[PaperService, int], Awaitable[None]]

_PACE = 360_000.0  # a hundred ticks a second
_BTC, _ETH, _SOL = (f"{each}-USDT-PERP" for each in ("BTC", "ETH", "SOL"))


def _write(
    path: Path, *symbols: str, on_removal: str = "close", **more: Mapping[str, object]
) -> Path:
    entries = [{"symbol": each, "exchanges": ["SIM"], **more.get(each[:3], {})} for each in symbols]
    path.write_text(yaml.safe_dump({"on_removal": on_removal, "symbols": entries}))
    return path


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    return _write(tmp_path / "symbols.yaml", _BTC, _ETH)


@pytest.fixture
def service(make_service: Make, listed: Path) -> PaperService:
    return make_service(speed=_PACE, feed__symbols=str(listed))


async def _until(service: PaperService, reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not reached():  # noqa: ASYNC110 - a service tells nobody of what it does
            await asyncio.sleep(0.01)


def _traded(service: PaperService) -> list[str]:
    return [each.id.symbol for each in service.account.plan.instruments]


def _held(service: PaperService) -> set[str]:
    return {each.instrument.removesuffix(".SIM") for each in service.positions()}


def _rows(out: Path, *kinds: str) -> Iterator[Row]:
    with SqliteLedgerReader(out) as reader:
        yield from reader.rows(kinds=kinds)


async def test_added_symbol_has_bars_and_decisions_at_the_next_tick(
    service: PaperService, listed: Path, ticked: Ticked
) -> None:
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 5)
        _write(listed, _BTC, _ETH, _SOL)
        await _until(service, lambda: len(_traded(service)) == 3)
        begun = service.ticks
        await ticked(service, begun + 1)
        session = service.account.session
        assert session.engine.last_thought is not None
        # the indicators have seen its past: it is judged at its very first tick
        assert np.isfinite(session.account.book.mark).all()
        assert np.isfinite(session.engine.last_thought.signals.score[-1]).all()
        await _until(service, lambda: _SOL in _held(service))
        service.shutdown("seen")
    assert run.result().n_fills > 0


async def test_symbol_that_joins_changes_nothing_for_the_others(
    service: PaperService, listed: Path, ticked: Ticked, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await ticked(service, 5)
        equity = service.status().equity
        book = service.account.session.account.book
        lots, peak = book.lots.tolist(), book.account[1]
        _write(listed, _SOL, _ETH, _BTC)
        await _until(service, lambda: len(_traded(service)) == 3)
        after = service.account.session.account.book
        assert abs(service.status().equity / equity - 1.0) < 0.05
        assert after.account[1] >= peak or lots
        assert _traded(service) == [_SOL, _ETH, _BTC]
        service.shutdown("seen")
    stopped = [decode(row, Stopped).reason for row in _rows(tmp_path / "paper", "stopped")]
    assert stopped == ["symbols: added SOL-USDT-PERP.SIM", "seen"]
    with SqliteLedgerReader(tmp_path / "paper") as reader:
        assert verify(reader).problem == ""


async def test_removed_symbol_is_closed_and_gone(
    service: PaperService, listed: Path, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await _until(service, lambda: _held(service) == {_BTC, _ETH})
        _write(listed, _ETH)
        await _until(service, lambda: _traded(service) == [_ETH])
        assert _BTC not in _held(service)
        assert service.status().mode == "trading"
        service.shutdown("seen")
    reasons = [decode(row, Stopped).reason for row in _rows(tmp_path / "paper", "stopped")]
    assert reasons == [
        "symbols: removed BTC-USDT-PERP.SIM",
        "symbols: BTC-USDT-PERP.SIM flat, and gone",
        "seen",
    ]
    traded = [decode(row, Started).instruments for row in _rows(tmp_path / "paper", "started")]
    assert traded[0] == traded[1][::-1] != traded[2]


async def test_removed_symbol_that_is_kept_stays_in_care_and_opens_nothing(
    service: PaperService, listed: Path
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await _until(service, lambda: _held(service) == {_BTC, _ETH})
        lots = dict(zip(_traded(service), service.account.session.account.book.lots, strict=True))
        _write(listed, _ETH, on_removal="keep")
        await _until(service, lambda: service.config.risk.instruments != {})
        most = abs(lots[_BTC])
        while _BTC in _traded(service):
            held = service.account.session.account.book.lots[_traded(service).index(_BTC)]
            assert abs(held) <= most
            most = abs(held)
            await asyncio.sleep(0.005)
        assert _BTC not in _held(service)
        service.shutdown("seen")


async def test_run_whose_symbols_changed_is_replayed(
    service: PaperService, listed: Path, tmp_path: Path, ticked: Ticked
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await _until(service, lambda: _held(service) == {_BTC, _ETH})
        _write(listed, _ETH, _SOL, ETH={"limits": {"max_notional": 500.0}})
        await _until(service, lambda: _traded(service) == [_ETH, _SOL])
        await ticked(service, service.ticks + 5)
        service.shutdown("seen")
    # nothing of the file is needed any more
    listed.unlink()  # noqa: ASYNC240 - nothing runs any more
    assert replay_run(tmp_path / "paper", lambda *_: None).equal


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "symbols:\n- symbol: BTC-USDT-PERP\n  exchange: [SIM]\n",
            r"symbols\.yaml:2: symbols\[0\]",
        ),
        ("symbols: [\n", r"symbols\.yaml:2: not valid YAML"),
        (
            "symbols:\n- symbol: BTC-USDT-PERP\n  exchanges: [SIM]\n  limits: {max_notional: 1}\n",
            r"symbols\.yaml:4: symbols\[0\]\.limits allows BTC-USDT-PERP a position of 1\.00",
        ),
    ],
)
async def test_broken_edit_changes_nothing(
    service: PaperService, listed: Path, ticked: Ticked, text: str, why: str
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await ticked(service, 5)
        account = service.account
        _put(listed, text)
        await _until(service, lambda: service.status().symbols_refused != "")
        assert re.search(why, service.status().symbols_refused)
        assert service.account is account
        _write(listed, _BTC, _ETH)
        await _until(service, lambda: service.status().symbols_refused == "")
        assert service.account is account
        service.shutdown("seen")


async def test_symbol_whose_questions_cost_more_than_was_agreed_to_is_refused_with_its_line(
    make_service: Make, listed: Path, ticked: Ticked
) -> None:
    def within(estimate: Estimate) -> None:
        if estimate.n_calls > 48:
            raise GateClosed(f"{estimate.n_calls} calls: more than --max-cost 1")

    priced = {
        "url": "http://127.0.0.1:9/v1", "input_usd_per_million": 1, "output_usd_per_million": 10,
    }  # fmt: skip
    service = make_service(
        speed=_PACE, feed__symbols=str(listed), llm__providers={"mine": priced},
        agents=[{"name": "news", "model": "mine:small", "cadence_s": 3600}],
        use=ModelUse(mode="live", approve_change=within),
    )  # fmt: skip
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 3)
        _write(listed, _BTC, _ETH, _SOL)
        await _until(service, lambda: bool(service.status().symbols_refused))
        assert _traded(service) == [_BTC, _ETH]
        refused = service.status().symbols_refused
        _write(listed, _BTC, _SOL)  # as many as before
        await _until(service, lambda: _traded(service) == [_BTC, _SOL])
        service.shutdown("the test is over")
        await run
    text = yaml.safe_dump(yaml.safe_load(_write(listed, _BTC, _ETH, _SOL).read_text()))
    line = max(k for k, each in enumerate(text.splitlines(), 1) if each.startswith("- "))
    assert refused == (
        f"{listed}:{line}: symbols[2]: too much for agents[0].model: 72 calls: more than "
        "--max-cost 1"
    )


async def test_symbols_at_two_venues_are_a_route_and_money_moves_where_it_is_needed(
    service: PaperService, listed: Path, tmp_path: Path, ticked: Ticked
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await ticked(service, 3)
        before = service.status().equity
        two = {"exchanges": ["SIM", "OTHER"]}
        _write(listed, _BTC, _ETH, _SOL, SOL=two)
        await _until(service, lambda: len(_traded(service)) == 4)
        assert service.status().equity == pytest.approx(before, rel=0.02)
        await _until(service, lambda: _SOL in _held(service) or f"{_SOL}.OTHER" in _held(service))
        _write(listed, _BTC, _ETH)
        await _until(service, lambda: _traded(service) == [_BTC, _ETH])
        service.shutdown("seen")
    moved = [decode(row, Transfer) for row in _rows(tmp_path / "paper", "transfer")]
    assert {each.venue for each in moved} == {"SIM", "OTHER"}
    assert sum(each.amount for each in moved) == 0
    assert replay_run(tmp_path / "paper", lambda *_: None).equal


async def test_account_with_a_position_off_the_list_is_taken_up_and_closes_it(
    service: PaperService, make_service: Make, listed: Path
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await _until(service, lambda: _held(service) == {_BTC, _ETH})
        service.shutdown("for now")
    _write(listed, _ETH)
    again = make_service(speed=_PACE, feed__symbols=str(listed))
    assert set(_traded(again)) == {_BTC, _ETH}
    async with asyncio.TaskGroup() as group:
        group.create_task(again.run())
        await _until(again, lambda: _traded(again) == [_ETH])
        again.shutdown("seen")


def test_file_that_can_not_be_used_is_refused_at_the_start(
    make_service: Make, listed: Path
) -> None:
    listed.unlink()
    with pytest.raises(ConfigError, match="no such file; make it with tutti symbols add"):
        make_service(feed__symbols=str(listed))


def test_recorded_bars_have_the_symbols_that_they_have(
    make_service: Make, listed: Path, recorded_bars: tuple[Path, ...]
) -> None:
    with pytest.raises(ConfigError, match=r"feed\.symbols: recorded bars"):
        make_service(feed="replay", bars=recorded_bars, feed__symbols=str(listed))


async def test_configurations_of_all_sessions_are_kept(
    service: PaperService, listed: Path, ticked: Ticked, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await ticked(service, 3)
        _write(listed, _BTC, _ETH, ETH={"agents": ["momentum_hunter"]})
        await _until(service, lambda: service.config.agents[1].instruments is not None)
        service.shutdown("seen")
    kept = [
        json.loads(path.read_text()) for path in (tmp_path / "paper" / "configurations").iterdir()
    ]
    assert len(kept) == 2
    assert service.config.agents[1].instruments == (f"{_BTC}.SIM",)
