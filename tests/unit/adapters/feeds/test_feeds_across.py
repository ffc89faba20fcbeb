"""One market under two names, another market under one name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.adapters.feeds.across import check_across, check_against, likeness
from tutti.adapters.feeds.findings import Code

if TYPE_CHECKING:
    from tests.unit.adapters.feeds.conftest import SeriesMaker, Walk


def test_independent_series_are_not_alike(make_series: SeriesMaker, walk: Walk) -> None:
    series = [make_series(walk(400, seed=n), name=f"C{n}.X", file=f"{n}.csv") for n in range(6)]
    assert check_across(series) == []
    assert likeness(series[0], series[1]).equal < 0.1


def test_series_under_another_name_is_found_once_and_names_the_first(
    make_series: SeriesMaker,
    walk: Walk,
) -> None:
    first = make_series(walk(400), name="BTC-USD.A", file="a.csv")
    other = make_series(walk(400, seed=5), name="ETH-USD.A", file="e.csv")
    twin = make_series(walk(400), name="BTC-USDC.B", file="b.csv")
    again = make_series(walk(400), name="BTC-USDT.C", file="c.csv")
    findings = check_across([first, other, twin, again])
    assert [(f.code, f.file) for f in findings] == [
        (Code.DUPLICATE_FEED, "b.csv"),
        (Code.DUPLICATE_FEED, "c.csv"),
    ]
    assert "100.0% of 400 bars equal those of BTC-USD.A (a.csv)" in findings[0].message


def test_series_in_another_unit_is_a_duplicate_with_its_factor(
    make_series: SeriesMaker, walk: Walk
) -> None:
    base = make_series(walk(400), name="PEPE.A", file="a.csv")
    scaled = make_series(
        base.close * 1000.0,
        name="kPEPE.A",
        file="k.csv",
        open=base.open * 1000.0,
        high=base.high * 1000.0,
        low=base.low * 1000.0,
    )
    (finding,) = check_across([base, scaled])
    assert "times 1000" in finding.message


def test_copy_with_a_few_changed_or_missing_bars_is_still_found(
    make_series: SeriesMaker, walk: Walk
) -> None:
    first = make_series(walk(1000), name="A.A", file="a.csv")
    twin = make_series(walk(1000), name="B.B", file="b.csv")
    twin.close[::50] *= 1.001
    kept = np.delete(np.arange(1000), np.arange(100, 300))
    assert len(check_across([first, twin.take(kept)])) == 1


def test_series_that_barely_overlap_are_not_compared(make_series: SeriesMaker, walk: Walk) -> None:
    series = make_series(walk(400))
    early, late = series.take(slice(0, 210)), series.take(slice(200, 400))
    assert likeness(early, late).n_bars == 10
    assert check_across([early, late]) == []


def test_stablecoins_at_one_price_are_not_called_duplicates(make_series: SeriesMaker) -> None:
    one = np.ones(400)
    series = [
        make_series(one, name=f"{name}.A", open=one, high=one, low=one) for name in ("USDC", "USDT")
    ]
    assert check_across(series) == []


def test_single_series_has_nothing_to_compare_with(make_series: SeriesMaker, walk: Walk) -> None:
    assert check_across([make_series(walk(100))]) == []


def test_other_market_under_a_name_is_told_by_basis_grid_and_volume(
    make_series: SeriesMaker,
    walk: Walk,
) -> None:
    contract = make_series(np.round(walk(400, start=1000.0), 1), name="BTC-PERP.A", file="ref.csv")
    spot = make_series(np.round(contract.close * 1.0004, 2), name="btc.LOCAL", file="mine.csv")
    spot.volume[:] = contract.volume / 8.0
    (finding,) = check_against(spot, contract)
    assert finding.code is Code.DIFFERENT_MARKET
    assert finding.file == "mine.csv"
    assert "100.0% of 400 closes differ from ref.csv (closes 4" in finding.message
    assert "a price step of 0.01 against a price step of 0.1" in finding.message
    assert "0.12 times its volume" in finding.message


def test_same_market_as_its_reference_gives_nothing(make_series: SeriesMaker, walk: Walk) -> None:
    assert check_against(make_series(walk(400)), make_series(walk(400))) == []


def test_reference_without_volume_or_grid_is_compared_by_price_alone(
    make_series: SeriesMaker,
    walk: Walk,
) -> None:
    reference = make_series(walk(400) / 3.0, volume=np.zeros(400))
    (finding,) = check_against(make_series(np.round(walk(400) / 3.0, 2) + 1.0), reference)
    assert "no price step" in finding.message
    assert "volume" not in finding.message
