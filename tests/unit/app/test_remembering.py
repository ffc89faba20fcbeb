"""What was decided goes to the memory once it is known what came of it."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.memory import SqliteMemory
from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.config import Config, override
from tutti.app.remembering import Remembering, open_memory
from tutti.app.wires import Decided
from tutti.kernel.clock import HOUR
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import Decision, DecisionItem, Started
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.model.order import Reason

if TYPE_CHECKING:
    from pathlib import Path

BTC, ETH = InstrumentId("BTC-USDT", "SIM"), InstrumentId("ETH-USDT", "SIM")


@pytest.fixture
def memory(tmp_path: Path) -> SqliteMemory:
    return SqliteMemory(tmp_path / "memory.sqlite")


def _decision(as_of: int, *instruments: InstrumentId) -> Decision:
    items = tuple(
        DecisionItem(
            instrument=str(each), context=None, features={"rsi_14": 0.5, "adx_14": None},
            close=100.0, score=None, confidence=None, weight=0.1, reason=Reason.ENTRY,
        )
        for each in instruments
    )  # fmt: skip
    return Decision(as_of=as_of, equity=1.0, mode="trading", items=items)


def _tick(known_at: int, btc: float, eth: float = 1.0) -> MarketBlock:
    close = np.array([[btc, eth]])
    return MarketBlock(
        instruments=(BTC, ETH), ts=np.array([known_at - HOUR]), step=HOUR, open=close, high=close,
        low=close, close=close, volume=close, funding=np.zeros((1, 2)),
    )  # fmt: skip


def test_decision_is_remembered_with_its_outcome_and_no_earlier(memory: SqliteMemory) -> None:
    remembering = Remembering(memory, 2 * HOUR)
    remembering.decided(Decided(_decision(10 * HOUR, BTC), ()))
    remembering.passed(_tick(11 * HOUR, 105.0))
    assert (len(memory), len(remembering)) == (0, 1)
    remembering.passed(_tick(12 * HOUR, 110.0))
    (seen,) = memory.nearest(BTC, {"rsi_14": 0.5}, 12 * HOUR, 5)
    assert (seen.as_of, seen.known_at) == (10 * HOUR, 12 * HOUR)
    assert seen.outcome == pytest.approx(math.log(1.1))
    assert seen.decision == "entry +0.1000"
    assert memory.nearest(BTC, {"rsi_14": 0.5}, 12 * HOUR - 1, 5) == ()
    assert len(remembering) == 0


def test_outcome_waits_for_the_next_bar_where_one_is_missing(memory: SqliteMemory) -> None:
    remembering = Remembering(memory, HOUR)
    remembering.decided(Decided(_decision(0, BTC, ETH), ()))
    remembering.passed(_tick(HOUR, math.nan))
    assert (len(memory), len(remembering)) == (1, 1)
    remembering.passed(_tick(3 * HOUR, 90.0))
    (seen,) = memory.nearest(BTC, {"rsi_14": 0.5}, 3 * HOUR, 5)
    assert seen.known_at == 3 * HOUR


def test_what_trades_no_more_is_forgotten(memory: SqliteMemory) -> None:
    remembering = Remembering(memory, HOUR)
    remembering.decided(Decided(_decision(0, InstrumentId("DOGE-USDT", "SIM")), ()))
    remembering.passed(_tick(HOUR, 1.0))
    assert (len(memory), len(remembering)) == (0, 0)


def test_restart_takes_up_what_has_no_outcome_yet(memory: SqliteMemory, tmp_path: Path) -> None:
    store = SqliteLedger(tmp_path / "run", Durability.EACH_COMMIT)
    journal = Journal(store, "run")
    started = Started(
        run_id="run", configuration="", seed=1, versions={}, instruments=(), agents=(),
        balances={"SIM": Decimal(1)},
    )  # fmt: skip
    journal.append("started", 0, started)
    for hour in (1, 5, 6):
        journal.append("decision", hour * HOUR, _decision(hour * HOUR, BTC, ETH))
    journal.commit()
    remembering = Remembering(memory, 3 * HOUR)
    remembering.resume(store, 7 * HOUR)
    assert len(remembering) == 4
    remembering.passed(_tick(8 * HOUR, 101.0))
    found = memory.nearest(BTC, {"rsi_14": 0.5}, 8 * HOUR, 5)
    assert [each.as_of for each in found] == [5 * HOUR]
    store.close()


def test_memory_is_opened_where_the_configuration_names_one(tmp_path: Path) -> None:
    assert open_memory(Config()) is None
    path = tmp_path / "m.sqlite"
    assert open_memory(override(Config(), {"memory.file": str(path)})) is not None
