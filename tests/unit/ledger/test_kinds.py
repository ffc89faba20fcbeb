"""Every kind of record has one body, which survives being written down."""

from __future__ import annotations

import dataclasses
import typing
from typing import TYPE_CHECKING

import msgspec
import pytest

from tutti.ledger.kinds import BODIES, KINDS, Kind
from tutti.ledger.records import decode

if TYPE_CHECKING:
    from tests.unit.ledger.conftest import Scribe

    from tutti.adapters.stores.sqlite_ledger import SqliteLedger


def test_kinds_and_bodies_are_one_to_one() -> None:
    assert set(BODIES) == set(typing.get_args(Kind))
    assert {KINDS[body]: body for body in KINDS} == BODIES


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies_are_frozen_and_named_by_keyword(body: type) -> None:
    if issubclass(body, msgspec.Struct):
        assert body.__struct_config__.frozen
        with pytest.raises(TypeError, match="positional"):
            body("a value without a name")
        return
    parameters = body.__dataclass_params__  # type: ignore[attr-defined]
    assert parameters.frozen
    assert all(field.kw_only for field in dataclasses.fields(body))  # type: ignore[arg-type]


def test_every_kind_that_was_written_is_read_back_as_its_body(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.started()
    intent = scribe.filled_order()
    scribe.refusal(intent)
    scribe.funding("-1.5")
    scribe.liquidation("l1")
    scribe.mode("flatten", "drawdown")
    scribe.account(9_000.0)
    scribe.segment()
    scribe.route(intent, ("c1", "SIM", "0.5"))
    scribe.difference()
    scribe.adopted("1", "42000")
    scribe.transfer("5")
    scribe.told()
    scribe.quiet_rows()
    scribe.settlement(intent)
    scribe.journal.commit()
    rows = list(store.rows())
    assert {row.kind for row in rows} == set(BODIES)
    assert all(type(decode(row, BODIES[row.kind])) is BODIES[row.kind] for row in rows)


def test_intent_read_back_is_equal_to_the_one_written(scribe: Scribe, store: SqliteLedger) -> None:
    intent = scribe.intent()
    scribe.journal.commit()
    (row,) = store.rows()
    assert decode(row, type(intent)) == intent


@pytest.mark.parametrize("name", ["close", "weight"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_decision_item_without_a_finite_number_is_refused(
    scribe: Scribe, name: str, value: float
) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        scribe.item(**{name: value})


def test_decision_item_with_a_context_that_is_no_number_is_refused(scribe: Scribe) -> None:
    context = scribe.item().context
    assert context is not None
    with pytest.raises(ValueError, match="pass None for a context that nobody gave"):
        scribe.item(context=msgspec.structs.replace(context, bias=float("nan")))


def test_decision_item_without_context_is_accepted(scribe: Scribe) -> None:
    assert scribe.item(context=None).context is None
