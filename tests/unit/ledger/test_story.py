"""A trace is told from the fill back to the data."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from tutti.ledger.story import tell
from tutti.ledger.trace import why
from tutti.model.instrument import InstrumentId
from tutti.model.order import OrderStatus, OrderType

if TYPE_CHECKING:
    from tests.unit.ledger.conftest import Scribe

    from tutti.adapters.stores.sqlite_ledger import SqliteLedger


def test_filled_order_is_told_from_fill_to_data(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    intent = scribe.filled_order()
    scribe.journal.commit()
    assert tell(why(store, intent.id)) == (
        (
            "fill",
            "2024-01-01T00:01:00.000Z buy 0.5 at 42010, fee 10.5025, taker, slippage +2.26 bps",
        ),
        ("order", "2024-01-01T00:01:00.000Z filled, filled 0.5 of 0.5"),
        ("order", "2024-01-01T00:00:00.000Z sent, filled 0 of 0.5"),
        ("approved", "2024-01-01T00:00:00.000Z by gross, drawdown"),
        (
            "intent",
            "2024-01-01T00:00:00.000Z buy 0.5 BTC-USDT-PERP.SIM market, reference 42000.5: "
            "entry, led by momentum_hunter",
        ),
        ("decision", "2024-01-01T00:00:00.000Z equity 10000.00, trading"),
        ("target", "weight +0.2500 of equity, score +0.7000, confidence +0.8000: entry"),
        ("context", "bias +0.5000, confidence 0.8000, bull_trending (0.90)"),
        ("voice", "momentum_hunter bias +0.5000, confidence +0.8000, weight 0.700: up"),
        ("voice", "vpin bias none, confidence none, weight 0.000: warming up"),
        ("features", "adx_14 none, rsi_14 +0.6100"),
        ("bar", "close 42000.5"),
        (
            "run",
            "run-1, configuration c0ffee, seed 7, numpy 2.1.0, tutti 0.1.0, commit d00d1e",
        ),
        ("data", "btc.parquet abc"),
    )


def test_voice_that_was_pooled_with_another_confidence_is_told_with_both(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.started()
    item = scribe.item()
    assert item.context is not None
    first, *rest = item.context.voices
    heard = msgspec.structs.replace(first, heard=0.125)
    context = msgspec.structs.replace(item.context, voices=(heard, *rest))
    scribe.decision(msgspec.structs.replace(item, context=context))
    intent = scribe.intent()
    scribe.journal.commit()
    told = [line for kind, line in tell(why(store, intent.id)) if kind == "voice"]
    assert "confidence +0.8000 heard as 0.1250, weight" in told[0]


def test_refused_limit_order_without_a_view_is_told_shortly(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.started(commit="", data=())
    scribe.decision(
        scribe.item(
            context=None, features={}, score=None, confidence=None, open=1.0, high=2.0, low=0.5
        )
    )
    intent = scribe.intent(type=OrderType.LIMIT, price=Decimal("41999.5"))
    scribe.refusal(intent)
    scribe.journal.commit()
    lines = dict(tell(why(store, intent.id)))
    assert list(lines) == ["refused", "intent", "decision", "target", "bar", "run"]
    assert lines["refused"].endswith("by gross: too large")
    assert "limit 41999.5, reference" in lines["intent"]
    assert "score none" in lines["target"]
    assert lines["bar"] == "open 1, high 2, low 0.5, close 42000.5"
    assert "commit" not in lines["run"]


def test_order_of_a_person_is_told_without_decision_and_run(
    scribe: Scribe, store: SqliteLedger
) -> None:
    intent = scribe.intent()
    scribe.order(intent, OrderStatus.REJECTED, detail="no funds")
    scribe.fill(intent, is_maker=True)
    scribe.journal.commit()
    lines = dict(tell(why(store, intent.id)))
    assert list(lines) == ["fill", "order", "intent"]
    assert lines["order"].endswith("rejected, filled 0 of 0.5 (no funds)")
    assert ", maker, " in lines["fill"]


def test_order_that_was_split_is_told_with_its_venues(scribe: Scribe, store: SqliteLedger) -> None:
    intent = scribe.intent()
    scribe.order(intent, OrderStatus.CREATED, detail="split over 2 venues")
    scribe.route(intent, ("c1", "SIM", "0.3"), ("c2", "OTHER", "0.2"))
    scribe.route(intent, left=Decimal("0.2"), detail="OTHER refused 0.2")
    child = msgspec.structs.replace(intent, id="c1", instrument=InstrumentId("BTC", "SIM"))
    scribe.order(child, OrderStatus.SENT, parent=intent.id)
    scribe.fill(child)
    scribe.journal.commit()
    lines = [(label, line.partition(" ")[2]) for label, line in tell(why(store, intent.id))]
    assert lines[:5] == [
        ("fill", "buy 0.5 BTC.SIM at 42010, fee 10.5025, taker, slippage +2.26 bps"),
        ("order", "BTC.SIM sent, filled 0 of 0.5"),
        ("order", "created, filled 0 of 0.5 (split over 2 venues)"),
        ("route", "by liquidity: nowhere, 0.2 left over; arrival 42000.5 (OTHER refused 0.2)"),
        (
            "route",
            "by liquidity: 0.3 to SIM at 42005.25, 0.2 to OTHER at 42005.25; arrival 42000.5",
        ),
    ]
