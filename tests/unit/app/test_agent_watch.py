"""Agents of a running account that keep falling behind are told of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import structlog

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.agent_watch import AgentWatch
from tutti.app.build import Plan, plan_of
from tutti.app.config import Config
from tutti.app.settings import WorthSettings
from tutti.kernel.clock import HOUR, MINUTE
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import Started
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.model.opinion import Views
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from pathlib import Path

_ONE = (InstrumentId("A-USDT", "X"),)
_START = 1_704_067_200_000_000_000
_SETTINGS = WorthSettings(window_s=3600, bad_windows=2)


def _market(n: int) -> MarketBlock:
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.01, (n, 1)), axis=0))
    opens = np.vstack([[[100.0]], close[:-1]])
    return MarketBlock(
        instruments=_ONE,
        ts=_START + np.arange(n, dtype=np.int64) * MINUTE,
        step=MINUTE,
        open=opens,
        high=np.maximum(opens, close),
        low=np.minimum(opens, close),
        close=close,
        volume=np.ones((n, 1)),
        funding=np.zeros((n, 1)),
    )


@pytest.fixture
def plan() -> Plan:
    block = _market(5)
    return plan_of(Config(), Universe.of_block(block, {}).instruments, block.step)


def _sides(market: MarketBlock, right: bool) -> Views:
    # who knows the next two opens, and who is always wrong about them
    opens = market.open[:, 0]
    ahead = np.zeros(len(opens))
    ahead[:-2] = np.sign(opens[2:] - opens[1:-1])
    bias = (ahead if right else -ahead)[None, :, None]
    return Views(bias, np.ones(bias.shape))


def test_agent_behind_the_baseline_for_too_long_is_told_of_and_again_as_long_after(
    plan: Plan,
) -> None:
    market = _market(320)
    watch = AgentWatch(["good", "bad"], plan, _SETTINGS)
    good, bad = _sides(market, right=True), _sides(market, right=False)
    views = Views(*(np.concatenate(pair) for pair in zip(good, bad, strict=True)))
    with structlog.testing.capture_logs() as logs:
        for t in range(320):
            cut = slice(t, t + 1)
            watch.noted(market.rows(t, t + 1), Views(views.bias[:, cut], views.confidence[:, cut]))
    assert [(each["agent"], each["bad_windows"]) for each in logs] == [("bad", 2), ("bad", 4)]
    newest = watch.newest("good")
    assert newest is not None
    assert newest.ratio > 0.0
    assert newest.end % HOUR == 0


def test_watch_goes_on_over_a_change_of_the_panel(plan: Plan) -> None:
    market = _market(130)
    watch = AgentWatch(["bad"], plan, _SETTINGS)
    bad = _sides(market, right=False)
    watch.noted(market.rows(0, 60), Views(bad.bias[:, :60], bad.confidence[:, :60]))
    watch.over_to(["new", "bad"], plan)
    both = Views(*(np.concatenate([each, each])[:, 60:] for each in bad))
    ended = watch.noted(market.rows(60, 130), both)
    assert [(each.agent, each.bad) for each in ended if each.bad] == [
        ("bad", 1),
        ("new", 1),
        ("bad", 2),
    ]


def test_silent_agents_have_no_figure(plan: Plan) -> None:
    market = _market(70)
    watch = AgentWatch(["mute"], plan, _SETTINGS)
    none = np.full((1, 70, 1), math.nan)
    ended = watch.noted(market, Views(none, none))
    assert all(math.isnan(each.ratio) for each in ended)
    assert watch.newest("mute") is None


def test_baseline_of_holding_everything_takes_the_markets_gain_off(plan: Plan) -> None:
    market = _market(130)
    long = Views(np.ones((1, 130, 1)), np.ones((1, 130, 1)))
    settings = WorthSettings(window_s=3600, baseline="hold")
    ended = AgentWatch(["long"], plan, settings).noted(market, long)
    # it does what the market does, but for what entering cost
    flat = AgentWatch(["long"], plan, _SETTINGS).noted(market, long)
    assert abs(ended[1].ratio) < abs(flat[1].ratio) or math.isnan(ended[1].ratio)


def _kept(
    folder: Path, market: MarketBlock, views: Views, *, names: tuple[str, ...], cut: int = 64
) -> int:
    """Write a ledger as a service would, and return the number of its last row."""
    journal = Journal(SqliteLedger(folder, Durability.BATCHED), "paper")
    started = Started(
        run_id="paper", configuration="", seed=7, versions={}, balances={}, agents=names,
        instruments=("B-USDT.X", *map(str, market.instruments)),
    )  # fmt: skip
    journal.append("started", int(market.ts[0]), started)
    for begin in range(0, len(market), cut):
        rows = slice(begin, min(begin + cut, len(market)))
        n = rows.stop - begin
        journal.segment(
            market.known_at[rows],
            {
                "regime": np.zeros((n, 2), np.int64),
                "close": np.hstack([np.full((n, 1), math.nan), market.close[rows]]),
                "bias_by_agent": _beside_another(views.bias[:, rows]),
                "confidence_by_agent": _beside_another(views.confidence[:, rows]),
            },
        )
    journal.commit()
    last = journal.head().seq
    journal.close()
    return last


def _beside_another(said: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # as segments have it, (t, a, n), of two instruments
    return np.concatenate([np.full(said.shape, math.nan), said], axis=2).transpose(1, 0, 2)


def _recalled(watch: AgentWatch, folder: Path, *, until: int, last_seq: int) -> AgentWatch:
    past = watch.hold()
    with SqliteLedgerReader(folder) as ledger:
        past.recall(ledger, step=MINUTE, until=until, last_seq=last_seq)
    return past


def test_windows_go_on_after_a_restart_as_if_there_had_been_none(
    plan: Plan, tmp_path: Path
) -> None:
    settings = WorthSettings(window_s=3600, bad_windows=3)
    market = _market(390)
    good, bad = _sides(market, right=True), _sides(market, right=False)
    views = Views(*(np.concatenate(pair) for pair in zip(good, bad, strict=True)))
    before, after = market.rows(0, 200), market.rows(200, 390)
    earlier, later = (
        Views(views.bias[:, rows], views.confidence[:, rows])
        for rows in (slice(0, 200), slice(200, 390))
    )
    through = AgentWatch(["good", "bad"], plan, settings)
    through.noted(before, earlier)
    last = _kept(tmp_path, before, earlier, names=("gone", "bad"))  # who was there under a name
    watch = AgentWatch(["new", "bad"], plan, settings)
    with structlog.testing.capture_logs() as logs:
        past = _recalled(watch, tmp_path, until=int(before.known_at[-1]), last_seq=last)
        # what comes meanwhile is put by
        assert watch.noted(after, later) == []
        assert watch.newest("bad") is None
        told = {each.agent: each for each in watch.take_up(past)}
    through.noted(after, later)
    expected = through.newest("bad")
    assert expected is not None
    assert (told["bad"].end, told["bad"].bad) == (expected.end, expected.bad) == (_end(390), 6)
    assert told["bad"].ratio == pytest.approx(expected.ratio)
    # the alert of the past was told then
    assert [each["bad_windows"] for each in logs] == [6]
    assert told["new"].bad == 0


def _end(n: int) -> int:
    return _START + n // 60 * HOUR


def test_restart_looks_back_no_further_than_an_alert_needs(plan: Plan, tmp_path: Path) -> None:
    market = _market(330)
    bad = _sides(market, right=False)
    last = _kept(tmp_path, market, bad, names=("bad",))
    watch = AgentWatch(["bad"], plan, _SETTINGS)
    (window,) = watch.take_up(
        _recalled(watch, tmp_path, until=int(market.known_at[-1]), last_seq=last)
    )
    assert (window.end, window.bad, window.is_alert) == (_end(330), 2, True)


def test_panel_that_changes_while_the_past_is_read_is_seated_after_it(
    plan: Plan, tmp_path: Path
) -> None:
    market = _market(130)
    bad = _sides(market, right=False)
    early = Views(bad.bias[:, :100], bad.confidence[:, :100])
    last = _kept(tmp_path, market.rows(0, 100), early, names=("bad",))
    watch = AgentWatch(["bad"], plan, _SETTINGS)
    past = _recalled(watch, tmp_path, until=int(market.known_at[99]), last_seq=last)
    watch.over_to(["new", "bad"], plan)
    both = Views(*(np.concatenate([each, each])[:, 100:] for each in bad))
    watch.noted(market.rows(100, 130), both)
    assert {each.agent: each.bad for each in watch.take_up(past)} == {"bad": 2, "new": 1}


async def test_past_that_can_not_be_read_is_said_and_left(plan: Plan, tmp_path: Path) -> None:
    market = _market(130)
    bad = _sides(market, right=False)
    last = _kept(tmp_path, market, bad, names=("bad",))
    for file in (tmp_path / "segments").iterdir():
        file.write_bytes(b"torn")
    watch = AgentWatch(["bad"], plan, _SETTINGS)
    past = watch.hold()
    with structlog.testing.capture_logs() as logs:
        await past.recall_beside(
            tmp_path, step=MINUTE, until=int(market.known_at[-1]), last_seq=last
        )
    assert [each["event"] for each in logs] == ["agents are judged by a part of their past only"]
    assert watch.take_up(past) == []
    assert watch.noted(market.rows(0, 70), Views(bad.bias[:, :70], bad.confidence[:, :70]))
