"""The same bars with and without an agent."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.agents.llm.port import Call
from tutti.agents.llm.recorded import Outcome
from tutti.app.backtest import Source
from tutti.app.config import Config, parse_config
from tutti.app.model_use import ModelUse
from tutti.app.with_and_without import holm, panels_of, run_with_and_without
from tutti.app.with_and_without_page import with_and_without_page
from tutti.kernel.clock import HOUR
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.with_and_without import WithAndWithout

_START = 1_704_067_200_000_000_000
_PANEL = """\
agents:
- {name: momentum_hunter}
- {name: mean_reversion}
- {name: vpin, enabled: false}
policy: {entry_threshold: 0.2, exit_threshold: 0.1}
"""


@pytest.fixture(scope="module")
def config() -> Config:
    return parse_config(_PANEL)


@pytest.fixture(scope="module")
def source() -> Source:
    block = SimulatedMarket(
        [MarketSpec(instrument=InstrumentId("A-USDT", "X"), volatility=1.5, funding_rate=0.0)],
        seed=4, step=HOUR, start=_START,
        regime_schedule=RegimeChain(regimes_named("trend", "range"), mean_bars=40.0),
    ).next_block(900)  # fmt: skip
    return Source(block=block, files=(), findings=())


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calls") / "llm.sqlite"
    call = Call(
        agent="mean_reversion", as_of=_START + 9 * HOUR, model="openai:m", system="", user="?"
    )
    with SqliteCallRecords(path) as kept:
        outcome = Outcome(kind="answer", text="", latency=1, cost_usd=Decimal("0.25"))
        kept.keep(call, outcome, ts=1)
    return path


@pytest.fixture(scope="module")
def study(
    config: Config, source: Source, records: Path, tmp_path_factory: pytest.TempPathFactory
) -> WithAndWithout:
    return run_with_and_without(
        config, source, ["mean_reversion"], ["vpin"], tmp_path_factory.mktemp("e") / "out", _unheard,
        seed=5, tier="fast", n_samples=200,
        use=ModelUse(records=records),
    )  # fmt: skip


def test_each_question_compares_the_run_with_it_to_the_one_without(study: WithAndWithout) -> None:
    assert [each.name for each in study.sides] == [
        "configured",
        "without mean_reversion",
        "with vpin",
    ]
    left, added = study.comparisons
    assert (left.with_it.name, left.without_it.name) == ("configured", "without mean_reversion")
    assert (added.with_it.name, added.without_it.name) == ("with vpin", "configured")
    assert (left.added, added.added) == (("mean_reversion",), ("vpin",))
    ours, theirs = left.with_it.result.final_equity, left.without_it.result.final_equity
    assert (left.pair.mean.value > 0.0) == (ours > theirs)
    assert left.p_adjusted >= left.pair.mean.p_value


def test_signals_of_a_run_are_held_against_what_could_be_had(
    study: WithAndWithout, source: Source
) -> None:
    counts = study.sides[0].signals.counts
    # the last two bars have no move from one open to the next behind them
    assert counts.sum() == len(source.block) - 2
    assert study.sides[0].signals.coverage > 0.0


def test_models_cost_only_the_runs_that_ask_them(study: WithAndWithout) -> None:
    assert [each.spend.usd for each in study.sides] == [Decimal("0.25"), 0, Decimal("0.25")]
    assert study.to_dict()["comparisons"][0]["difference"]["cost_usd"] == 0.25


def test_study_as_json_and_page_hold_everything(study: WithAndWithout) -> None:
    document = study.to_dict()
    json.dumps(document, allow_nan=False)
    assert {"sharpe", "sharpe_interval", "hit_rate", "confusion", "cost_usd"} <= set(
        document["runs"][0]
    )
    assert {"mean", "sharpe", "final_equity", "p_adjusted"} <= set(
        document["comparisons"][0]["difference"]
    )
    html = with_and_without_page(study, "a test")
    assert html.count("Signals: ") == 3
    assert study.comparisons[0].verdict in html
    assert "corrected for 2 questions" in html


def test_agent_who_is_never_heard_changes_nothing_and_the_verdict_says_so(
    source: Source, tmp_path: Path
) -> None:
    mute = parse_config(_PANEL.replace("mean_reversion}", "mean_reversion, weight: 0}"))
    found = run_with_and_without(
        mute, source, ["mean_reversion"], [], tmp_path / "a", _unheard,
        seed=5, tier="fast", n_samples=100,
    )  # fmt: skip
    assert found.comparisons[0].verdict == "mean_reversion changed nothing: both runs are the same"
    shy = parse_config(f"{_PANEL}risk: {{max_instrument_fraction: 0.000001}}")
    found = run_with_and_without(
        shy, source, ["mean_reversion"], [], tmp_path / "b", _unheard,
        seed=5, tier="fast", n_samples=100,
    )  # fmt: skip
    assert "neither run ever held anything" in found.comparisons[0].verdict
    assert "a test" in with_and_without_page(found, "a test")


def test_too_few_days_and_full_folders_are_refused(
    config: Config, source: Source, tmp_path: Path
) -> None:
    short = Source(block=source.block.rows(0, 100), files=(), findings=())
    with pytest.raises(ConfigError, match="at least 30 days"):
        run_with_and_without(config, short, [], ["vpin"], tmp_path, _unheard, seed=1)
    (tmp_path / "kept.txt").touch()
    with pytest.raises(ConfigError, match="is not empty"):
        run_with_and_without(config, source, [], ["vpin"], tmp_path, _unheard, seed=1)


def test_nothing_asked_is_refused(config: Config) -> None:
    with pytest.raises(ConfigError, match="--without is missing"):
        panels_of(config, [], [])


def test_holm_is_the_published_example() -> None:
    # Holm (1979), by hand: sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, never falling
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    assert np.isclose(holm([0.02])[0], 0.02)


def _unheard(done: int, total: int, note: str) -> None:
    """Take no notice."""
