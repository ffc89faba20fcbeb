"""A heap of files, of which none is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.adapters.feeds.conftest import HOUR, START

from tutti.adapters.feeds.audit import audit
from tutti.adapters.feeds.findings import Code
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.adapters.feeds.conftest import BarWriter, Walk


def _rows(closes: list[float], step_s: int = 3600) -> list[list[object]]:
    first = START // 1_000_000_000
    return [
        [first + t * step_s, close, close * 1.001, close * 0.999, close, 10 + t % 7]
        for t, close in enumerate(closes)
    ]


def test_clean_file_has_no_finding(write_bars: BarWriter, walk: Walk) -> None:
    path = write_bars("BTC-USDT_1h.csv", _rows(walk(100).tolist()))
    found = audit([path])
    assert found.findings == ()
    assert [(each.file.rows, each.first, each.last) for each in found.files] == [
        (100, START, START + 99 * HOUR)
    ]


def test_impossible_rows_are_told_and_the_rest_is_checked(
    write_bars: BarWriter, walk: Walk
) -> None:
    rows = _rows(walk(100).tolist())
    rows[40][2] = 1.0
    found = audit([write_bars("BTC-USDT_1h.csv", rows)])
    (finding,) = (f for f in found.findings if f.code is Code.HIGH_BELOW_LOW)
    assert finding.measures["share"] == 0.01
    assert found.files[0].file.dropped == 1


def test_file_that_is_broken_is_a_finding_and_no_end(
    write_bars: BarWriter, walk: Walk, tmp_path: Path
) -> None:
    good = write_bars("BTC-USDT_1h.csv", _rows(walk(100).tolist()))
    broken = tmp_path / "ETH-USDT_1h.parquet"
    broken.write_bytes(b"PAR1 and nothing else")
    found = audit([good, broken])
    assert [(f.code, f.file) for f in found.findings] == [(Code.UNREADABLE, str(broken))]
    assert "can't be read as Parquet" in found.findings[0].message
    assert len(found.files) == 1


def test_table_of_something_else_is_passed_over(
    write_bars: BarWriter, walk: Walk, tmp_path: Path
) -> None:
    write_bars("BTC-USDT_1h.csv", _rows(walk(100).tolist()))
    rates = write_bars("rates.csv", [[START // 10**9, 0.0001]], header="ts,rate")
    found = audit([tmp_path])
    assert found.passed_over == (str(rates),)
    assert found.findings == ()


def test_nothing_but_other_tables_is_an_error(write_bars: BarWriter) -> None:
    rates = write_bars("rates.csv", [[START // 10**9, 0.0001]], header="ts,rate")
    with pytest.raises(ConfigError, match="none of 1 files holds bars"):
        audit([rates])


def test_timeframes_are_checked_apart(write_bars: BarWriter, walk: Walk) -> None:
    hours = write_bars("BTC-USDT_1h.csv", _rows(walk(100).tolist()))
    minutes = write_bars("BTC-USDT_1m.csv", _rows(walk(100).tolist(), step_s=60))
    assert audit([hours, minutes]).findings == ()
    assert [each.file.timeframe for each in audit([hours, minutes], timeframe="1m").files] == ["1m"]


def test_two_files_with_the_same_bars_are_a_finding(write_bars: BarWriter, walk: Walk) -> None:
    rows = _rows(walk(100).tolist())
    first = write_bars("a/BTC-USDT_1h.csv", rows[:60])
    second = write_bars("b/BTC-USDT_1h.csv", rows[50:])
    found = audit([first, second])
    (finding,) = (f for f in found.findings if f.code is Code.SAME_BARS_TWICE)
    assert finding.file == str(second)


def test_hole_between_two_files_of_one_instrument_is_found(
    write_bars: BarWriter, walk: Walk
) -> None:
    rows = _rows(walk(100).tolist())
    first = write_bars("a/BTC-USDT_1h.csv", rows[:40])
    second = write_bars("b/BTC-USDT_1h.csv", rows[60:])
    (finding,) = audit([first, second]).findings
    assert finding.code is Code.GAPS
    assert finding.measures["longest_s"] == 20 * 3600.0


def test_market_under_two_names_is_an_alias_at_one_venue_and_a_duplicate_at_two(
    write_bars: BarWriter, walk: Walk
) -> None:
    rows = _rows(walk(200).tolist())
    names = ("coinbase/BTC-USD", "coinbase/BTC-USDC", "kraken/BTC-USD")
    found = audit([write_bars(f"ohlcv/{name}_1h.csv", rows) for name in names])
    assert {f.file.split("/")[-2]: f.code for f in found.findings} == {
        "coinbase": Code.ALIAS,
        "kraken": Code.DUPLICATE_FEED,
    }


def test_range_without_bars_leaves_the_file_out(write_bars: BarWriter, walk: Walk) -> None:
    path = write_bars("BTC-USDT_1h.csv", _rows(walk(100).tolist()))
    found = audit([path], start=START + 1000 * HOUR)
    assert [f.code for f in found.findings] == [Code.NO_BARS]
    assert found.files[0].first == 0
