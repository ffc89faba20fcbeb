"""A paper account that is killed at any instant goes on as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.replay import replay_run
from tutti.ledger.fold import fold
from tutti.ledger.kinds import AccountState, Reconciled, Started, Stopped
from tutti.ledger.records import decode
from tutti.ledger.verify import verify
from tutti.model.order import Fill, FundingPaid, Liquidated, Order, OrderIntent, OrderStatus

if TYPE_CHECKING:
    from tutti.ledger.store import Row

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_TUTTI = Path(sys.executable).with_name("tutti")
_KILLS = 15

# Trades a lot, in parts that fill over several bars, with funding every eight hours of an hourly
# market; two agents, so that quiet ticks fill segments.
_BUSY = """
agents:
  - name: momentum_hunter
  - name: mean_reversion
feed:
  tick_s: 3600
  warm_up_bars: 250
  simulated:
    regime_ticks: 20
policy:
  name: ema_cross
  fast: 2
  slow: 5
  long_only: false
  rebalance_band: 0.02
  sizing: {method: fixed_fraction, fraction: 0.15}
risk:
  max_instrument_fraction: 0.2
  max_notional_multiple: null
  max_drawdown: 0.9
  max_daily_loss: null
  care: {cooldown_s: 0}
venues:
  default: {participation: 0.00001}
"""


def _start(folder: Path, config: Path, *more: str) -> subprocess.Popen[str]:
    command = [
        str(_TUTTI), "up", "--feed", "sim", "--speed", "360000", "--no-api",
        "--config", str(config), "--out", str(folder), *more,
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _kill(folder: Path, config: Path, rng: np.random.Generator) -> str:
    """Start the service, let it say a few lines or none, kill it soon after, return what it said."""
    with _start(folder, config) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(int(rng.integers(3, 40)))]
        time.sleep(float(rng.uniform(0.0, 0.4)))
        process.kill()
        said += process.stdout
        assert process.wait() == -signal.SIGKILL, "".join(said)
    return "".join(said)


def _rows(folder: Path) -> list[Row]:
    with SqliteLedgerReader(folder) as reader:
        return list(reader.rows())


def test_service_killed_again_and_again_loses_doubles_and_forgets_nothing(tmp_path: Path) -> None:
    folder, config = tmp_path / "paper", tmp_path / "busy.yaml"
    config.write_text(_BUSY)
    rng = np.random.default_rng(5)
    lengths = [0]
    for _ in range(_KILLS):
        said = _kill(folder, config, rng)
        assert "Traceback" not in said
        with SqliteLedgerReader(folder) as reader:
            found = verify(reader)
        assert (found.ok, found.problem) == (True, "")
        assert found.rows >= lengths[-1]
        lengths.append(found.rows)
    with _start(folder, config, "--for", "0.5") as process:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
    rows = _rows(folder)
    assert len({len(rows), *lengths}) > _KILLS * 3 // 4  # most of them traded before they died

    _started_once_each(rows)
    _no_order_twice_or_lost(rows)
    _money_adds_up(rows, folder)
    outcome = replay_run(folder, lambda *_: None)
    assert (outcome.equal, outcome.first_difference) == (True, 0)


def _started_once_each(rows: list[Row]) -> None:
    starts = [decode(row, Started) for row in rows if row.kind == "started"]
    stops = [decode(row, Stopped) for row in rows if row.kind == "stopped"]
    assert 5 < len(starts) <= _KILLS + 1
    assert len(stops) == 1
    assert rows[-1].kind == "stopped"
    assert len({start.run_id for start in starts}) == 1
    # each restart compared its orders and positions with the venue's, and found no difference
    checks = [decode(row, Reconciled) for row in rows if row.kind == "reconciled"]
    assert len(checks) == len(starts) - 1
    assert [check.differences for check in checks] == [()] * len(checks)


def _no_order_twice_or_lost(rows: list[Row]) -> None:
    intents = [decode(row, OrderIntent) for row in rows if row.kind == "intent"]
    assert len({intent.id for intent in intents}) == len(intents) > 50
    history: dict[str, list[Order]] = {}
    for row in rows:
        if row.kind == "order":
            order = decode(row, Order)
            history.setdefault(order.id, []).append(order)
    approved = [row.ref for row in rows if row.kind == "approval"]
    assert sorted(history) == sorted(approved)
    for orders in history.values():
        states = [order.status for order in orders]
        assert states[0] is OrderStatus.SENT
        assert states.count(OrderStatus.SENT) == 1
        ends = [state.is_final for state in states]
        assert ends.count(True) <= 1
        assert True not in ends[:-1]
        filled = [order.filled for order in orders]
        assert filled == sorted(filled)
    fills = [decode(row, Fill) for row in rows if row.kind == "fill"]
    assert len({fill.id for fill in fills}) == len(fills)
    by_order: Counter[str] = Counter()
    for fill in fills:
        by_order[fill.order_id] += fill.quantity  # type: ignore[assignment]
    assert {name: orders[-1].filled for name, orders in history.items() if orders[-1].filled} == (
        dict(by_order)
    )
    assert any(len(orders) > 4 for orders in history.values())  # some filled in parts


def _money_adds_up(rows: list[Row], folder: Path) -> None:
    with SqliteLedgerReader(folder) as reader:
        state = fold(reader)
    first = next(decode(row, Started) for row in rows if row.kind == "started")
    cash = sum(first.balances.values(), Decimal(0))
    held: dict[str, Decimal] = {}
    fees = turnover = funding = Decimal(0)
    for row in rows:
        if row.kind in {"fill", "liquidation"}:
            trade = decode(row, Fill) if row.kind == "fill" else decode(row, Liquidated)
            quantity = trade.quantity * trade.side.sign
            name = str(trade.instrument)
            held[name] = held.get(name, Decimal(0)) + quantity
            cash -= quantity * trade.price + trade.fee
            fees += trade.fee
            turnover += abs(quantity * trade.price)
        elif row.kind == "funding":
            paid = decode(row, FundingPaid).amount
            cash += paid
            funding += paid
    assert sum(state.cash.values(), Decimal(0)) == cash
    mine = {name: position.quantity for name, position in state.positions.items()}
    assert {name: quantity for name, quantity in mine.items() if quantity} == {
        name: quantity for name, quantity in held.items() if quantity
    }
    # what the account adds up from row to row lost nothing at the kills either
    last = [decode(row, AccountState) for row in rows if row.kind == "account"][-1]
    assert last.fees == pytest.approx(float(fees), rel=1e-9)
    assert last.turnover == pytest.approx(float(turnover), rel=1e-9)
    assert last.funding == pytest.approx(float(funding), rel=1e-9)
