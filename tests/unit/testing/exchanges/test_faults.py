"""What faults match, how they count themselves down, how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError
from tutti.testing.exchanges.faults import Fault, FaultKind, FaultPlan, parse_faults, read_faults

if TYPE_CHECKING:
    from pathlib import Path


def _plan(*faults: Fault) -> FaultPlan:
    return FaultPlan(faults, np.random.default_rng(1))


def test_fault_with_a_count_is_met_so_often_after_those_let_through() -> None:
    plan = _plan(Fault(kind=FaultKind.DROP, where="order.create", after=2, count=3))
    met = [bool(plan.of_request("order.create")) for _ in range(7)]
    assert met == [False, False, True, True, True, False, False]


def test_fault_of_an_endpoint_leaves_the_others_alone() -> None:
    plan = _plan(Fault(kind=FaultKind.HTML, where="order.*"))
    assert plan.of_request("order.cancel")
    assert not plan.of_request("orders.open")


def test_fault_of_a_listing_leaves_the_others_alone() -> None:
    plan = _plan(Fault(kind=FaultKind.HTML, listing="BTC/*"))
    assert plan.of_request("book", "BTC/USDT")
    assert not plan.of_request("book", "ETH/USDT")
    assert not plan.of_request("balances")


def test_fault_of_a_stream_is_none_of_a_request() -> None:
    plan = _plan(Fault(kind=FaultKind.SILENT))
    assert not plan.of_request("order.create")
    assert plan.of_message("stream.orders")


def test_drop_is_of_both() -> None:
    plan = _plan(Fault(kind=FaultKind.DROP))
    assert plan.of_request("order.create")
    assert plan.of_message("stream.orders")


def test_chance_is_drawn_from_the_generator_and_so_the_same_again() -> None:
    runs = []
    for _ in range(2):
        plan = _plan(Fault(kind=FaultKind.HTML, chance=0.3))
        runs.append([bool(plan.of_request("book")) for _ in range(200)])
    assert runs[0] == runs[1]
    assert 30 < sum(runs[0]) < 90


def test_clock_skews_add_up_and_are_met_by_no_request() -> None:
    plan = _plan(*(Fault(kind=FaultKind.CLOCK_SKEW, seconds=s) for s in (2, -0.5)))
    assert plan.skew_ns() == 3 * SECOND // 2
    assert not plan.of_request("time")


def test_faults_can_be_added_replaced_and_healed() -> None:
    plan = _plan()
    plan.add(Fault(kind=FaultKind.HTML))
    plan.replace([Fault(kind=FaultKind.DROP), Fault(kind=FaultKind.HANG)])
    assert [each.kind for each in plan.faults] == ["drop", "hang"]
    plan.clear()
    assert plan.of_request("book") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "not JSON"),
        ("{}", "expected a list"),
        ('[{"kind": "storm"}]', "kinds are latency"),
        ('[{"kind": "drop", "wher": "book"}]', "fault 0"),
        ('[{"kind": "drop", "chance": 2}]', "chance"),
        ('[{"kind": "answer_lost", "how": "shout"}]', "lost by"),
    ],
)
def test_faults_that_are_not_understood_are_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_faults(text)


def test_faults_of_a_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('[{"kind": "latency", "where": "order.*", "seconds": 0.5}]', encoding="utf-8")
    (fault,) = read_faults(path)
    assert (fault.kind, fault.where, fault.seconds) == (FaultKind.LATENCY, "order.*", 0.5)
    with pytest.raises(ConfigError, match="can't read"):
        read_faults(tmp_path / "absent.json")
