"""Orders settled by a person's word: what of it is found, booked and refused."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from tests.unit.ledger.conftest import BTC, RUN, Scribe

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.settling import Claim, meant, settle_at_rest
from tutti.ledger.fold import fold
from tutti.ledger.journal import Journal
from tutti.ledger.story import tell
from tutti.ledger.trace import why
from tutti.ledger.verify import verify
from tutti.model.errors import ConfigError, LedgerError
from tutti.model.order import Order, OrderIntent, OrderStatus, OrderType, Side

if TYPE_CHECKING:
    from pathlib import Path

_FILLED, _CANCELLED = OrderStatus.FILLED, OrderStatus.CANCELLED
_REJECTED, _UNRESOLVED = OrderStatus.REJECTED, OrderStatus.UNRESOLVED


def _claim(order_id: str, outcome: OrderStatus, **changes: object) -> Claim:
    given: dict[str, object] = {"by": "me", "reason": "seen on its page"}
    return Claim(order_id=order_id, outcome=outcome, **(given | changes))  # type: ignore[arg-type]


@pytest.fixture
def lost(tmp_path: Path) -> OrderIntent:
    """Leave an account whose last order nobody can tell of."""
    with SqliteLedger(tmp_path, Durability.EACH_COMMIT) as store:
        scribe = Scribe(Journal(store, RUN))
        scribe.started()
        scribe.filled_order()
        intent = scribe.intent(quantity=Decimal("1.5"))
        scribe.approval(intent)
        scribe.order(intent, OrderStatus.SENT)
        scribe.order(intent, _UNRESOLVED)
        scribe.journal.commit()
    return intent


def test_order_at_rest_settled_as_filled_is_booked(tmp_path: Path, lost: OrderIntent) -> None:
    with SqliteLedgerReader(tmp_path) as reader:
        before = fold(reader)
    claim = _claim(lost.id[:14], _FILLED, price=Decimal(42_000), fee=Decimal(3))
    order = settle_at_rest(tmp_path, claim)
    assert (order.status, order.filled) == (_FILLED, Decimal("1.5"))
    with SqliteLedgerReader(tmp_path) as reader:
        after = fold(reader)
        assert verify(reader).problem == ""
        story = tell(why(reader, lost.id))
    assert after.open_orders == {}
    assert after.positions[str(BTC)].quantity == Decimal("2.0")
    assert after.cash["SIM"] == before.cash["SIM"] - Decimal("1.5") * 42_000 - 3
    (told,) = [line for label, line in story if label == "settled"]
    assert told.endswith("as filled, filled 1.5, by me: seen on its page")


@pytest.mark.parametrize("outcome", [_CANCELLED, _REJECTED])
def test_order_at_rest_that_filled_nothing_only_ends(
    tmp_path: Path, lost: OrderIntent, outcome: OrderStatus
) -> None:
    assert settle_at_rest(tmp_path, _claim(lost.id, outcome)).status is outcome
    with SqliteLedgerReader(tmp_path) as reader:
        state = fold(reader)
    assert state.open_orders == {}
    assert state.positions[str(BTC)].quantity == Decimal("0.5")
    assert state.counts["settlement"] == 1


def test_part_of_an_order_at_rest_is_on_the_grid_of_what_is_known(
    tmp_path: Path, lost: OrderIntent
) -> None:
    odd = _claim(lost.id, _CANCELLED, filled=Decimal("0.7"), price=Decimal(42_000))
    with pytest.raises(ConfigError, match=r"a multiple of 0\.5, was 0\.7"):
        settle_at_rest(tmp_path, odd)
    order = settle_at_rest(
        tmp_path, _claim(lost.id, _CANCELLED, filled=Decimal("1.0"), price=Decimal(42_000))
    )
    assert (order.status, order.filled) == (_CANCELLED, Decimal("1.0"))


def test_refused_settlement_writes_nothing(tmp_path: Path, lost: OrderIntent) -> None:
    with pytest.raises(ConfigError, match="--price must be"):
        settle_at_rest(tmp_path, _claim(lost.id, _FILLED))
    with SqliteLedgerReader(tmp_path) as reader:
        assert fold(reader).counts["settlement"] == 0


def test_account_that_a_service_writes_is_not_settled_behind_its_back(
    tmp_path: Path, lost: OrderIntent
) -> None:
    with SqliteLedger(tmp_path, Durability.EACH_COMMIT), pytest.raises(LedgerError):
        settle_at_rest(tmp_path, _claim(lost.id, _REJECTED))


def _order(order_id: str) -> Order:
    return Order(
        id=order_id, instrument=BTC, side=Side.BUY, quantity=Decimal(1), type=OrderType.MARKET,
        status=_UNRESOLVED, created_at=1, updated_at=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("0c", "no open order begins with '0c'; there are: 0a1, 0a2, 0b1"),
        ("0a", "more than one open order begins with '0a'; there are: 0a1, 0a2"),
        ("", "no open order begins with ''"),
    ],
)
def test_order_that_is_not_named_clearly_is_refused(named: str, why: str) -> None:
    orders = [_order("0a1"), _order("0a2"), _order("0b1")]
    with pytest.raises(ConfigError, match=why):
        meant(named, orders)
    assert meant("0b", orders).id == "0b1"
