"""`tutti backtest` and `tutti up` with agents that ask language models."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.app.llm_estimate import Estimate
from tutti.cli.asking import Llm, model_use
from tutti.cli.output import Output
from tutti.model.errors import GateClosed
from tutti.testing.models import ModelServer, Question, Reply, serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import Tutti


def _said(question: Question) -> Reply:
    del question
    regime = {"regime": "BULL_TRENDING", "confidence": 0.9, "rationale": "it rises"}
    return Reply(text=json.dumps(regime))


@pytest.fixture
def server() -> Iterator[tuple[ModelServer, str]]:
    server = ModelServer(_said)
    with serve_in_thread(server) as addresses:
        yield server, addresses.openai


@pytest.fixture
def config(
    server: tuple[ModelServer, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.setenv("TUTTI_MINE_API_KEY", "not a secret")
    path = tmp_path / "conductor.yaml"
    provider = {"url": server[1], "input_usd_per_million": 10, "output_usd_per_million": 20}
    settings = {
        "agents": [{"name": "momentum_hunter"}],
        "conductor": {"model": "mine:small", "cadence_s": 36_000, "weights": {}},
        "llm": {"providers": {"mine": provider}},
        "feed": {"tick_s": 3600, "warm_up_bars": 60, "speed": 3_600_000},
        "api": {"enabled": False},
    }
    path.write_text(yaml.safe_dump(settings))
    return path


def test_backtest_asks_after_somebody_agreed_and_never_again(
    tutti: Tutti, bars: Path, config: Path, server: tuple[ModelServer, str], tmp_path: Path
) -> None:
    asked = "backtest", "--bars", bars, "--config", config, "--json"
    refused = tutti(*asked, "--out", tmp_path / "refused")
    assert refused.code == 3
    assert "calls of language models" in refused.err
    assert "agree with --yes, or with --max-cost USD" in refused.err
    dear = tutti(*asked, "--max-cost", "0.001", "--out", tmp_path / "dear")
    assert dear.code == 3
    assert "more than --max-cost 0.001" in dear.err
    assert server[0].n_asked == 0
    first = tutti(*asked, "--yes", "--out", tmp_path / "first")
    assert first.code == 0, first.err
    n_asked = server[0].n_asked
    assert n_asked > 10
    with SqliteCallRecords(tmp_path / "llm.sqlite", read_only=True) as records:
        assert sum(1 for _ in records.outcomes()) == n_asked
    again = tutti(*asked, "--out", tmp_path / "again")
    assert again.code == 0, again.err
    replayed = tutti(*asked, "--llm", "replay", "--out", tmp_path / "replayed")
    assert server[0].n_asked == n_asked
    hashes = {json.loads(each.out)["ledger_hash"] for each in (first, again, replayed)}
    assert len(hashes) == 1


def test_price_that_is_not_known_can_not_be_kept_below_a_limit(
    tutti: Tutti, bars: Path, config: Path, tmp_path: Path
) -> None:
    settings = yaml.safe_load(config.read_text())
    del settings["llm"]["providers"]["mine"]["output_usd_per_million"]
    config.write_text(yaml.safe_dump(settings))
    told = tutti(
        "backtest", "--bars", bars, "--config", config, "--max-cost", "5", "--out", tmp_path / "r"
    )
    assert told.code == 3
    assert "not counting mine:small whose price is not known: --max-cost can't be kept" in told.err


def test_service_asks_after_somebody_agreed_to_a_day(
    tutti: Tutti, config: Path, server: tuple[ModelServer, str], tmp_path: Path
) -> None:
    paper = tmp_path / "paper"
    refused = tutti("up", "--config", config, "--out", paper, "--for", "1", "--json")
    assert refused.code == 3
    assert "15 calls of language models for a day of the market" in refused.err
    assert server[0].n_asked == 0
    told = tutti("up", "--config", config, "--out", paper, "--for", "2", "--json", "--yes")
    assert told.code == 0, told.err
    assert server[0].n_asked >= 5
    assert (paper / "llm.sqlite").is_file()
    assert tutti("replay", paper).code == 0


@pytest.mark.parametrize(("typed", "goes_on"), [("yes", True), (" Y ", True), ("no", False)])
def test_person_is_asked_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, typed: str, *, goes_on: bool
) -> None:
    estimate = Estimate(
        n_calls=3, n_recorded=0, input_tokens=10, output_tokens=5, usd=Decimal(2),
        usd_at_most=Decimal(4), unpriced=(),
    )  # fmt: skip
    paused: list[str] = []

    @contextlib.contextmanager
    def pause() -> Iterator[None]:
        paused.append("away")
        yield
        paused.append("back")

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: typed)
    use = model_use(
        Llm.RECORD, Path("x"), None, yes=False, output=Output(as_json=False), pause=pause
    )
    if goes_on:
        use.approve(estimate)
        assert paused == ["away", "back"]
    else:
        with pytest.raises(GateClosed, match="nothing was asked and nothing spent"):
            use.approve(estimate)


def _of(usd: float, *unpriced: str) -> Estimate:
    return Estimate(
        n_calls=3, n_recorded=0, input_tokens=10, output_tokens=5, usd=Decimal(str(usd)),
        usd_at_most=Decimal(str(usd)), unpriced=unpriced,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("max_cost", "yes", "estimate", "words"),
    [
        (2.0, False, _of(1.9), ""),
        (2.0, False, _of(2.1), "cost about 2.10 USD a day: more than --max-cost 2"),
        (2.0, True, _of(2.1), "more than --max-cost 2"),
        (2.0, False, _of(1.0, "mine:small"), "--max-cost can't be kept"),
        (None, True, _of(99.0, "mine:small"), ""),
        (
            None,
            False,
            _of(0.1),
            "nobody has agreed to it; start with --max-cost USD, or with --yes",
        ),
    ],
)
def test_change_of_a_running_service_is_held_against_what_it_was_started_with(
    *, max_cost: float | None, yes: bool, estimate: Estimate, words: str
) -> None:
    use = model_use(
        Llm.LIVE, Path("x"), max_cost, yes=yes, output=Output(as_json=True), per="a day"
    )
    assert use.approve_change is not None
    if not words:
        use.approve_change(estimate)
    else:
        with pytest.raises(GateClosed, match=words):
            use.approve_change(estimate)


def test_what_was_typed_at_the_start_holds_for_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    use = model_use(Llm.LIVE, Path("x"), None, yes=False, output=Output(as_json=False))
    use.approve(_of(2.0))
    assert use.approve_change is not None
    use.approve_change(_of(1.5))
    with pytest.raises(GateClosed, match="nobody has agreed to it"):
        use.approve_change(_of(2.5))
