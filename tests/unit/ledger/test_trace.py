"""Why an order was sent is found from its id, or the beginning of it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from tutti.ledger.kinds import KILL, Command
from tutti.ledger.story import tell
from tutti.ledger.trace import why
from tutti.model.errors import LedgerError
from tutti.model.opinion import Voice
from tutti.model.order import OrderStatus, Reason

if TYPE_CHECKING:
    from tests.unit.ledger.conftest import Scribe

    from tutti.adapters.stores.sqlite_ledger import SqliteLedger


def test_filled_order_is_traced_from_fill_to_configuration(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.started()
    intent = scribe.filled_order()
    scribe.filled_order()
    scribe.journal.commit()
    trace = why(store, intent.id)
    assert trace.order_id == intent.id
    assert [fill.body.id for fill in trace.fills] == ["f1"]
    assert [o.body.status for o in trace.orders] == [OrderStatus.SENT, OrderStatus.FILLED]
    assert trace.approval is not None
    assert trace.approval.body.rules == ("gross", "drawdown")
    assert trace.refusal is None
    assert trace.intent.body == intent
    assert trace.item is not None
    assert trace.item.context is not None
    assert [voice.agent for voice in trace.item.context.voices] == ["momentum_hunter", "vpin"]
    assert trace.item.features == {"rsi_14": 0.61, "adx_14": None}
    assert trace.started is not None
    assert trace.started.body.configuration == "c0ffee"
    assert [row.seq for row in (trace.started, trace.intent, trace.fills[0])] == [1, 3, 7]


def _voiced(scribe: Scribe, *agents: str) -> None:
    item = scribe.item()
    assert item.context is not None
    voices = tuple(
        Voice(agent=agent, bias=0.4, confidence=0.4, weight=1.0, rationale="so") for agent in agents
    )
    context = msgspec.structs.replace(item.context, voices=voices)
    scribe.decision(msgspec.structs.replace(item, context=context))


def test_order_is_traced_to_what_awaited_agents_had_said(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.told(agent="social", time_to_live=10)
    scribe.told(bias=-0.1)
    newest = scribe.told(
        as_of=scribe.ts + 5,
        sources=("rss:1", "rss:2"),
        quotes=("rss: up",),
        call="ab12",
        knowledge="clean",
    )
    scribe.told(as_of=scribe.ts + 1, bias=0.9)  # came late, and counts for nothing
    scribe.abstained()
    scribe.ts += 60
    _voiced(scribe, "social", "news", "vpin")
    intent = scribe.intent()
    scribe.told(bias=0.9)  # after the decision
    scribe.journal.commit()
    trace = why(store, intent.id)
    assert [told.body.answer for told in trace.opinions] == [newest]
    lines = [line for line in tell(trace) if line[0] in {"opinion", "sources", "read", "call"}]
    assert lines == [
        (
            "opinion",
            "2024-01-01T00:00:00.000Z news bias +0.4000, confidence +0.5000, clean: a good report",
        ),
        ("sources", "news read rss:1, rss:2"),
        ("read", "news rss: up"),
        ("call", "news ab12"),
    ]


def test_order_without_anybody_to_wait_for_is_traced_to_no_opinions(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.told(agent="macro")
    _voiced(scribe, "macro")
    intent = scribe.intent()
    scribe.decision(scribe.item(context=None))
    unheard = scribe.intent()
    scribe.journal.commit()
    (told,) = why(store, intent.id).opinions
    assert (told.body.agent, told.body.sources) == ("macro", ())
    assert [line for line in tell(why(store, intent.id)) if line[0] in {"sources", "call"}] == []
    assert why(store, unheard.id).opinions == ()


def test_refused_intent_is_traced_to_the_rule(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.decision(scribe.item())
    intent = scribe.intent()
    scribe.refusal(intent)
    scribe.journal.commit()
    trace = why(store, intent.id)
    assert trace.refusal is not None
    assert (trace.refusal.body.rule, trace.refusal.body.reason) == ("gross", "too large")
    assert (trace.approval, trace.orders, trace.fills, trace.started) == (None, (), (), None)


@pytest.mark.parametrize("detail", ["", "fire"])
def test_order_of_an_operator_is_traced_to_the_command(
    scribe: Scribe, store: SqliteLedger, detail: str
) -> None:
    scribe.decision(scribe.item())
    scribe.journal.append("command", scribe.ts, Command(name=KILL, by="the API", detail=detail))
    intent = scribe.intent(reason=Reason.OPERATOR)
    scribe.journal.commit()
    trace = why(store, intent.id)
    assert (trace.decision, trace.item) == (None, None)
    assert trace.command is not None
    assert trace.command.body.name == KILL
    told = dict(tell(trace))["command"]
    assert told.endswith(" kill, by the API" + (": fire" if detail else ""))


def test_order_that_no_tick_asked_for_has_no_decision(scribe: Scribe, store: SqliteLedger) -> None:
    first = scribe.intent()
    scribe.decision(scribe.item())
    scribe.ts += 1
    later = scribe.intent()
    scribe.journal.commit()
    assert (why(store, first.id).decision, why(store, first.id).item) == (None, None)
    assert (why(store, later.id).decision, why(store, later.id).item) == (None, None)


def test_decision_about_other_instruments_gives_no_item(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.decision(scribe.item(instrument="SOL-USDT.SIM"))
    intent = scribe.intent()
    scribe.journal.commit()
    trace = why(store, intent.id)
    assert trace.decision is not None
    assert trace.item is None


def test_restarted_run_is_explained_by_the_start_before_the_intent(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.started(configuration="first")
    one = scribe.intent()
    scribe.started(configuration="second")
    two = scribe.intent()
    scribe.journal.commit()
    found = [why(store, intent.id).started for intent in (one, two)]
    assert [s.body.configuration for s in found if s is not None] == ["first", "second"]


def test_child_order_is_traced_to_the_intent_of_its_parent(
    scribe: Scribe, store: SqliteLedger
) -> None:
    intent = scribe.intent()
    scribe.approval(intent)
    scribe.order(intent, OrderStatus.SENT, id="child-1", parent=intent.id, quantity=Decimal("0.2"))
    scribe.fill(intent, order_id="child-1", quantity=Decimal("0.2"))
    scribe.journal.commit()
    trace = why(store, "child-1")
    assert trace.intent.body.id == intent.id
    assert trace.approval is not None
    assert [fill.body.quantity for fill in trace.fills] == [Decimal("0.2")]


def test_order_without_an_intent_is_an_error(scribe: Scribe, store: SqliteLedger) -> None:
    intent = scribe.intent()
    scribe.order(intent, OrderStatus.SENT, id="stray")
    scribe.journal.commit()
    with pytest.raises(LedgerError, match="order stray has no intent"):
        why(store, "stray")


def test_beginning_that_one_order_has_is_enough(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.intent(id="aa1")
    scribe.intent(id="ab1")
    scribe.journal.commit()
    assert why(store, "ab").order_id == "ab1"


def test_id_that_is_the_beginning_of_another_is_itself(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.intent(id="ab")
    scribe.intent(id="ab1")
    scribe.journal.commit()
    assert why(store, "ab").order_id == "ab"


@pytest.mark.parametrize(
    ("count", "named"), [(2, "aa0, aa1$"), (7, "aa0, aa1, aa2, aa3, aa4, ...$")]
)
def test_beginning_that_several_orders_have_names_them(
    scribe: Scribe, store: SqliteLedger, count: int, named: str
) -> None:
    for n in range(count):
        scribe.intent(id=f"aa{n}")
    scribe.journal.commit()
    with pytest.raises(LedgerError, match=f"more than one order begins with 'aa': {named}"):
        why(store, "aa")


@pytest.mark.parametrize(
    ("asked", "near"), [("aax", "aa1, aa2"), ("axx", "aa1, aa2"), ("x", "aa1, aa2, b1")]
)
def test_unknown_id_names_those_that_begin_alike(
    scribe: Scribe, store: SqliteLedger, asked: str, near: str
) -> None:
    for known in ("aa1", "aa2", "b1"):
        scribe.intent(id=known)
    scribe.journal.commit()
    with pytest.raises(LedgerError, match=f"no order '{asked}' in this ledger; near it: {near}$"):
        why(store, asked)


@pytest.mark.parametrize("asked", ["aa", ""])
def test_ledger_without_orders_says_so(scribe: Scribe, store: SqliteLedger, asked: str) -> None:
    scribe.started()
    scribe.journal.commit()
    with pytest.raises(LedgerError, match="the ledger holds none"):
        why(store, asked)


def test_instrument_is_no_order(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.filled_order()
    scribe.journal.commit()
    with pytest.raises(LedgerError, match=r"no order 'BTC-USDT-PERP\.SIM'"):
        why(store, "BTC-USDT-PERP.SIM")


# ---- orders that were split ----


def _split(scribe: Scribe) -> tuple[str, str, str]:
    scribe.started()
    scribe.decision(scribe.item())
    intent = scribe.intent()
    scribe.approval(intent)
    scribe.order(intent, OrderStatus.CREATED)
    first, second = f"{intent.id[:-1]}x", f"{intent.id[:-1]}y"
    scribe.route(intent, (first, "SIM", "0.3"), (second, "OTHER", "0.2"))
    for name in (first, second):
        child = msgspec.structs.replace(intent, id=name)
        scribe.order(child, OrderStatus.SENT, parent=intent.id)
        scribe.fill(child, f"fill of {name}")
    scribe.order(intent, OrderStatus.FILLED)
    scribe.journal.commit()
    return intent.id, first, second


def test_order_that_was_split_is_traced_with_all_its_children(
    scribe: Scribe, store: SqliteLedger
) -> None:
    parent, first, second = _split(scribe)
    trace = why(store, parent)
    assert [order.body.id for order in trace.orders] == [parent, first, second, parent]
    assert [fill.body.order_id for fill in trace.fills] == [first, second]
    assert [route.body.parent for route in trace.routes] == [parent]
    assert trace.item is not None


def test_child_is_traced_to_its_parents_intent_and_route(
    scribe: Scribe, store: SqliteLedger
) -> None:
    parent, first, _ = _split(scribe)
    trace = why(store, first)
    assert trace.order_id == first
    assert [order.body.id for order in trace.orders] == [first]
    assert [fill.body.order_id for fill in trace.fills] == [first]
    assert trace.intent.body.id == parent
    assert trace.approval is not None
    assert len(trace.routes) == 1


def test_beginning_that_only_an_order_and_its_children_share_is_the_orders(
    scribe: Scribe, store: SqliteLedger
) -> None:
    parent, _, _ = _split(scribe)
    assert why(store, parent[:20]).order_id == parent
