"""`tutti orders`: what is open, and settling what nobody can tell of."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.unit.ledger.conftest import RUN, Scribe

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.ledger.journal import Journal
from tutti.model.order import OrderStatus

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Told, Tutti

_PAPER = Path("runs/paper")


@pytest.fixture
def lost(tutti: Tutti) -> str:
    """Leave an account with an order that works, and one that nobody can tell of."""
    del tutti  # its folder
    with SqliteLedger(_PAPER, Durability.EACH_COMMIT) as store:
        scribe = Scribe(Journal(store, RUN))
        scribe.started()
        working, lost = scribe.intent(), scribe.intent(quantity=Decimal("1.5"))
        scribe.order(working, OrderStatus.ACCEPTED)
        scribe.order(lost, OrderStatus.UNRESOLVED, detail="the venue could not tell")
        scribe.journal.commit()
    return lost.id


def _settle(tutti: Tutti, order_id: str, *more: str, said: str = "rejected") -> Told:
    return tutti(
        "orders", "settle", order_id, "--as", said, "--reason", "its page",
        "--i-understand", f"{order_id[:12]} was {said}", *more,
    )  # fmt: skip


def test_open_orders_are_shown_those_of_unknown_fate_first(tutti: Tutti, lost: str) -> None:
    told = json.loads(tutti("orders", "list", "--json").out)
    assert [each["status"] for each in told["orders"]] == ["unresolved", "accepted"]
    assert (told["orders"][0]["order_id"], told["unresolved"]) == (lost, 1)
    text = tutti("orders", "list", _PAPER, "--unresolved").out
    assert "the venue could not tell" in " ".join(text.split())
    assert "accepted" not in text
    assert "an-order-of-unknown-outcome" in text


def test_account_without_open_orders_says_so(tutti: Tutti, lost: str) -> None:
    assert _settle(tutti, lost).code == 0
    assert "no order of unknown fate" in tutti("orders", "list", "--unresolved").out


def test_order_at_rest_is_settled_with_a_reason(tutti: Tutti, lost: str) -> None:
    answer = _settle(tutti, lost, "--price", "42000", "--fee", "1.5", "--json", said="filled")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert (told["order"]["status"], told["order"]["filled"]) == ("filled", "1.5")
    assert told["running"] is False
    story = tutti("why", lost, "--run", _PAPER).out
    assert "by an operator, while nothing ran: its page" in story


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--as", "lost"), "--as must be one of filled, cancelled, rejected, was 'lost'"),
        (("--filled", "much"), "--filled must be a number, was 'much'"),
        (("--fee", "nan"), "--fee must be a number, was 'nan'"),
        (("--i-understand", "yes"), "nothing was settled: it needs the words"),
        (("--out", "elsewhere"), "elsewhere: no account here"),
        (("--price", "5"), "nothing new is"),
    ],
)
def test_settlement_that_can_not_be_is_refused_in_a_line(
    tutti: Tutti, lost: str, more: tuple[str, str], why: str
) -> None:
    answer = _settle(tutti, lost, *more)
    assert answer.code == 2
    assert why in answer.err


def test_order_that_works_is_not_settled(tutti: Tutti, lost: str) -> None:
    told = json.loads(tutti("orders", "list", "--json").out)
    working = told["orders"][1]["order_id"]
    answer = _settle(tutti, working)
    assert answer.code == 2
    assert "only an unresolved one is settled" in answer.err
