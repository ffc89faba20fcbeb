"""Measure the ledger and print one line of JSON.

Records a second: the life of an order (decision with seven voices, intent, approval, three states,
fill, position), again and again, batched as in a backtest, from the first append to the closed
file. Commit: the fifty intents of one tick on the disk, against a bare write and fsync of the same
bytes to a file in the same folder, in turns; medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.kernel.ids import IdSource
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import Approval, Decision, DecisionItem
from tutti.ledger.verify import verify
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import AggregatedContext, Regime, Voice
from tutti.model.order import (
    Fill,
    Order,
    OrderIntent,
    OrderStatus,
    OrderType,
    Position,
    Reason,
    Side,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.ledger.store import Row

INTENTS_OF_A_TICK = 50
_ROWS_OF_AN_ORDER = 8
_AGENTS = (
    "momentum_hunter",
    "breakout_sniper",
    "trend_surfer",
    "volatility_harvester",
    "mean_reversion",
    "vpin",
    "strategy_optimizer",
)
_RATIONALE = "momentum_60 +0.0123 x 0.4, ema_distance_50 +0.0045 x 0.3 above the buy threshold 0.2"
_INSTRUMENT = InstrumentId("BTC-USDT-PERP", "BINANCE_USDM")
_QUANTITY, _PRICE, _FEE = Decimal("0.123"), Decimal("42000.10"), Decimal("2.583006")
_START = 1_704_067_200_000_000_000
_MINUTE = 60_000_000_000


class MemoryStore:
    """Store that keeps nothing, to measure the journal alone."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.n_bytes = 0

    def begin(self, run_id: str) -> list[Row]:  # noqa: ARG002 - the port's
        return []

    def write(self, rows: list[Row]) -> None:
        self.n_bytes += len(rows)

    def write_segment(self, file: str, arrays: dict[str, np.ndarray]) -> None:
        raise NotImplementedError

    def witness(self) -> None:
        return None

    def close(self) -> None:
        pass


def main() -> None:
    """Measure on the disk of one folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--ticks", type=int, default=200)
    options = parser.parse_args()
    print(json.dumps(measure(options.folder, options.records, options.ticks)))


def measure(folder: Path, n_records: int, n_ticks: int) -> dict[str, float]:
    """Return the figures by name, measured on the disk that holds ``folder``."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="ledger-") as name:
        place = Path(name)
        return {
            "append_us": _append_us(),
            **_batched(place / "batched", n_records),
            **_commit(place, n_ticks),
        }


def _append_us() -> float:
    """Return what one append costs without a store: an intent, the median of five."""
    intent = _intent("0" * 32, _START)
    costs = []
    for _ in range(5):
        journal = Journal(MemoryStore(10_000), "bench")
        n = 20_000
        began = time.perf_counter()
        for ts in range(n):
            journal.append("intent", ts, intent, intent.id)
            journal.commit()
        costs.append((time.perf_counter() - began) / n)
    return statistics.median(costs) * 1e6


def _batched(folder: Path, n_records: int) -> dict[str, float]:
    """Return records a second; the values themselves are made before the clock starts."""
    ids = IdSource("bench")
    lives = [
        _life(ids.new(_START + n * _MINUTE), _START + n * _MINUTE)
        for n in range(n_records // _ROWS_OF_AN_ORDER)
    ]
    began, began_cpu = time.perf_counter(), time.process_time()
    journal = Journal(SqliteLedger(folder, Durability.BATCHED), "bench")
    for rows in lives:
        for kind, ts, body, ref in rows:
            journal.append(kind, ts, body, ref)
        journal.commit()
    journal.close()
    wall, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    written = journal.head().seq
    with SqliteLedgerReader(folder) as reader:
        began = time.perf_counter()
        found = verify(reader)
        verified = time.perf_counter() - began
    assert found.ok, found.problem
    assert found.rows == written
    return {
        "records_per_second": written / wall,
        "records_per_cpu_second": written / cpu,
        "bytes_per_record": (folder / "ledger.sqlite").stat().st_size / written,
        "verified_per_second": written / verified,
    }


def _commit(folder: Path, n_ticks: int) -> dict[str, float]:
    """Return the medians of a commit and of a bare write and fsync, and their ratio."""
    ids = IdSource("bench")
    store = SqliteLedger(folder / "durable", Durability.EACH_COMMIT)
    journal = Journal(store, "bench")
    bare = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    commits, bares = [], []
    for tick in range(n_ticks):
        ts = _START + tick * _MINUTE
        for _ in range(INTENTS_OF_A_TICK):
            intent = _intent(ids.new(ts), ts)
            journal.append("intent", ts, intent, intent.id)
        same = b"".join(_bytes(row) for row in journal._waiting)

        def write_bare(same: bytes = same) -> None:
            os.write(bare, same)
            os.fsync(bare)

        # turn about, so that neither always follows the other
        first, second = (journal.commit, write_bare) if tick % 2 else (write_bare, journal.commit)
        costs = {first: _seconds(first), second: _seconds(second)}
        commits.append(costs[journal.commit])
        bares.append(costs[write_bare])
    os.close(bare)
    journal.close()
    commit, write = statistics.median(commits), statistics.median(bares)
    return {
        "commit_ms": commit * 1e3,
        "commit_p99_ms": float(np.quantile(commits, 0.99)) * 1e3,
        "bare_fsync_ms": write * 1e3,
        "commit_ratio": commit / write,
    }


def _seconds(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _bytes(row: Row) -> bytes:
    return f"{row.seq}{row.ts}{row.kind}{row.ref}{row.body}".encode() + row.hash


def _intent(order_id: str, ts: int) -> OrderIntent:
    return OrderIntent(
        id=order_id,
        instrument=_INSTRUMENT,
        as_of=ts,
        side=Side.BUY,
        quantity=_QUANTITY,
        type=OrderType.MARKET,
        price=None,
        reference_price=_PRICE,
        reason=Reason.ENTRY,
        lead="momentum_hunter",
        reduces=False,
    )


def _order(order_id: str, ts: int, status: OrderStatus) -> Order:
    return Order(
        id=order_id,
        instrument=_INSTRUMENT,
        side=Side.BUY,
        quantity=_QUANTITY,
        type=OrderType.MARKET,
        price=None,
        status=status,
        created_at=ts,
        updated_at=ts,
    )


def _life(order_id: str, ts: int) -> list[tuple]:
    """Return the rows of one order, from decision to position."""
    voices = tuple(
        Voice(agent=agent, bias=0.123456, confidence=0.7, weight=0.14, rationale=_RATIONALE)
        for agent in _AGENTS
    )
    item = DecisionItem(
        instrument=str(_INSTRUMENT),
        context=AggregatedContext(
            instrument=_INSTRUMENT,
            as_of=ts,
            bias=0.4567,
            confidence=0.789,
            regime=Regime.BULL_TRENDING,
            regime_confidence=0.9,
            voices=voices,
        ),
        features={"rsi_14": 0.61, "adx_14": 0.25, "momentum_60": 0.0123, "vpin_50": 0.4},
        close=42000.1,
        score=0.5,
        confidence=0.7,
        weight=0.1,
        reason=Reason.ENTRY,
        lead="momentum_hunter",
    )
    fill = Fill(
        id=f"{order_id}-1",
        order_id=order_id,
        instrument=_INSTRUMENT,
        ts=ts,
        side=Side.BUY,
        quantity=_QUANTITY,
        price=_PRICE,
        fee=_FEE,
        is_maker=False,
        slippage_bps=1.5,
    )
    position = Position(
        instrument=_INSTRUMENT,
        quantity=_QUANTITY,
        average_price=_PRICE,
        opened_at=ts,
        updated_at=ts,
        realised=Decimal(0),
        fees=_FEE,
        lead="momentum_hunter",
    )
    approval = Approval(intent=order_id, approved_at=ts, rules=("gross", "venue", "drawdown"))
    return [
        ("decision", ts, Decision(as_of=ts, equity=1e4, mode="trading", items=(item,)), ""),
        ("intent", ts, _intent(order_id, ts), order_id),
        ("approval", ts, approval, order_id),
        ("order", ts, _order(order_id, ts, OrderStatus.SENT), order_id),
        ("order", ts, _order(order_id, ts, OrderStatus.ACCEPTED), order_id),
        ("order", ts, _order(order_id, ts, OrderStatus.FILLED), order_id),
        ("fill", ts, fill, order_id),
        ("position", ts, position, str(_INSTRUMENT)),
    ]


if __name__ == "__main__":
    main()
