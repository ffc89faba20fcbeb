"""One stretch of a run, between the row that it started and the row that it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.build import plan_of
from tutti.app.config import Config, config_hash, override
from tutti.app.feed import made_up
from tutti.app.session import Session
from tutti.kernel.clock import HOUR
from tutti.ledger.kinds import AccountState, DataSource, Started, Stopped
from tutti.ledger.records import decode
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.model.market import MarketBlock

_START = 1_704_067_200_000_000_000
_CONFIG = override(
    Config(),
    {
        "feed.tick_s": 3600,
        "feed.simulated.symbols": ["BTC-USDT-PERP.SIM", "ETH-USDT-PERP.SIM"],
        "policy.name": "ema_cross",
        "policy.fast": 2,
        "policy.slow": 5,
        "seed": 11,
    },
)


@pytest.fixture
def block() -> MarketBlock:
    made = made_up(_CONFIG, _START).history(_START + 300 * HOUR)
    assert made is not None
    return made


def _session(folder: Path, block: MarketBlock, **more: Any) -> Session:
    plan = plan_of(_CONFIG, Universe.of_block(block).instruments, HOUR)
    store = SqliteLedger(folder, Durability.BATCHED)
    return Session(_CONFIG, plan, store, run_id="session", start=_START, **more)


def test_first_row_has_all_that_a_replay_needs(tmp_path: Path, block: MarketBlock) -> None:
    data = (DataSource(path="a.parquet", sha256="00" * 32, rows=3),)
    session = _session(tmp_path, block, data=data)
    head = session.stop(_START, "nothing to do")
    with SqliteLedgerReader(tmp_path) as reader:
        first, last = list(reader.rows())
    started = decode(first, Started)
    assert (started.run_id, started.seed, started.data) == ("session", 11, data)
    assert started.configuration == config_hash(_CONFIG)
    assert started.instruments == ("BTC-USDT-PERP.SIM", "ETH-USDT-PERP.SIM")
    assert len(started.agents) == 7
    assert "tutti" in started.versions
    stopped = decode(last, Stopped)
    assert stopped.reason == "nothing to do"
    assert stopped.totals == {"ticks": 0, "decisions": 0, "orders": 0, "fills": 0, "refusals": 0}
    assert session.head == head
    assert head.hash == last.hash.hex()


def test_what_was_remembered_is_as_if_it_had_been_lived_through(
    tmp_path: Path, block: MarketBlock
) -> None:
    warm = _session(tmp_path / "warm", block)
    warm.remember(block.rows(0, 260))
    lived = _session(tmp_path / "lived", block)
    lived.engine.process(block.rows(0, 260))
    book = warm.account.book
    np.testing.assert_array_equal(book.mark, lived.account.book.mark)
    np.testing.assert_array_equal(book.marked_at, lived.account.book.marked_at)
    assert warm.engine.counts.ticks == 0
    mine = warm.analysis.advance(block.rows(260, 300))
    theirs = lived.analysis.advance(block.rows(260, 300))
    for name in ("score", "confidence"):
        np.testing.assert_array_equal(getattr(mine.signals, name), getattr(theirs.signals, name))
    np.testing.assert_array_equal(mine.views.bias, theirs.views.bias)
    np.testing.assert_array_equal(mine.regime.code, theirs.regime.code)
    for session in (warm, lived):
        session.abandon()


def test_instrument_without_a_bar_is_not_marked(tmp_path: Path, block: MarketBlock) -> None:
    block.close[:, 1] = np.nan
    session = _session(tmp_path, block)
    session.remember(block.rows(0, 10))
    assert np.isfinite(session.account.book.mark[0])
    assert np.isnan(session.account.book.mark[1])
    session.abandon()


def test_session_that_is_abandoned_leaves_no_segment_and_no_end(
    tmp_path: Path, block: MarketBlock
) -> None:
    session = _session(tmp_path, block)
    session.engine.process(block.rows(0, 100))
    session.abandon()
    with SqliteLedgerReader(tmp_path) as reader:
        kinds = {row.kind for row in reader.rows()}
    assert "order" in kinds
    assert kinds.isdisjoint({"segment", "stopped"})


def test_backtest_writes_its_account_down_with_its_segments_only(
    tmp_path: Path, block: MarketBlock
) -> None:
    session = _session(tmp_path, block)
    trace = session.engine.process(block)
    session.stop(int(block.known_at[-1]), "end")
    with SqliteLedgerReader(tmp_path) as reader:
        rows = list(reader.rows())
    assert [row.kind for row in rows[-3:]] == ["segment", "account", "stopped"]
    (account,) = [decode(row, AccountState) for row in rows if row.kind == "account"]
    assert account.equity == trace.equity[-1]
    assert account.peak_equity == trace.equity.max()
