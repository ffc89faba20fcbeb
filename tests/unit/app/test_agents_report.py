"""A panel on a simulated market, reported on from its bars and from its ledger."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.agents.calibration import chance
from tutti.app.account_folder import keep_configuration
from tutti.app.agent_scores import cases_of
from tutti.app.agents_page import agents_page, verdict
from tutti.app.agents_report import report_on, span_of
from tutti.app.backtest import Source, run_source
from tutti.app.calibration_file import read_calibration, write_calibration
from tutti.app.config import Config, load_config, override, parse_config, resolved
from tutti.app.model_spend import Spend
from tutti.app.opinion_record import OpinionRecord, record_of_bars, record_of_run
from tutti.kernel.clock import DAY, HOUR, MINUTE
from tutti.ledger.kinds import Decision
from tutti.ledger.records import decode
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Views
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named
from tutti.sandbox.result import write_result

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.agents_report import AgentsReport
    from tutti.model.market import MarketBlock

_START = 1_704_067_200_000_000_000  # 2024-01-01
_PANEL = """\
agents:
- {name: momentum_hunter}
- {name: mean_reversion, weight: 2, horizon_s: 7200}
- {name: strategy_optimizer, params: {min_outcomes: 24}}
policy: {entry_threshold: 0.2, exit_threshold: 0.1}
worth: {window_s: 172800}
"""


def _block(ticks: int) -> MarketBlock:
    return SimulatedMarket(
        [
            MarketSpec(instrument=InstrumentId(name, "X"), volatility=1.5, funding_rate=0.0)
            for name in ("A-USDT", "B-USDT")
        ],
        seed=4, step=HOUR, start=_START,
        regime_schedule=RegimeChain(regimes_named("trend", "range"), mean_bars=40.0),
    ).next_block(ticks)  # fmt: skip


@pytest.fixture(scope="module")
def config() -> Config:
    return parse_config(_PANEL)


@pytest.fixture(scope="module")
def block() -> MarketBlock:
    return _block(900)


@pytest.fixture(scope="module")
def record(config: Config, block: MarketBlock) -> OpinionRecord:
    return record_of_bars(config, block)


@pytest.fixture(scope="module")
def report(record: OpinionRecord) -> AgentsReport:
    return report_on(
        record, seed=3, spent={"mean_reversion": Spend(usd=Decimal("1.5"), calls=3)}, n_samples=100
    )


def test_report_has_a_row_an_agent_whose_worths_sum_to_the_panels(report: AgentsReport) -> None:
    assert [each.name for each in report.rows] == [
        "momentum_hunter",
        "mean_reversion",
        "strategy_optimizer",
    ]
    assert sum(each.worth.value for each in report.rows) == pytest.approx(report.together.value)
    assert report.n_coalitions == 8
    reversion = report.rows[1]
    assert (reversion.weight, reversion.horizon) == (2.0, 2)
    assert (reversion.cost_usd, reversion.n_calls) == (1.5, 3)
    assert reversion.scores.n <= reversion.n_opinions
    assert reversion.scores.n_effective <= reversion.scores.n
    assert len(reversion.windows) >= 15


def test_report_as_json_has_the_promised_names_and_no_nan(report: AgentsReport) -> None:
    document = report.to_dict()
    for row in document["agents"]:
        assert {"brier", "worth", "cost_usd", "information_ratio", "weight"} <= row.keys()
    json.dumps(document, allow_nan=False)
    assert document["panel"]["cost_usd"] == 1.5


def test_brier_score_is_that_of_chances_stated_before_what_came(
    record: OpinionRecord, report: AgentsReport
) -> None:
    # by the definition, opinion by opinion
    losses = []
    horizon = 2
    opens, views = record.opens, record.views
    for t in range(len(record.ts) - horizon - 1):
        for i in range(2):
            bias, confidence = views.bias[1, t, i], views.confidence[1, t, i]
            if math.isnan(bias) or bias == 0.0:
                continue
            move = opens[t + 1 + horizon, i] - opens[t + 1, i]
            if move != 0.0:
                right = float((move > 0) == (bias > 0))
                losses.append((0.5 * (1.0 + confidence) - right) ** 2)
    assert report.rows[1].scores.n == len(losses)
    assert report.rows[1].scores.brier.value == pytest.approx(np.mean(losses))


def test_ledger_of_a_run_gives_the_report_that_its_bars_give(
    config: Config, block: MarketBlock, record: OpinionRecord, tmp_path: Path
) -> None:
    small = block.rows(0, 300)
    run_source(config, Source(block=small, files=(), findings=()), "event", tmp_path, _unheard)
    again = record_of_run(tmp_path)
    assert again.names == record.names
    assert again.ts.tolist() == record.ts[:300].tolist()
    for ours, theirs in zip(again.views, record.views, strict=True):
        assert np.allclose(ours, theirs[:, :300], rtol=1e-6, atol=1e-7, equal_nan=True)
    # without the bars at hand, what could be had is the close before
    assert again.opens[1:, 0].tolist() == pytest.approx(block.close[:299, 0].tolist())
    # nor is there a configuration without the file that the command leaves
    known = replace(again, opens=small.open, cost=record.cost, config=config)
    told = report_on(known, seed=3, n_samples=100)
    anew = report_on(record_of_bars(config, small), seed=3, n_samples=100)
    for one, other in zip(told.rows, anew.rows, strict=True):
        assert one.scores.brier.value == pytest.approx(other.scores.brier.value, rel=1e-5)


def test_run_without_opinions_on_its_ledger_is_refused(
    config: Config, block: MarketBlock, tmp_path: Path
) -> None:
    forgetful = override(config, {"ledger.keep_opinions": False})
    source = Source(block=block.rows(0, 60), files=(), findings=())
    run_source(forgetful, source, "event", tmp_path, _unheard)
    with pytest.raises(ConfigError, match="keep_opinions"):
        record_of_run(tmp_path)


def test_nobody_to_report_on_is_refused(block: MarketBlock) -> None:
    with pytest.raises(ConfigError, match="there are none"):
        record_of_bars(parse_config("agents: []"), block.rows(0, 10))


def test_maps_know_nothing_of_what_came_after_them(
    config: Config, record: OpinionRecord, report: AgentsReport
) -> None:
    turned = replace(record, opens=record.opens.copy())
    turned.opens[600:] = turned.opens[600:][::-1]
    known = int(record.ts[590])
    again = report_on(turned, seed=3, n_samples=100)
    for one, other in zip(report.rows, again.rows, strict=True):
        before = [each for each in one.maps if each.valid_from <= known]
        same = [each for each in other.maps if each.valid_from <= known]
        assert len(before) >= 1
        for ours, theirs in zip(before, same, strict=True):
            assert ours.corrected.y.tolist() == theirs.corrected.y.tolist()
            assert ours.valid_from == theirs.valid_from


def test_correction_brings_the_overconfident_close_to_even_odds(report: AgentsReport) -> None:
    row = report.rows[0]
    assert row.corrected.n > 100
    assert row.corrected.after < row.corrected.before


def test_calibration_reads_back_into_the_configuration_and_changes_both_tiers_alike(
    block: MarketBlock, report: AgentsReport, tmp_path: Path
) -> None:
    maps = {each.name: each.maps for each in report.rows}
    path = write_calibration(tmp_path / "new" / "calibration.json", maps)
    (tmp_path / "tutti.yaml").write_text(
        _PANEL.replace("worth: {", f"worth: {{calibration: {path}, ")
    )
    corrected = load_config(tmp_path / "tutti.yaml")
    assert len(corrected.worth.maps) == sum(map(len, maps.values()))
    # the maps are part of the configuration: a replay needs no file
    assert Config.model_validate(resolved(corrected)) == corrected
    plain = record_of_bars(parse_config(_PANEL), block)
    fixed = record_of_bars(corrected, block)
    assert np.array_equal(plain.views.confidence, fixed.views.confidence, equal_nan=True)
    source = Source(block=block, files=(), findings=())
    both = run_source(corrected, source, "both", tmp_path / "run", _unheard)
    assert both.parity is not None
    assert both.parity.fills_equal
    without = run_source(parse_config(_PANEL), source, "fast", tmp_path / "plain", _unheard)
    assert without.n_fills != both.n_fills
    write_result(both, tmp_path / "run")
    assert _heard(tmp_path / "run")


def _heard(folder: Path) -> bool:
    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader

    with SqliteLedgerReader(folder) as ledger:
        return any(
            voice.heard is not None
            for row in ledger.rows(kinds=["decision"])
            for item in decode(row, Decision).items
            if item.context
            for voice in item.context.voices
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "kind is not tutti-calibration"),
        ('{"kind": "tutti-calibration", "version": 9}', "this Tutti reads 1"),
        ("no json", "not JSON"),
        (
            '{"kind": "tutti-calibration", "version": 1, "maps": [{"agent": "a", "n": 1, '
            '"valid_from": "2024-01-01", "fitted_from": "2024-01-01", "knots": [[0.5, 0.9], '
            "[0.6, 0.1]]}]}",
            "must rise",
        ),
        (
            '{"kind": "tutti-calibration", "version": 1, "maps": [{"agent": "a", "n": 1, '
            '"valid_from": "soon", "fitted_from": "2024-01-01", "knots": [[0.5, 0.9]]}]}',
            "no date or time",
        ),
        (
            '{"kind": "tutti-calibration", "version": 1, "maps": [{"agent": "a", "n": 1, '
            '"valid_from": "2024-01-01", "fitted_from": "2024-01-01", "knots": [[0.5, 1.5]]}]}',
            r"in \[0, 1\]",
        ),
    ],
)
def test_calibration_that_can_not_be_used_is_refused_with_its_place(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "calibration.json").write_text(content)
    (tmp_path / "tutti.yaml").write_text(
        f"worth:\n  calibration: {tmp_path / 'calibration.json'}\n"
    )
    with pytest.raises(ConfigError, match=message) as refusal:
        load_config(tmp_path / "tutti.yaml")
    assert "tutti.yaml" in str(refusal.value)


def test_calibration_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make one with tutti agents report"):
        read_calibration(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="can't be read"):
        read_calibration(tmp_path)


def test_page_shows_every_agent_and_what_to_know_first(report: AgentsReport) -> None:
    html = agents_page(report, "a test")
    assert html.count("share that came true by chance stated") == 3
    assert "Information ratio of each agent, window by window" in html
    lead, _, is_bad = verdict(report)
    assert is_bad == lead.startswith("Nobody")
    assert html == agents_page(report, "a test")


def test_opinion_that_only_fades_is_judged_once(record: OpinionRecord) -> None:
    fresh = record.fresh.copy()
    fresh[0] = False
    fresh[0, 5, 0] = True
    bias = record.views.bias.copy()
    bias[0] = 0.5
    confidence = record.views.confidence.copy()
    confidence[0] = 0.5
    lone = replace(record, fresh=fresh, views=Views(bias, confidence))
    cases = cases_of(lone, 0, 1)
    assert len(cases.right) == 1
    assert cases.said_at.tolist() == [record.ts[5]]
    assert cases.known_at.tolist() == [record.ts[7] - HOUR]
    assert chance(cases.confidence).tolist() == [0.75]


def test_late_agents_opinions_are_fresh_where_they_do_not_fade() -> None:
    from tutti.app.opinion_record import fresh_of

    bias = np.array([[[0.5], [0.5], [0.5], [0.5], [np.nan], [-0.5]]])
    confidence = np.array([[[0.8], [0.7], [0.6], [0.8], [np.nan], [0.3]]])
    found = fresh_of(Views(bias, confidence), (True,))
    assert found[0, :, 0].tolist() == [True, False, False, True, False, True]
    assert fresh_of(Views(bias, confidence), (False,))[0, :, 0].tolist() == [
        True, True, True, True, False, True,
    ]  # fmt: skip


def test_baseline_of_holding_everything_is_the_markets_gain(
    record: OpinionRecord, report: AgentsReport
) -> None:
    config = override(record.config, {"worth.baseline": "hold", "worth.bad_windows": 1})
    held = report_on(replace(record, config=config), seed=3, n_samples=100)
    assert held.baseline == "hold"
    for one, other in zip(held.rows, report.rows, strict=True):
        assert one.worth.value == other.worth.value
        assert one.information_ratio != other.information_ratio
    assert "holding everything equally" in agents_page(held, "")


def test_spans_are_days_where_these_are_many_and_shorter_where_not() -> None:
    assert span_of(np.array([0, 90 * DAY]), HOUR) == DAY
    assert span_of(np.array([0, 4 * DAY]), MINUTE) == HOUR
    assert span_of(np.array([0, 2 * HOUR]), MINUTE) == MINUTE
    assert span_of(np.array([0, 2 * HOUR]), HOUR) == HOUR


def _unheard(done: int, total: int, note: str) -> None:
    """Take no notice."""


@pytest.mark.usefixtures("installed")
def test_awaited_agents_are_judged_where_they_spoke_from_bars_and_ledger_alike(
    block: MarketBlock, tmp_path: Path
) -> None:
    config = parse_config(
        "agents: [{name: momentum_hunter}, {name: pundit, cadence_s: 14400, time_to_live_s: 28800}]"
    )
    small = block.rows(0, 200)
    asked = record_of_bars(config, small)
    assert asked.fresh[1].sum() == 2 * 50
    assert np.isfinite(asked.views.bias[1]).sum() > 350
    run_source(config, Source(block=small, files=(), findings=()), "event", tmp_path, _unheard)
    told = record_of_run(tmp_path)
    assert np.array_equal(told.fresh[1], asked.fresh[1])


def test_weights_in_force_are_those_of_the_newest_session(
    config: Config, block: MarketBlock, tmp_path: Path
) -> None:
    small = block.rows(0, 100)
    run_source(config, Source(block=small, files=(), findings=()), "event", tmp_path, _unheard)
    keep_configuration(config, tmp_path)
    found = record_of_run(tmp_path)
    assert found.current.tolist() == [1.0, 2.0, 1.0]
    assert found.since == int(block.ts[0])
