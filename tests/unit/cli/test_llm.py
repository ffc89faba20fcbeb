"""``tutti llm list``, ``records`` and ``cost``."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.agents.llm.port import Call
from tutti.agents.llm.recorded import Outcome
from tutti.kernel.clock import LiveClock, parse_instant

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti

CONFIG = """\
llm:
  providers:
    mine: {url: "http://127.0.0.1:8000/v1", input_usd_per_million: 0.5, output_usd_per_million: 2}
    bad: {url: "127.0.0.1"}
  cutoffs: {"mine:small": "2024-05"}
agents:
  - {name: news, model: "mine:small", fallback: ["ollama:llama3.2"], cadence_s: 900}
  - {name: social, model: "anthropic:claude-sonnet-4-5", cadence_s: 900}
  - {name: macro, model: "openai:gpt-4o", enabled: false}
conductor: {model: "mine:other"}
"""
NOON = parse_instant("2026-03-01T12:00")
DAY = parse_instant("2026-03-02") - parse_instant("2026-03-01")


def answered(usd: str = "0.001", **terms: Any) -> Outcome:
    given: dict[str, Any] = {"kind": "answer", "text": '{"bias":\n 0.5}', "model": "mine:small"}
    given |= {"latency": 1_250_000_000, "input_tokens": 900, "output_tokens": 100}
    return Outcome(**(given | {"cost_usd": Decimal(usd)} | terms))


def call(**terms: Any) -> Call:
    given: dict[str, Any] = {"agent": "news", "as_of": NOON, "model": "mine:small"}
    return Call(**(given | {"system": "Be brief.", "user": "BTC?", "prompt": "news@1"} | terms))


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    with SqliteCallRecords(folder / "llm.sqlite") as records:
        records.keep(call(), answered(), ts=NOON)
        records.keep(call(as_of=NOON + 1), answered(), ts=NOON + 1, is_reused=True)
        failed = Outcome(kind="ModelDown", text="503", latency=10**8)
        records.keep(call(user="ETH?"), failed, ts=NOON + DAY)
        late = Outcome(kind="late", text="no answer in 2 s", latency=2 * 10**9)
        records.keep(call(agent="social", user="SOL?"), late, ts=NOON + DAY)
        unpriced = answered("0", is_priced=False, model="ollama:x")
        records.keep(call(agent="social", user="XRP?"), unpriced, ts=NOON + DAY)
    return folder


def document(told: Any) -> Any:
    assert told.code == 0, told.err
    return json.loads(told.out)


def test_list_shows_who_asks_which_model_at_what_price(
    tutti: Tutti, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "TUTTI_ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "tutti.yaml"
    config.write_text(CONFIG)
    told = document(tutti("llm", "list", "--config", config, "--json"))
    rows = {row["model"]: row for row in told["models"]}
    assert list(rows) == [
        "mine:small",
        "ollama:llama3.2",
        "anthropic:claude-sonnet-4-5",
        "mine:other",
    ]
    small = rows["mine:small"]
    assert (small["asked_by"], small["cutoff"], small["fault"]) == (["news"], "2024-05", None)
    assert (small["input_usd_per_million"], small["output_usd_per_million"]) == (0.5, 2)
    assert rows["ollama:llama3.2"]["output_usd_per_million"] == 0
    assert rows["mine:other"]["asked_by"] == ["conductor"]
    claude = rows["anthropic:claude-sonnet-4-5"]
    assert "TUTTI_ANTHROPIC_API_KEY" in claude["fault"]
    assert claude["input_usd_per_million"] == 3
    providers = {row["name"]: row for row in told["providers"]}
    assert providers["mine"]["url"] == "http://127.0.0.1:8000/v1"
    assert "must begin with http" in providers["bad"]["fault"]
    page = tutti("llm", "list", "--config", config).out
    assert "trained until" in page
    assert "cannot be asked: there is no key for anthropic" in page


def test_list_without_a_model_says_how_to_set_one(tutti: Tutti) -> None:
    assert "set model of one" in tutti("llm", "list").out


def test_records_are_listed_newest_last_and_filtered(tutti: Tutti, recorded: Path) -> None:
    told = document(tutti("llm", "records", recorded, "--json"))["records"]
    assert [each["kind"] for each in told] == ["answer", "answer", "ModelDown", "late", "answer"]
    assert (told[0]["prompt"], told[0]["latency_s"], told[0]["cost_usd"]) == ("news@1", 1.25, 0.001)
    assert [each["is_reused"] for each in told] == [False, True, False, False, False]
    assert told[4]["cost_usd"] is None
    some = tutti("llm", "records", recorded, "--agent", "social", "--since", "2026-03-02", "--json")
    assert [each["kind"] for each in document(some)["records"]] == ["late", "answer"]
    last = tutti("llm", "records", recorded / "llm.sqlite", "-n", "1", "--json")
    assert len(document(last)["records"]) == 1
    page = tutti("llm", "records", recorded).out
    assert all(kind in page for kind in (" answer ", " again ", " ModelDown ", " late "))
    empty = tutti("llm", "records", recorded, "--agent", "nobody")
    assert "nothing on record" in empty.out


def test_one_record_is_shown_with_its_whole_prompt(tutti: Tutti, recorded: Path) -> None:
    key = call().key
    told = document(tutti("llm", "records", recorded, "--key", key[:10], "--json"))
    assert told["call"]["system"] == "Be brief."
    assert [each["kind"] for each in told["records"]] == ["answer", "answer"]
    page = tutti("llm", "records", recorded, "--key", key).out
    assert all(words in page for words in ("BTC?", "answer, news about 2026-03-01 12:00", "0.5}"))
    assert "there is none" in tutti("llm", "records", recorded, "--key", "zz").err


def test_cost_adds_up_by_agent_model_and_day(tutti: Tutti, recorded: Path) -> None:
    told = document(tutti("llm", "cost", recorded, "--json"))
    rows = {(row["agent"], row["model"], row["day"]): row for row in told["rows"]}
    first = rows["news", "mine:small", "2026-03-01"]
    assert (first["calls"], first["answers"], first["reused"]) == (1, 1, 1)
    assert (first["input_tokens"], first["cost_usd"]) == (900, 0.001)
    assert rows["news", "mine:small", "2026-03-02"]["failed"] == 1
    assert rows["social", "mine:small", "2026-03-02"]["late"] == 1
    assert rows["social", "ollama:x", "2026-03-02"]["unpriced"] == 1
    assert (told["total"]["calls"], told["total"]["cost_usd"]) == (4, 0.001)
    by_agent = document(tutti("llm", "cost", recorded, "--by", "agent", "--json"))
    assert [row["agent"] for row in by_agent["rows"]] == ["news", "social"]
    page = tutti("llm", "cost", recorded).out
    assert "of 1 answers the price is not known" in page
    later = tutti("llm", "cost", recorded, "--since", "2027-01-01")
    assert "nothing on record" in later.out


def test_budget_tells_what_is_left_of_each_limit(
    tutti: Tutti, tmp_path: Path, recorded: Path
) -> None:
    config = tmp_path / "tutti.yaml"
    budget = "budget: {tokens_per_day: 1000, usd_per_hour: 0.5}"
    config.write_text(
        f"agents: [{{name: news, model: 'mine:small', {budget}}}, {{name: macro}}]\n"
        "conductor: {budget: {tokens_per_hour: 7, usd_per_day: 1}}\n"
    )
    with SqliteCallRecords(recorded / "llm.sqlite") as records:
        records.charge("news", LiveClock().now(), 250, Decimal("0.125"))
    told = document(tutti("llm", "budget", recorded, "--config", config, "--json"))["budgets"]
    rows = [tuple(row.values()) for row in told]
    assert rows == [
        ("news", "hour", "USD", 0.125, 0.5),
        ("news", "day", "tokens", 250, 1000),
        ("conductor", "hour", "tokens", 0, 7),
        ("conductor", "day", "USD", 0, 1),
    ]
    page = tutti("llm", "budget", recorded, "--config", config).out
    assert "1,000 tokens" in page
    assert "750" in page
    assert "set budget of one" in tutti("llm", "budget", recorded).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("llm", "cost", "nowhere"), "no records of language models"),
        (("llm", "cost", "run", "--by", "colour"), "there are agent, model, day"),
        (("llm", "records", "run", "--since", "soon"), "--since must be a date"),
    ],
)
def test_command_that_makes_no_sense_is_refused(
    tutti: Tutti, recorded: Path, arguments: tuple[str, ...], words: str
) -> None:
    told = tutti(*arguments)
    assert told.code == 2
    assert words in told.err
