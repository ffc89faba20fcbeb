"""What opinions cost in calls of language models."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.port import Call
from tutti.agents.llm.recorded import Outcome
from tutti.app.config import Config, override
from tutti.app.model_spend import Spend, spend_in

if TYPE_CHECKING:
    from pathlib import Path


def _call(agent: str, user: str, as_of: int) -> Call:
    return Call(agent=agent, as_of=as_of, model="openai:m", system="s", user=user)


def _kept(path: Path, *calls: tuple[Call, str]) -> None:
    with SqliteCallRecords(path) as records:
        for ts, (call, usd) in enumerate(calls):
            outcome = Outcome(kind="answer", text="{}", latency=1, cost_usd=Decimal(usd))
            records.keep(call, outcome, ts=ts)


def test_question_costs_once_however_often_it_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "llm.sqlite"
    _kept(
        path,
        (_call("news", "a", 10), "0.25"),
        (_call("news", "a", 10), "0.25"),
        (_call("news", "b", 11), "0.5"),
        (_call("macro", "a", 10), "1"),
    )
    assert spend_in(path, 0, 20) == {
        "news": Spend(usd=Decimal("0.75"), calls=2),
        "macro": Spend(usd=Decimal(1), calls=1),
    }


def test_calls_about_other_times_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "llm.sqlite"
    _kept(path, (_call("news", "a", 10), "0.25"), (_call("news", "a", 30), "0.5"))
    assert spend_in(path, 20, 40) == {"news": Spend(usd=Decimal("0.5"), calls=1)}


def test_calls_of_a_blinded_run_are_found_at_the_days_that_its_models_were_told(
    tmp_path: Path,
) -> None:
    path = tmp_path / "llm.sqlite"
    config = override(Config(), {"llm.blind": True, "seed": 7})
    told = Blinding(7, ()).clock
    _kept(path, (_call("news", "a", told(10)), "0.25"), (_call("news", "a", 10), "0.5"))
    assert spend_in(path, 0, 20, config) == {"news": Spend(usd=Decimal("0.25"), calls=1)}
    assert spend_in(path, 0, 20, Config()) == {"news": Spend(usd=Decimal("0.5"), calls=1)}


def test_nothing_was_spent_where_nothing_was_recorded(tmp_path: Path) -> None:
    assert spend_in(tmp_path / "none.sqlite", 0, 1) == {}
