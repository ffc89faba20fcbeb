"""A strategy with and without a scenario."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.config import Config, override
from tutti.app.studies.stress import BASELINE, StressStudy, run_stress
from tutti.ledger.verify import verify
from tutti.model.errors import ConfigError
from tutti.sandbox.scenarios.catalogue import SCENARIOS
from tutti.sandbox.scenarios.effects import Depeg, Effect, Funding, Outage, Shock, Spread, Volume
from tutti.sandbox.scenarios.scenario import DoesNotApply, Scenario
from tutti.sandbox.scenarios.span import Span

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.backtest import Source
    from tutti.sandbox.scenarios.figures import Moment, Stressed

_DAY, _WEEK = Span("1d"), Span("7d")


def _quiet(done: int, total: int, what: str) -> None:
    """Take no notice."""


def _study(
    config: Config, source: Source, out: Path, *effects: Effect, both_tiers: bool = False
) -> StressStudy:
    scenario = Scenario(name="trial", about="", effects=effects)
    return run_stress(config, source, [scenario], out, _quiet, both_tiers=both_tiers)


def test_wider_spreads_and_thinner_books_cost_and_both_tiers_agree(
    config: Config, source: Source, tmp_path: Path
) -> None:
    (found,) = _study(
        config, source, tmp_path / "out", Spread(factor=20.0, lasts=_WEEK),
        Volume(factor=1e-4, lasts=_WEEK), both_tiers=True,
    ).stressed  # fmt: skip
    assert found.stressed.metrics["slippage_bps"] > found.baseline.metrics["slippage_bps"] + 1.0
    assert found.changed_bars == 2 * 7 * 24
    assert found.parity is not None
    assert found.parity["fills_equal"]
    assert found.parity["n_fills_event"] > 20
    assert found.parity["max_rel_equity_diff"] < 1e-9


def test_wider_spread_alone_leaves_bars_and_decisions_before_it_alone(
    config: Config, source: Source, tmp_path: Path
) -> None:
    (found,) = _study(config, source, tmp_path, Spread(factor=50.0, lasts=_WEEK)).stressed
    assert found.changed_bars == 0
    with (
        SqliteLedgerReader(tmp_path / BASELINE) as one,
        SqliteLedgerReader(tmp_path / "trial") as other,
    ):
        fills = [
            [row.body for row in each.rows(kinds=["fill"]) if row.ts < found.starts]
            for each in (one, other)
        ]
        assert [len(each) > 5 for each in fills] == [True, True]
    assert found.stressed.final_equity < found.baseline.final_equity


def test_crash_trips_the_drawdown_breaker_and_tells_when(
    config: Config, source: Source, tmp_path: Path
) -> None:
    bold = override(
        config, {"policy.long_only": True, "policy.sizing.fraction": 0.3, "risk.max_drawdown": 0.15}
    )
    crash = Scenario(name="crash", about="", effects=(Shock(size=-0.6),), at=0.35)
    (found,) = run_stress(bold, source, [crash], tmp_path, _quiet).stressed
    assert found.stressed.holding.change < -0.5
    (change,) = found.stressed.breakers
    assert change.mode == "flatten"
    assert "drawdown" in change.reason
    assert change.ts == found.starts + source.block.step
    assert all(each.ts > change.ts for each in found.baseline.breakers)


def test_each_run_leaves_a_sound_ledger_that_names_the_scenario(
    config: Config, source: Source, tmp_path: Path
) -> None:
    (found,) = _study(config, source, tmp_path, Shock(size=-0.1)).stressed
    assert found.folder == str(tmp_path / "trial")
    with SqliteLedgerReader(tmp_path / "trial") as ledger:
        assert verify(ledger).ok
        (started,) = ledger.rows(kinds=["started"])
    assert "scenario:trial" in started.body


def test_same_study_again_gives_the_same_ledgers(
    config: Config, source: Source, tmp_path: Path
) -> None:
    heads = []
    for name in ("one", "two"):
        _study(config, source, tmp_path / name, Shock(size=-0.1))
        with SqliteLedgerReader(tmp_path / name / "trial") as ledger:
            heads.append(next(ledger.rows(newest_first=True)).hash)
    assert heads[0] == heads[1]


def test_outage_fails_orders_that_are_due_while_it_lasts(
    config: Config, source: Source, tmp_path: Path
) -> None:
    (found,) = _study(
        config, source, tmp_path, Outage(lasts=_WEEK, venue="X", prices="shown")
    ).stressed
    assert found.stressed.unfilled.get("failed", 0) > 0
    assert found.parity is None
    assert found.changed_bars == 0


def test_outage_of_every_venue_takes_bars_and_the_run_goes_on(
    config: Config, source: Source, tmp_path: Path
) -> None:
    (found,) = _study(
        config, source, tmp_path, Outage(lasts=_DAY, venue="X"), Outage(lasts=_DAY, venue="Y")
    ).stressed
    # and the next bar of each pays the funding that fell due meanwhile
    assert found.changed_bars == 2 * 24 + 2
    assert found.stressed.n_fills > 0


def test_scenario_at_many_moments_hangs_on_what_is_held_then(
    config: Config, source: Source, tmp_path: Path
) -> None:
    crash = Scenario(name="crash", about="", effects=(Shock(size=-0.3, over=Span("2h")),))
    (found,) = run_stress(config, source, [crash], tmp_path, _quiet, n_moments=5).stressed
    plain = found.to_dict()["moments"]
    changes = [each["change"] for each in plain["all"]]
    assert plain["count"] == 5
    assert plain["worst"]["change"] == min(changes)
    assert plain["best"]["change"] == max(changes)
    assert max(changes) - min(changes) > 0.04
    assert plain["median_change"] == sorted(changes)[2]
    assert [each["at"] for each in plain["all"]] == sorted(each["at"] for each in plain["all"])
    assert all(abs(each["unstressed_change"]) < 0.05 for each in plain["all"])
    assert all(each["holding_change"] < -0.2 for each in plain["all"])
    held = [each["exposure"] > 0.0 for each in plain["all"]]
    assert plain["flat"] == held.count(False)
    assert any(held)


def _twice(
    config: Config, source: Source, out: Path, effects: tuple[Effect, ...]
) -> tuple[Stressed, Moment]:
    """Return what a scenario did at a moment, and the whole study of it at that very moment."""
    anywhere = Scenario(name="it", about="", effects=effects)
    (first,) = run_stress(config, source, [anywhere], out / "1", _quiet, n_moments=1).stressed
    (moment,) = first.moments
    then = Scenario(name="it", about="", effects=effects, start=moment.ts)
    (found,) = run_stress(config, source, [then], out / "2", _quiet).stressed
    return found, moment


def test_moment_at_which_the_scenario_struck_anyway_says_the_same_from_the_other_tier(
    config: Config, source: Source, tmp_path: Path
) -> None:
    effects = (Shock(size=-0.3, over=Span("2h")), Spread(factor=9.0, lasts=_DAY))
    found, moment = _twice(config, source, tmp_path, effects)
    assert moment.ts == found.starts
    assert moment.during.change == pytest.approx(found.stressed.during.change, rel=1e-9)
    assert moment.unstressed.change == pytest.approx(found.baseline.during.change, rel=1e-9)


def test_moments_leave_the_scenario_time_to_end_where_the_bars_are_long_enough(
    config: Config, source: Source, tmp_path: Path
) -> None:
    week = Scenario(name="week", about="", effects=(Spread(factor=2.0, lasts=_WEEK),), at=0.9)
    year = Scenario(name="year", about="", effects=(Spread(factor=2.0, lasts=Span("52w")),))
    study = run_stress(config, source, [week, year], tmp_path, _quiet, n_moments=4)
    short, long = study.stressed
    last = int(source.block.known_at[-1])
    assert all(each.ts + 7 * 24 * source.block.step <= last for each in short.moments)
    assert len(long.moments) == 4
    assert short.is_cut_short
    assert long.to_dict()["is_cut_short"]


def test_outage_at_many_moments_runs_the_tier_that_knows_it(
    config: Config, source: Source, tmp_path: Path
) -> None:
    outage = (Outage(lasts=_DAY, prices="shown"),)
    found, moment = _twice(config, source, tmp_path, outage)
    assert moment.during.change == pytest.approx(found.stressed.during.change, rel=1e-9)


def test_funding_shock_changes_what_is_received(
    config: Config, source: Source, tmp_path: Path
) -> None:
    (found,) = _study(config, source, tmp_path, Funding(rate=0.01, lasts=_WEEK)).stressed
    assert abs(found.stressed.funding - found.baseline.funding) > 1.0


def test_depeg_is_counted_in_a_currency_that_kept_its_worth(
    config: Config, source: Source, tmp_path: Path
) -> None:
    idle = override(config, {"policy.sizing.fraction": 1e-6})
    (found,) = _study(idle, source, tmp_path, Depeg(low=0.8)).stressed
    assert found.stressed.final_equity == pytest.approx(10_000.0, rel=1e-3)
    assert found.stressed.final_worth == pytest.approx(8_000.0, rel=1e-3)
    assert found.stressed.worth is not None
    assert found.stressed.worth.change == pytest.approx(-0.2, rel=1e-3)
    assert found.baseline.worth is None


def test_depeg_at_many_moments_is_counted_at_its_worth_too(
    config: Config, source: Source, tmp_path: Path
) -> None:
    idle = override(config, {"policy.sizing.fraction": 1e-6})
    fall = Scenario(name="fall", about="", effects=(Depeg(low=0.8),))
    (found,) = run_stress(idle, source, [fall], tmp_path, _quiet, n_moments=2).stressed
    for moment in found.moments:
        assert moment.during.change == pytest.approx(-0.2, rel=1e-3)
        assert moment.unstressed.change == pytest.approx(0.0, abs=1e-3)


def test_depeg_of_one_of_two_currencies_costs_what_is_held_in_it(
    config: Config, mixed: Source, tmp_path: Path
) -> None:
    idle = override(config, {"policy.sizing.fraction": 1e-6, "quote_currency": "USD"})
    fall = Scenario(name="fall", about="", effects=(Depeg(low=0.8, currency="USDT"),))
    (found,) = run_stress(idle, mixed, [fall], tmp_path, _quiet, n_moments=1).stressed
    # half of the money is at the venue whose pair is quoted in it
    assert found.stressed.final_worth == pytest.approx(9_000.0, rel=1e-3)
    assert found.moments[0].during.change == pytest.approx(-0.1, rel=1e-2)


def test_routed_orders_under_stress_run_in_the_tier_that_knows_routes(
    config: Config, twins: Source, tmp_path: Path
) -> None:
    routed = override(
        config,
        {"routes": {"A-USDT-PERP.X": {"strategy": "best_price", "instruments": ["A-USDT-PERP.Y"]}}},
    )
    outage = Scenario(
        name="one_down", about="", effects=(Outage(lasts=_WEEK, venue="Y", prices="shown"),)
    )
    crash = Scenario(name="crash", about="", effects=(Shock(size=-0.2),))
    study = run_stress(
        routed, twins, [outage, crash], tmp_path, _quiet, both_tiers=True, n_moments=1
    )
    for found in study.stressed:
        assert found.parity is None
        assert found.stressed.n_fills > 0
        assert len(found.moments) == 1


def test_several_scenarios_leave_out_what_does_not_apply(
    config: Config, dollars: Source, tmp_path: Path
) -> None:
    chosen = [SCENARIOS[name] for name in ("market_crash", "stablecoin_depeg", "funding_shock")]
    study = run_stress(config, dollars, chosen, tmp_path, _quiet)
    assert [each.scenario.name for each in study.stressed] == ["market_crash"]
    assert list(study.skipped) == ["stablecoin_depeg", "funding_shock"]


def test_only_scenario_that_does_not_apply_is_an_error(
    config: Config, dollars: Source, tmp_path: Path
) -> None:
    with pytest.raises(DoesNotApply, match="only perpetuals pay funding"):
        run_stress(config, dollars, [SCENARIOS["funding_shock"]], tmp_path, _quiet)


def test_folder_that_holds_something_is_refused(
    config: Config, source: Source, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ConfigError, match="not empty; choose another folder with --out"):
        _study(config, source, tmp_path, Shock(size=-0.1))


def test_result_as_json_holds_both_runs_and_their_difference(
    config: Config, source: Source, tmp_path: Path
) -> None:
    (found,) = _study(config, source, tmp_path, Shock(size=-0.1, over=_DAY)).stressed
    plain = found.to_dict()
    difference = plain["stressed"]["final_equity"] - plain["baseline"]["final_equity"]
    assert plain["difference"]["final_equity"] == pytest.approx(difference)
    for run in ("baseline", "stressed"):
        earned = plain[run]["final_equity"] - 10_000.0
        assert sum(plain[run]["components"].values()) == pytest.approx(earned, abs=1e-8)
    assert plain["scenario"]["effects"][0]["shock"]["over"] == "1d"
    odd = replace(found, stressed=replace(found.stressed, fees=float("nan")))
    assert odd.to_dict()["stressed"]["fees"] is None
