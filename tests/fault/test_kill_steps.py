"""Wherever in its work a session ends, the next one carries on as if it never had."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.account_folder import keep_configuration
from tutti.app.config import Config, override
from tutti.app.feed import made_up
from tutti.app.paper import Opening, PaperAccount
from tutti.app.replay import replay_run
from tutti.kernel.clock import HOUR
from tutti.ledger.fold import fold
from tutti.ledger.kinds import AccountState, Reconciled
from tutti.ledger.records import decode
from tutti.ledger.store import Row
from tutti.ledger.verify import verify
from tutti.model.order import Fill, Order, OrderIntent, OrderStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


pytestmark = pytest.mark.slow

_START = 1_704_067_200_000_000_000  # 2024-01-01
_TICKS = 60

_BUSY: dict[str, object] = {
    "agents": [{"name": "momentum_hunter"}],
    "feed.tick_s": 3600,
    "feed.warm_up_bars": 120,
    "feed.simulated.symbols": ["BTC-USDT-PERP.SIM", "ETH-USDT-PERP.SIM", "SOL-USDT-PERP.OTHER"],
    "feed.simulated.regime_ticks": 10,
    "policy.name": "ema_cross",
    "policy.fast": 2,
    "policy.slow": 5,
    "policy.long_only": False,
    "policy.rebalance_band": 0.05,
    "policy.sizing.method": "fixed_fraction",
    "policy.sizing.fraction": 0.1,
    "risk.max_notional_multiple": None,
    "risk.care.cooldown_s": 3600,
    "risk.max_daily_loss": 30,
    "venues.default.participation": 0.00001,
    "ledger.segment_ticks": 16,
}
_STYLES = {
    "market": {},
    "limit": {"execution.order_type": "limit", "execution.time_in_force_bars": 2},
    "late limit": {"execution.order_type": "limit", "venues.default.latency_ms": 1000},
}


class Killed(BaseException):
    """End of the process: nothing after it is executed."""


class Mortal(SqliteLedger):
    """Ledger that ends the process at one of its writes, before it or after."""

    def __init__(self, folder: Path, at: int, *, written: bool) -> None:
        self.left = at
        self._written = written
        super().__init__(folder, Durability.EACH_COMMIT)

    def write(self, rows: Sequence[Row]) -> None:
        self.left -= 1
        if self.left or self._written:
            super().write(rows)
        if self.left == 0:
            raise Killed


class Outcome(NamedTuple):
    """What came of a run: fills, orders as they ended, figures of the account, equity."""

    fills: list[Fill]
    orders: dict[str, Order]
    account: AccountState
    rows: list[Row]


def _trade(config: Config, folder: Path, store: SqliteLedger) -> None:
    """Take the account up and trade to the end, or to wherever the store lets it."""
    keep_configuration(config, folder)
    with store:
        account = PaperAccount(config, made_up(config, _START), store, Opening(run_id="steps"))
        end = _START + (120 + _TICKS) * HOUR
        for tick in account.ticks:
            if int(tick.known_at[-1]) > end:
                break
            account.process(tick)
        account.stop("end")


def _outcome(folder: Path) -> Outcome:
    with SqliteLedgerReader(folder) as reader:
        assert verify(reader).ok
        state = fold(reader)
        rows = list(reader.rows())
    assert state.account is not None
    orders: dict[str, Order] = {}
    for row in rows:
        if row.kind == "order":
            order = decode(row, Order)
            orders[order.id] = order
    fills = [decode(row, Fill) for row in rows if row.kind == "fill"]
    return Outcome(fills, orders, state.account, rows)


def _config(style: str) -> Config:
    return override(Config(), {**_BUSY, **_STYLES[style], "feed.kind": "sim"})


def _differences(outcome: Outcome) -> list[str]:
    checks = [decode(row, Reconciled) for row in outcome.rows if row.kind == "reconciled"]
    assert checks
    return [said for check in checks for said in check.differences]


@pytest.fixture(scope="module", params=list(_STYLES))
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> _Whole:
    """Return a run that nothing interrupted, and how often it wrote."""
    folder = tmp_path_factory.mktemp("whole")
    config = _config(request.param)
    store = Mortal(folder, 10**9, written=True)
    _trade(config, folder, store)
    outcome = _outcome(folder)
    assert len(outcome.fills) > 30
    assert {order.status for order in outcome.orders.values()} >= {OrderStatus.FILLED}
    return _Whole(config, outcome, 10**9 - store.left)


class _Whole(NamedTuple):
    config: Config
    outcome: Outcome
    writes: int


@pytest.mark.parametrize("written", [True, False], ids=["after", "before"])
def test_account_killed_at_any_write_ends_as_if_it_never_had(
    whole: _Whole, tmp_path: Path, written: bool
) -> None:
    for at in range(1, whole.writes, max(1, whole.writes // 8)):
        folder = tmp_path / str(at)
        with pytest.raises(Killed):
            _trade(whole.config, folder, Mortal(folder, at, written=written))
        _trade(whole.config, folder, SqliteLedger(folder, Durability.EACH_COMMIT))
        outcome = _outcome(folder)
        if written or at > 1:
            assert _differences(outcome) == []
        intents = [decode(row, OrderIntent).id for row in outcome.rows if row.kind == "intent"]
        assert len(set(intents)) == len(intents)
        assert all(states.count(True) <= 1 for states in _ends(outcome.rows).values())
        # what was on its way to a simulated venue when the kill came is sent anew, and arrives later
        if not whole.config.venue("SIM").latency_ms:
            _same(outcome, whole.outcome)
        replayed = replay_run(folder, lambda *_: None)
        assert (replayed.equal, replayed.first_difference) == (True, 0), at


def _ends(rows: list[Row]) -> dict[str, list[bool]]:
    """Return for each order whether it was final, row by row."""
    ends: dict[str, list[bool]] = {}
    for row in rows:
        if row.kind == "order":
            order = decode(row, Order)
            ends.setdefault(order.id, []).append(order.status.is_final)
    return ends


def _same(mine: Outcome, theirs: Outcome) -> None:
    assert [_told(fill) for fill in mine.fills] == [_told(fill) for fill in theirs.fills]
    ends = {order.id: order.status for order in mine.orders.values()}
    assert ends == {order.id: order.status for order in theirs.orders.values()}
    for name in ("equity", "peak_equity", "day_start_equity", "fees", "funding", "turnover"):
        assert getattr(mine.account, name) == pytest.approx(getattr(theirs.account, name), rel=1e-9)
    assert mine.account.day == theirs.account.day
    assert mine.account.agent_day == pytest.approx(theirs.account.agent_day, abs=1e-6)


def _told(fill: Fill) -> tuple[object, ...]:
    return fill.order_id, fill.ts, fill.side, fill.quantity, fill.price, fill.fee, fill.is_maker
