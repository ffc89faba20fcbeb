"""The watch over a file of symbols: what is in force, what is wanted, what was refused."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tutti.app.config import Config, override
from tutti.app.symbols_watch import SymbolsWatch, busy_in, busy_on, started_on, watched
from tutti.ledger.fold import LedgerState
from tutti.model.errors import ConfigError, VenueError
from tutti.model.instrument import InstrumentId
from tutti.model.order import Order, OrderStatus, OrderType, Position, Side

if TYPE_CHECKING:
    from pathlib import Path

_ONE = "symbols:\n- {symbol: BTC-USDT, exchanges: [A]}\n"
_TWO = f"{_ONE}- {{symbol: ETH-USDT, exchanges: [A]}}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "symbols.yaml"
    path.write_text(_ONE)
    return path


@pytest.fixture
def watch(path: Path) -> SymbolsWatch:
    found = watched(override(Config(), {"feed.symbols": str(path)}))
    assert found is not None
    return found


def test_file_that_is_as_it_was_is_not_wanted(watch: SymbolsWatch) -> None:
    watch.look()
    assert (watch.wanted, watch.refused) == (None, "")
    assert watched(Config()) is None


def test_other_list_is_wanted_until_it_is_accepted(watch: SymbolsWatch, path: Path) -> None:
    path.write_text(_TWO)
    watch.look()
    wanted = watch.wanted
    assert wanted is not None
    assert len(wanted.listed.symbols) == 2
    assert watch.state(()).read != watch.state(()).in_force
    watch.accept(wanted)
    assert (watch.wanted, watch.file) == (None, wanted)
    assert watch.state(()).read == watch.state(()).in_force


def test_comment_changes_nothing_but_what_was_read(watch: SymbolsWatch, path: Path) -> None:
    path.write_text(f"# ours\n{_ONE}")
    watch.look()
    assert watch.wanted is None
    assert watch.state(()).read == watch.state(()).in_force


@pytest.mark.parametrize("text", ["symbols: []", None])
def test_file_that_can_not_be_used_is_refused_until_it_can(
    watch: SymbolsWatch, path: Path, text: str | None
) -> None:
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    watch.look()
    assert watch.wanted is None
    assert str(path) in watch.refused
    path.write_text(_ONE)
    watch.look()
    assert watch.refused == ""


def test_list_that_a_venue_refused_is_wanted_no_more(watch: SymbolsWatch, path: Path) -> None:
    path.write_text(_TWO)
    watch.look()
    watch.refuse(ConfigError("ETH-USDT.A: no such thing"))
    assert watch.wanted is None
    assert watch.refused.startswith(f"{path}:3: symbols[1]: ETH-USDT.A: no such thing")


def test_list_whose_venue_can_not_be_reached_stays_wanted(watch: SymbolsWatch, path: Path) -> None:
    path.write_text(_TWO)
    watch.look()
    for _ in range(2):
        watch.refuse(VenueError("down", venue="A"))
    assert watch.wanted is not None
    assert watch.refused == "A: down"


def test_state_names_what_is_leaving(watch: SymbolsWatch, path: Path) -> None:
    traded = [InstrumentId("BTC-USDT", "A"), InstrumentId("SOL-USDT", "A")]
    state = watch.state(traded)
    assert state.leaving == ("SOL-USDT.A",)
    assert state.traded == ("BTC-USDT.A", "SOL-USDT.A")
    assert (state.on_removal, state.file) == ("close", str(path.resolve()))


def test_what_is_held_or_at_work_is_busy() -> None:
    held, flat, working = (InstrumentId(name, "A") for name in ("X", "Y", "Z"))

    def position(each: InstrumentId, quantity: int) -> Position:
        return Position(
            instrument=each, quantity=Decimal(quantity), average_price=Decimal(1), opened_at=1,
            updated_at=1, realised=Decimal(0), fees=Decimal(0), lead="",
        )  # fmt: skip

    order = Order(
        id="a" * 32, instrument=working, side=Side.BUY, quantity=Decimal(1),
        type=OrderType.MARKET, price=None, status=OrderStatus.SENT, created_at=1, updated_at=1,
    )  # fmt: skip
    state = LedgerState(
        positions={"x": position(held, 2), "y": position(flat, 0)}, open_orders={order.id: order}
    )
    assert busy_in(state) == {held, working}


def test_folder_without_an_account_has_nothing_busy(tmp_path: Path, path: Path) -> None:
    assert busy_on(tmp_path) == set()
    config = override(Config(), {"feed.symbols": str(path)})
    assert started_on(config, tmp_path).feed.simulated.symbols == ("BTC-USDT.A",)
    assert started_on(Config(), tmp_path) == Config()
