"""What awaited agents said is on the ledger, and a restart finds it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.ledger.fold import fold
from tutti.ledger.kinds import Told
from tutti.ledger.records import decode
from tutti.ledger.verify import verify
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from tests.unit.ledger.conftest import Scribe

    from tutti.adapters.stores.sqlite_ledger import SqliteLedger

_BTC = InstrumentId("BTC-USDT-PERP", "SIM")


@pytest.mark.parametrize(
    "answer",
    [
        Opinion(
            agent="news", instrument=_BTC, bias=-0.25, confidence=0.5, as_of=3, rationale="a strike",
            time_to_live=9, horizon=7, sources=("rss:1",), call="ab12", knowledge="contaminated",
        ),
        Opinion(agent="macro", instrument=_BTC, bias=0.0, confidence=0.0, as_of=3, rationale="?"),
        Abstention(agent="news", instrument=_BTC, as_of=3, reason="budget spent", call="ab12"),
        Abstention(agent="news", instrument=_BTC, as_of=3, reason="late"),
    ],
)  # fmt: skip
def test_answer_is_read_back_as_it_was_given(
    scribe: Scribe, store: SqliteLedger, answer: Opinion | Abstention
) -> None:
    scribe.journal.append("opinion", 3, Told.of(answer), str(_BTC))
    scribe.journal.commit()
    (row,) = store.rows()
    assert decode(row, Told).answer == answer
    assert verify(store).ok


def test_fold_keeps_the_newest_opinion_of_each_agent_on_each_instrument(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.started()
    scribe.told(bias=0.1)
    newest = scribe.told(bias=0.2, as_of=scribe.ts + 5)
    scribe.told(bias=0.3, as_of=scribe.ts + 1)
    other = scribe.told(agent="social")
    scribe.abstained()
    scribe.abstained("macro")
    scribe.journal.commit()
    state = fold(store)
    assert state.opinions == {("news", str(_BTC)): newest, ("social", str(_BTC)): other}
    assert state.counts["opinion"] == 6
    copy = state.copy()
    copy.opinions.clear()
    assert len(state.opinions) == 2
