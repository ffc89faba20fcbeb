"""The ledger alone tells what an agent read: a line for each source that an opinion names."""

from __future__ import annotations

import pytest

from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.quotes import MOST, Quotes
from tutti.kernel.clock import DAY, HOUR
from tutti.ledger.kinds import Told
from tutti.model.instrument import InstrumentId
from tutti.model.market import Reading, Snapshot, TextEvent
from tutti.model.opinion import Opinion

BTC = InstrumentId("BTC-USDT", "SIM")
NOW = 1_700_000_000_000_000_000

_TEXTS = tuple(
    TextEvent(
        known_at=NOW - k * HOUR, source="Wire", text=f"Bitcoin text {k}", id=f"n{k}",
        title="" if k == 1 else f"Bitcoin title {k}", instruments=(BTC,),
    )
    for k in range(8)
)  # fmt: skip
_RATE = Reading(known_at=NOW - DAY, source="fed", name="funds_percent", value=4.33, kind="macro")
_CONTEXT = Snapshot(
    instrument=BTC, as_of=NOW, close=100.0, features={}, texts=_TEXTS, readings=(_RATE,)
)


def _opinion(*sources: str) -> Opinion:
    return Opinion(
        agent="a", instrument=BTC, bias=0.5, confidence=0.5, as_of=NOW, rationale="so",
        sources=sources,
    )  # fmt: skip


def test_sources_are_quoted_in_their_order() -> None:
    told = Quotes()(_opinion("n2", _RATE.id, "n1"), _CONTEXT)
    assert told.quotes == (
        "Wire: Bitcoin title 2", "fed: funds_percent 4.33", "Wire: Bitcoin text 1",
    )  # fmt: skip


def test_source_that_was_not_shown_is_not_quoted() -> None:
    assert Quotes()(_opinion("elsewhere"), _CONTEXT).quotes == ()


def test_opinion_without_sources_stays_the_same() -> None:
    opinion = _opinion()
    assert Quotes()(opinion, _CONTEXT) is opinion


def test_only_the_first_few_sources_are_quoted() -> None:
    told = Quotes()(_opinion(*(f"n{k}" for k in range(8))), _CONTEXT)
    assert len(told.quotes) == MOST
    assert len(told.sources) == 8


@pytest.mark.parametrize("is_veiled", [False, True])
def test_quotes_of_a_blinded_run_hide_names(is_veiled: bool) -> None:
    blind = Blinding(7, [BTC])
    source = blind.source("n2") if is_veiled else "n2"
    (quote,) = Quotes(blind)(_opinion(source), _CONTEXT).quotes
    assert "Bitcoin" not in quote
    assert "Wire" not in quote
    assert "title 2" in quote


def test_quotes_are_on_record_as_they_were() -> None:
    told = Quotes()(_opinion("n2"), _CONTEXT)
    assert Told.of(told).answer == told
