"""A comparison shows what differs, says how much is equal, and where runs part ways."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.unit.sandbox.test_report import Page

from tutti.kernel.clock import HOUR
from tutti.sandbox.differences import Comparison, Section, compare, flat, to_dict
from tutti.sandbox.differences_page import render_differences, write_differences

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import ResultMaker


def section(found: Comparison, name: str) -> Section:
    return next(each for each in found.sections if each.name == name)


def keys(found: Comparison, name: str) -> list[str]:
    return [row.key for row in section(found, name).differing]


def test_comparison_of_a_run_with_itself_has_no_difference(make_result: ResultMaker) -> None:
    result = make_result()
    found = compare([("a", result), ("b", result)])
    assert not any(each.differing for each in found.sections)
    (against,) = found.against
    assert against.parting is None
    assert against.parting_fill == len(result.fills)
    assert against.correlation == pytest.approx(1.0)
    assert against.difference_bps is not None
    assert against.difference_bps.value == 0.0


def test_comparison_shows_only_settings_that_differ(make_result: ResultMaker) -> None:
    first = {"seed": 7, "policy": {"name": "ema_cross", "fast": 5}, "agents": []}
    second = {
        "seed": 7,
        "policy": {"name": "ema_cross", "fast": 9},
        "agents": [{"name": "vpin", "weight": 2.0}],
    }
    found = compare(
        [(str(k), make_result(configuration=each)) for k, each in enumerate((first, second))]
    )
    assert keys(found, "Configuration") == ["policy.fast", "agents.vpin.weight"]
    fast, weight = section(found, "Configuration").differing
    assert (fast.values, fast.told) == ((5, 9), ("5", "9"))
    assert (weight.values, weight.told) == ((None, 2.0), ("-", "2.0"))
    assert len(section(found, "Configuration").equal) == 2


def test_settings_of_named_things_do_not_depend_on_their_order() -> None:
    first = [{"name": "a", "weight": 1}, {"name": "b", "weight": 2}]
    assert flat({"agents": first}) == {"agents.a.weight": 1, "agents.b.weight": 2}
    twice = [{"name": "a"}, {"name": "a"}]
    assert flat({"agents": twice, "pairs": [[1, 2]], "none": {}}) == {
        "agents": twice,
        "pairs": [[1, 2]],
        "none": {},
    }


def test_results_mark_the_best_only_where_one_value_is_better(make_result: ResultMaker) -> None:
    low, high = make_result(seed=1), make_result(seed=2)
    found = compare([("a", low), ("b", high)])
    rows = {row.key: row for row in section(found, "Results").rows}
    better = int(high.final_equity > low.final_equity)
    assert rows["final_equity"].best == rows["total_return"].best == better
    drawdowns = [each.metrics["max_drawdown"] for each in (low, high)]
    assert rows["max_drawdown"].best == int(np.argmin(drawdowns))
    assert rows["n_fills"].best is None
    assert rows["hit_rate"].best is None  # the same for both


def test_results_that_are_no_number_are_alike(make_result: ResultMaker) -> None:
    changed: dict[str, Any] = {"metrics": {"sharpe": math.nan}}
    found = compare([("a", make_result(**changed)), ("b", make_result(**changed))])
    row = next(row for row in section(found, "Results").rows if row.key == "sharpe")
    assert not row.differs
    assert row.values == (None, None)


def test_honest_figures_are_compared_by_name(make_result: ResultMaker) -> None:
    first = make_result(honest={"dsr": 0.5, "n_trials": 3, "verdict": "so so"})
    second = make_result(honest={"dsr": None, "n_trials": 4, "verdict": "none"})
    rows = {row.key: row for row in compare([("a", first), ("b", second)]).sections[0].rows}
    assert rows["dsr"].told == ("0.5", "-")
    assert rows["n_trials"].values == (3.0, 4.0)
    assert "verdict" not in rows


def test_data_that_differs_is_named(make_result: ResultMaker) -> None:
    first = make_result()
    moved = replace(first.data_files[0], path="elsewhere/data/COIN0-USDT-PERP_1h.parquet")
    other = replace(first.data_files[0], sha256="99" * 32)
    assert keys(compare([("a", first), ("b", replace(first, data_files=(moved,)))]), "Data") == []
    found = compare([("a", first), ("b", replace(first, data_files=(other,), findings=()))])
    assert keys(found, "Data") == [
        "file.data/COIN0-USDT-PERP_1h.parquet",
        "finding: COIN0-USDT-PERP_1h.parquet: 3 bars missing after 2024-01-05T07:00",
    ]
    fewer = compare([("a", first), ("b", make_result(n_instruments=2, n_bars=1500))])
    assert "instrument.COIN2-USDT-PERP.SIM" in keys(fewer, "Data")
    assert "to" in keys(fewer, "Data")


def test_first_fill_that_differs_is_told_by_both(make_result: ResultMaker) -> None:
    first = make_result()
    later = replace(first.fills[3], quantity=first.fills[3].quantity * 2)
    fills = (*first.fills[:3], later, *first.fills[4:])
    (against,) = compare([("a", first), ("b", replace(first, fills=fills))]).against
    assert against.parting_fill == 3
    assert against.parting is not None
    assert "buy" in against.parting[0] or "sell" in against.parting[0]
    assert against.parting[0] != against.parting[1]
    (ended,) = compare([("a", first), ("b", replace(first, fills=first.fills[:2]))]).against
    assert ended.parting is not None
    assert ended.parting[1] == "no further fill"


def test_paired_difference_of_a_steady_gain_is_found(make_result: ResultMaker) -> None:
    first = make_result()
    better = first.equity * np.exp(1e-5 * np.arange(len(first.ts)))
    (against,) = compare([("a", first), ("b", replace(first, equity=better))]).against
    assert against.difference_bps is not None
    assert against.difference_bps.value == pytest.approx(24 * 1e-5 * 1e4, rel=0.02)
    assert against.difference_bps.standard_error < 0.1


def test_runs_over_other_times_have_nothing_to_pair(make_result: ResultMaker) -> None:
    first = make_result(n_bars=200)
    second = replace(first, ts=first.ts + 10_000 * HOUR, closes_at=first.closes_at)
    (against,) = compare([("a", first), ("b", second)]).against
    assert against.ticks == 0
    assert against.difference_bps is None
    assert math.isnan(against.correlation)


def test_comparison_of_one_run_is_refused(make_result: ResultMaker) -> None:
    with pytest.raises(ValueError, match="two runs or more"):
        compare([("a", make_result())])


def test_json_holds_differences_and_counts_the_rest(make_result: ResultMaker) -> None:
    found = compare([("a", make_result(seed=1)), ("b", make_result(seed=2))])
    document = to_dict(found)
    json.dumps(document, allow_nan=False)
    assert document["configuration"] == {"differing": {"seed": [1, 2]}, "n_equal": 1}
    assert "hit_rate" not in document["results"]["differing"]
    assert "hit_rate" in to_dict(found, everything=True)["results"]["differing"]
    assert document["against_the_first"][0]["first_different_fill"]["number"] == 0


def test_page_is_whole_and_folds_away_what_is_equal(
    make_result: ResultMaker, tmp_path: Path
) -> None:
    runs = [(f"run<{k}>", make_result(seed=k, n_bars=600)) for k in range(3)]
    path = write_differences(compare(runs), tmp_path / "new" / "compare.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert not page.links
    for part in ("3 runs compared", "run<2>", "more that are equal", "Against run<0>", "fill 1:"):
        assert part in page.text


def test_page_warns_where_settings_and_data_both_differ(make_result: ResultMaker) -> None:
    first = make_result(n_bars=600)
    other = replace(make_result(seed=2, n_bars=600), data_files=())
    text = Page(render_differences(compare([("a", first), ("b", other)]))).text
    assert "neither explains the result alone" in text
    same = Page(render_differences(compare([("a", first), ("b", first)]))).text
    assert "Nothing that went in differs" in same
    assert "All ended at" in same


def test_page_of_runs_over_other_times_draws_both(make_result: ResultMaker) -> None:
    first = make_result(n_bars=300)
    second = replace(first, ts=first.ts + 400 * HOUR)
    page = render_differences(compare([("a", first), ("b", second)]))
    assert page.count('<g class="line run1"') == 4  # two charts and their legends
