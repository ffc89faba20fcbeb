"""Backtests with agents that ask language models: recorded once, and the same again for nothing."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.backtest import Source, run_source
from tutti.app.config import Config, override
from tutti.app.llm_estimate import Estimate
from tutti.app.model_use import ModelUse, in_words
from tutti.app.replay import replay_run
from tutti.kernel.clock import HOUR
from tutti.ledger.kinds import Told
from tutti.ledger.records import decode
from tutti.model.errors import GateClosed
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named
from tutti.sandbox.report import render
from tutti.sandbox.result import write_result
from tutti.testing.models import ModelServer, Question, Reply, serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tutti.model.market import MarketBlock
    from tutti.sandbox.result import BacktestResult

_START = 1_704_067_200_000_000_000
_TICKS = 120


def _block() -> MarketBlock:
    return SimulatedMarket(
        [
            MarketSpec(instrument=InstrumentId(name, "X"), volatility=1.5)
            for name in ("BTC-USDT-PERP", "ETH-USDT-PERP")
        ],
        seed=4, step=HOUR, start=_START,
        regime_schedule=RegimeChain(regimes_named("trend", "range"), mean_bars=20.0),
    ).next_block(_TICKS)  # fmt: skip


def _texts(folder: Path, block: MarketBlock) -> Path:
    """Write a headline an asset every five hours, good ones and bad ones by turns."""
    rows = [
        {
            "id": f"{symbol}{t}", "symbol": symbol, "kind": "news", "source": f"wire{t % 3}",
            "title": f"{symbol} {'soars' if t // 5 % 2 else 'plunges'} again", "text": "",
            "url": "", "ts": int(block.known_at[t]) - HOUR, "known_at": int(block.known_at[t]) - HOUR // 2,
        }
        for t in range(0, len(block), 5)
        for symbol in ("BTC", "ETH")
    ]  # fmt: skip
    path = folder / "news.parquet"
    pl.DataFrame(rows).write_parquet(path)
    return path


def _said(question: Question) -> Reply:
    if "regime" in (question.schema or {}).get("properties", {}):
        regime = {"regime": "BULL_TRENDING", "confidence": 0.9, "rationale": "it rises"}
        return Reply(text=json.dumps(regime))
    newest = re.findall(r'"id":\s*"(t\d+)"', question.user)
    good = question.user.rfind("soars again") < question.user.rfind("plunges again")
    said: dict[str, Any] = {
        "bias": 0.9 if good else -0.9, "confidence": 0.9, "rationale": "the headlines",
        "horizon_hours": 6, "sources": newest,
    }  # fmt: skip
    return Reply(text=json.dumps(said))


@contextmanager
def _served(folder: Path, **changes: Any) -> Iterator[tuple[ModelServer, Config, Source]]:
    block = _block()
    server = ModelServer(_said)
    with serve_in_thread(server) as addresses:
        config = override(
            Config(),
            {
                "agents": [
                    {"name": "news", "model": "mine:small", "cadence_s": 5 * 3600},
                    {"name": "second", "kind": "news", "model": "mine:large", "cadence_s": 7 * 3600},
                ],
                "conductor.weights": {},
                "policy.weights": {
                    "context": 1.0, "momentum": 0.0, "mean_reversion": 0.0, "pairs": 0.0,
                },
                "policy.entry_threshold": 0.02,
                "policy.exit_threshold": 0.01,
                "risk.care.cooldown_s": 0,
                "text.files": [str(_texts(folder, block))],
                "llm.providers": {
                    "mine": {
                        "url": addresses.openai, "input_usd_per_million": 1,
                        "output_usd_per_million": 2,
                    }
                },
                "llm.cutoffs": {"mine:small": "2023-06", "mine:large": "2024-06"},
                **{key.replace("__", "."): value for key, value in changes.items()},
            },
        )  # fmt: skip
        yield server, config, Source(block=block, files=(), findings=())


def _agreed(estimates: list[Estimate]) -> Any:
    return estimates.append


def _run(
    config: Config, source: Source, out: Path, use: ModelUse, tier: str = "event"
) -> BacktestResult:
    return run_source(config, source, tier, out, lambda *_: None, use=use)


def _told(folder: Path) -> list[Told]:
    with SqliteLedgerReader(folder) as reader:
        return [decode(row, Told) for row in reader.rows(kinds=["opinion"])]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_MINE_API_KEY", "not a secret")


def test_questions_are_counted_before_anybody_agrees_and_only_then_said_to_be_asked(
    tmp_path: Path,
) -> None:
    told: list[str] = []

    def refuse(_: Estimate) -> None:
        told.append("agree?")
        raise GateClosed("nothing was asked")

    use = ModelUse(mode="record", records=tmp_path / "llm.sqlite", approve=refuse)
    with _served(tmp_path) as (server, config, source):
        with pytest.raises(GateClosed):
            run_source(
                config, source, "event", tmp_path / "run", lambda *at: told.append(at[2]), use=use
            )
        assert server.n_asked == 0
    assert list(dict.fromkeys(told)) == ["counting what to ask", "agree?"]


def test_backtest_is_the_same_again_from_the_record_with_nobody_there_to_ask(
    tmp_path: Path,
) -> None:
    records = tmp_path / "llm.sqlite"
    estimates: list[Estimate] = []
    asking = ModelUse(mode="record", records=records, approve=_agreed(estimates))
    with _served(tmp_path) as (server, config, source):
        first = _run(config, source, tmp_path / "first", asking, tier="both")
        asked = server.n_asked
        again = _run(config, source, tmp_path / "again", asking)
        assert server.n_asked == asked
    (estimate,) = estimates
    assert estimate.n_calls - estimate.n_recorded == asked > 50
    assert estimate.usd > 0
    assert first.parity is not None
    assert first.parity.fills_equal
    assert first.parity.max_rel_equity_diff < 1e-9
    assert first.n_fills > 10
    apart = first.studies["knowledge"]["stamps"]
    assert apart.keys() == {"clean", "contaminated"}
    for each in apart.values():
        assert each["n_opinions"] >= each["n_judged"] > 10
        assert 0.0 <= each["hit_rate"] <= 1.0
        assert each["total_return"] is not None
    assert apart["clean"]["final_equity"] != apart["contaminated"]["final_equity"]
    assert "What models may have known" in render(first)
    # the server is gone
    gone = _run(config, source, tmp_path / "gone", ModelUse(records=records))
    assert first.ledger_hash == again.ledger_hash == gone.ledger_hash
    told = _told(tmp_path / "gone")
    assert {each.knowledge for each in told if each.agent == "news" and each.bias} == {"clean"}
    assert {each.knowledge for each in told if each.agent == "second" and each.bias} == {
        "contaminated"
    }
    spoke = next(each for each in told if each.bias)
    assert spoke.call
    assert spoke.sources
    with SqliteCallRecords(records, read_only=True) as kept:
        assert kept.has_answer(spoke.call)


def test_run_without_a_record_has_abstentions_that_say_so(tmp_path: Path) -> None:
    with _served(tmp_path) as (server, config, source):
        SqliteCallRecords(tmp_path / "llm.sqlite").close()
        nothing = ModelUse(records=tmp_path / "llm.sqlite")
        result = _run(config, source, tmp_path / "run", nothing)
        assert server.n_asked == 0
    told = _told(tmp_path / "run")
    assert all(each.bias is None for each in told)
    assert any("no record of call" in each.rationale for each in told)
    assert result.n_fills == 0


def test_nothing_is_asked_before_somebody_agreed_to_the_cost(tmp_path: Path) -> None:
    with _served(tmp_path) as (server, config, source):
        use = ModelUse(mode="record", records=tmp_path / "llm.sqlite")
        with pytest.raises(GateClosed, match=r"calls of language models, about [\d,]+ tokens in"):
            _run(config, source, tmp_path / "run", use)
        assert server.n_asked == 0
    assert not (tmp_path / "run").exists()


def test_estimate_is_told_with_what_is_not_known_and_what_is_on_record() -> None:
    estimate = Estimate(
        n_calls=1200, n_recorded=200, input_tokens=5000, output_tokens=400,
        usd=Decimal("0.0050"), usd_at_most=Decimal("0.02"), unpriced=("a:b",),
    )  # fmt: skip
    assert in_words(estimate, "a day") == (
        "1,000 calls of language models a day, about 5,000 tokens in and up to 400 out, cost about "
        "0.005 USD a day, not counting a:b whose price is not known; 200 more are on record"
    )


def test_conductor_may_be_told_the_regime_by_a_model(tmp_path: Path) -> None:
    use = ModelUse(mode="record", records=tmp_path / "llm.sqlite", approve=lambda _: None)
    with _served(
        tmp_path, conductor__model="mine:small", conductor__cadence_s=36_000, agents=[]
    ) as (_, config, source):
        _run(config, source, tmp_path / "run", use, tier="both")
    told = _told(tmp_path / "run")
    assert {(each.agent, each.rationale) for each in told} == {
        ("conductor", "BULL_TRENDING: it rises")
    }


def test_ledger_of_a_backtest_is_replayed_without_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = ModelUse(mode="record", records=tmp_path / "llm.sqlite", approve=lambda _: None)
    with _served(tmp_path) as (_, config, source):
        result = _run(config, source, tmp_path / "run", use)
    write_result(result, tmp_path / "run", command=["tutti"])
    (tmp_path / "llm.sqlite").unlink()
    monkeypatch.setattr("tutti.app.replay.read_source", lambda *_, **__: source)
    outcome = replay_run(tmp_path / "run", lambda *_: None)
    assert outcome.equal
