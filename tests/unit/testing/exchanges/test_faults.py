"""What faults match, how they count themselves down, how they are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError
from tutti.testing.exchanges import FakeExchange
from tutti.testing.exchanges.dialects.hyperliquid.dialect import ACTIONS
from tutti.testing.exchanges.dialects.hyperliquid.info import WHERE as INFO
from tutti.testing.exchanges.faults import (
    REQUESTS,
    Fault,
    FaultKind,
    FaultPlan,
    parse_faults,
    read_faults,
)

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
        ("[3]", "expected an object, got int"),
        ('[{"where": "book"}]', "needs kind"),
        ('[{"kind": "drop", "wher": "book"}]', "no key 'wher'; there are kind, where"),
        ('[{"kind": "drop", "chance": "often"}]', "chance"),
        ('[{"kind": "hang", "count": "3"}]', "count must be a whole number"),
        ('[{"kind": "hang", "count": 2.5}]', "count must be a whole number"),
        ('[{"kind": "hang", "after": -1}]', "after must be a whole number"),
        ('[{"kind": "status", "status": 42}]', "100 to 599"),
        ('[{"kind": "latency"}]', "needs seconds"),
        ('[{"kind": "latency", "seconds": -3}]', "seconds must be a number from 0 on"),
        ('[{"kind": "latency", "seconds": NaN}]', "seconds must be a number from 0 on"),
        ('[{"kind": "refuse", "reason": "mood"}]', "no reason 'mood'; there are bad_key"),
        ('[{"kind": "hang", "where": "order.creat"}]', "hang has no where 'order.creat'"),
        ('[{"kind": "hang", "where": "stream.*"}]', "hang has no where"),
        ('[{"kind": "silent", "where": "order.create"}]', "silent has no where"),
        ('[{"kind": "hang", "where": 3}]', "texts"),
    ],
)
def test_faults_that_are_not_understood_are_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_faults(text)


def test_fault_that_is_not_understood_is_named_with_its_file_in_one_line() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_faults('[{"kind": "drop"}, {"kind": "drop", "chance": 2}]', source="faults.json")
    assert str(caught.value).startswith("faults.json: fault 1 (")
    assert "\n" not in str(caught.value)


def test_chance_is_asked_only_after_those_that_are_let_through() -> None:
    fault = Fault(kind=FaultKind.HTML, after=3, count=1, chance=0.5)
    plan = _plan(fault)
    met = [bool(plan.of_request("book")) for _ in range(20)]
    assert not any(met[:3])
    assert sum(met) == 1
    assert (fault.n_seen, fault.n_done) == (met.index(True) + 1, 1)


def test_faults_as_they_are_told_are_taken_again() -> None:
    fault = Fault(kind=FaultKind.CLOCK_SKEW, seconds=-2.5)
    assert parse_faults(json.dumps([fault.to_dict()])) == [fault]


@pytest.mark.parametrize("dialect", ["binance", "kraken", "coinbase", "hyperliquid"])
def test_each_endpoint_of_a_dialect_can_be_named_in_a_fault(dialect: str) -> None:
    exchange = FakeExchange(dialect)
    if dialect == "hyperliquid":
        named = {*INFO.values(), *ACTIONS.values()}
    else:
        named = {route.where for route in exchange.dialect._routes.values()}  # type: ignore[attr-defined]
    assert named <= set(REQUESTS)


def test_faults_of_a_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('[{"kind": "latency", "where": "order.*", "seconds": 0.5}]', encoding="utf-8")
    (fault,) = read_faults(path)
    assert (fault.kind, fault.where, fault.seconds) == (FaultKind.LATENCY, "order.*", 0.5)
    with pytest.raises(ConfigError, match="can't read"):
        read_faults(tmp_path / "absent.json")
