"""Files to one block: names, ranges, timeframes, repair, the union of times."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.adapters.feeds.bars import merge, read_bars
from tutti.adapters.feeds.findings import Code
from tutti.adapters.feeds.series import BarSeries
from tutti.kernel.clock import DAY, HOUR, SECOND
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.adapters.feeds.conftest import BarWriter, Hourly

_START = 1_704_067_200 * SECOND


def test_one_file_becomes_a_block_with_its_hash(write_bars: BarWriter, hourly: Hourly) -> None:
    path = write_bars("ohlcv/kraken/BTC-USD_1h.csv", hourly(4))
    data = read_bars([path])
    assert data.instruments == (InstrumentId("BTC-USD", "KRAKEN"),)
    assert data.block.ts.tolist() == [_START + i * HOUR for i in range(4)]
    assert data.block.step == HOUR
    assert data.block.open[:, 0].tolist() == [100.0, 101.0, 102.0, 100.0]
    assert data.block.volume[:, 0].tolist() == [10.0, 11.0, 12.0, 13.0]
    assert (data.block.funding == 0.0).all()
    (file,) = data.files
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (file.path, file.rows, file.dropped, file.timeframe) == (str(path), 4, 0, "1h")
    assert (data.findings, data.dropped_rows) == ((), 0)


def test_several_instruments_are_merged_on_the_union_of_times(
    write_bars: BarWriter, hourly: Hourly
) -> None:
    first = write_bars("ohlcv/a/BTC-USD_1h.csv", hourly(4))
    second = write_bars("ohlcv/b/ETH-USD_1h.csv", hourly(3, first=3, price=50.0))
    block = read_bars([first, second]).block
    assert block.ts.tolist() == [_START + i * HOUR for i in range(6)]
    assert np.isnan(block.close[:, 0]).tolist() == [False] * 4 + [True] * 2
    assert np.isnan(block.volume[:, 1]).tolist() == [True] * 3 + [False] * 3
    assert block.close[3].tolist() == [101.0, 51.0]


def test_daily_bar_is_known_a_day_after_its_stamp(write_bars: BarWriter) -> None:
    rows = [[f"2024-01-{day:02d}", 1, 2, 1, 2, 5] for day in range(1, 8)]
    block = read_bars([write_bars("spy_1d.csv", rows, "Date,Open,High,Low,Close,Volume")]).block
    assert block.step == DAY
    assert block.known_at[0] == block.ts[0] + DAY


def test_timeframe_is_read_off_the_rows_where_the_name_has_none(
    write_bars: BarWriter, hourly: Hourly
) -> None:
    data = read_bars([write_bars("prices.csv", hourly(4))])
    assert data.block.step == HOUR
    assert str(data.instruments[0]) == "prices.LOCAL"


def test_one_row_shows_no_timeframe(write_bars: BarWriter, hourly: Hourly) -> None:
    path = write_bars("prices.csv", hourly(1))
    with pytest.raises(ConfigError, match="one row shows no timeframe"):
        read_bars([path])
    assert len(read_bars([path], timeframe="4h").block) == 1


@pytest.mark.parametrize("name", ["x_1m.csv", "x_1d.csv"])
def test_name_that_the_rows_deny_is_refused(
    write_bars: BarWriter, hourly: Hourly, name: str
) -> None:
    with pytest.raises(DataError, match="bars are 1h apart, the name says 1"):
        read_bars([write_bars(name, hourly(8))])


def test_asked_timeframe_that_the_rows_deny_is_refused(
    write_bars: BarWriter, hourly: Hourly
) -> None:
    with pytest.raises(DataError, match="bars are 1h apart, the asked for are 5m"):
        read_bars([write_bars("x.csv", hourly(8))], timeframe="5m")


def test_rows_out_of_order_are_called_that_and_not_another_timeframe(
    write_bars: BarWriter, hourly: Hourly
) -> None:
    rows = hourly(40)
    path = write_bars("X_1h.csv", rows[::2] + rows[1::2])
    with pytest.raises(DataError, match="timestamp earlier than the row before"):
        read_bars([path])


def test_several_timeframes_need_a_choice(write_bars: BarWriter, hourly: Hourly) -> None:
    hour = write_bars("ohlcv/a/BTC_1h.csv", hourly(4))
    day = write_bars("ohlcv/a/BTC_1d.csv", hourly(200)[::24])
    with pytest.raises(ConfigError, match=r"1h \(1 file\), 1d \(1 file\); choose .* --timeframe"):
        read_bars([hour, day])
    assert read_bars([hour, day], timeframe="1d").block.step == DAY
    with pytest.raises(ConfigError, match="no file of timeframe 5m"):
        read_bars([hour, day], timeframe="5m")


def test_timeframes_that_only_the_rows_show_need_a_choice_too(
    write_bars: BarWriter, hourly: Hourly
) -> None:
    paths = [write_bars("a.csv", hourly(4)), write_bars("b.csv", hourly(200)[::24])]
    with pytest.raises(ConfigError, match="several timeframes"):
        read_bars(paths)


def test_range_takes_its_start_and_leaves_its_end(write_bars: BarWriter, hourly: Hourly) -> None:
    path = write_bars("x_1h.csv", hourly(10))
    block = read_bars([path], start=_START + 2 * HOUR, end=_START + 5 * HOUR).block
    assert block.ts.tolist() == [_START + i * HOUR for i in (2, 3, 4)]
    assert len(read_bars([path], start=0, end=2**62).block) == 10


def test_range_without_bars_is_refused_with_what_there_is(
    write_bars: BarWriter, hourly: Hourly
) -> None:
    path = write_bars("x_1h.csv", hourly(10))
    with pytest.raises(ConfigError, match=r"2024-01-01T00.* to 2024-01-01T09"):
        read_bars([path], start=_START + 20 * HOUR)


def test_instrument_without_bars_in_the_range_is_left_out_and_reported(
    write_bars: BarWriter, hourly: Hourly
) -> None:
    early = write_bars("ohlcv/a/BTC_1h.csv", hourly(4))
    late = write_bars("ohlcv/a/ETH_1h.csv", hourly(4, first=10))
    data = read_bars([early, late], end=_START + 4 * HOUR)
    assert [str(each) for each in data.instruments] == ["BTC.A"]
    assert [finding.code for finding in data.findings] == [Code.NO_BARS]
    assert [file.rows for file in data.files] == [4, 0]


def test_impossible_rows_outside_the_range_do_not_matter(
    write_bars: BarWriter, hourly: Hourly
) -> None:
    rows = hourly(10)
    rows[1][1] = -5
    path = write_bars("x_1h.csv", rows)
    with pytest.raises(DataError, match=r"x_1h.csv, row 2: price of zero or less"):
        read_bars([path])
    assert len(read_bars([path], start=_START + 5 * HOUR).block) == 5


def test_repair_drops_and_counts(write_bars: BarWriter, hourly: Hourly) -> None:
    rows = hourly(10)
    rows[1][1] = -5
    data = read_bars([write_bars("x_1h.csv", [*rows, rows[-1]])], repair=True)
    assert (data.dropped_rows, data.files[0].dropped, data.files[0].rows) == (2, 2, 9)
    assert [f.code for f in data.findings] == [
        Code.NOT_POSITIVE,
        Code.DUPLICATE_TIMESTAMP,
        Code.GAPS,
    ]


def test_pieces_of_one_instrument_are_joined_in_time(write_bars: BarWriter, hourly: Hourly) -> None:
    later = write_bars("BTC_1h_2025.csv", hourly(3, first=4))
    earlier = write_bars("BTC_1h_2024.csv", hourly(4))
    data = read_bars([later, earlier])
    assert data.block.ts.tolist() == [_START + i * HOUR for i in range(7)]
    assert [file.rows for file in data.files] == [3, 4]


def test_pieces_that_overlap_are_refused(write_bars: BarWriter, hourly: Hourly) -> None:
    one = write_bars("BTC_1h_a.csv", hourly(4))
    two = write_bars("BTC_1h_b.csv", hourly(4, first=3))
    with pytest.raises(ConfigError, match=r"both hold BTC.LOCAL at 2024-01-01T03.*name only one"):
        read_bars([one, two])


def test_file_without_any_timestamp_is_refused(write_bars: BarWriter) -> None:
    path = write_bars("x_1h.csv", [["", 1, 1, 1, 1, 1]])
    with pytest.raises(DataError, match="no row has a timestamp"):
        read_bars([path], repair=True)


def test_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    # an administrator may read it all the same
    path = tmp_path / "x_1h.csv"
    path.write_text("ts,open,high,low,close,volume\n")
    path.chmod(0)
    try:
        path.read_bytes()
    except PermissionError:
        with pytest.raises(DataError, match="can't be read"):
            read_bars([path])
    else:
        with pytest.raises(DataError, match="has no rows"):
            read_bars([path])


def test_feeds_that_repeat_each_other_are_reported(write_bars: BarWriter, hourly: Hourly) -> None:
    rows = hourly(200)
    for n, row in enumerate(rows):
        row[4] = f"{100 + n / 100:.2f}"
    paths = [write_bars(f"ohlcv/{venue}/BTC-USD_1h.csv", rows) for venue in ("a", "b")]
    (finding,) = read_bars(paths).findings
    assert finding.code is Code.DUPLICATE_FEED
    assert finding.file == str(paths[1])


def _moving(hourly: Hourly) -> list[list[object]]:
    rows = hourly(200)
    for n, row in enumerate(rows):
        row[4] = f"{100 + n / 100:.2f}"
    return rows


def test_loose_file_is_compared_with_bars_nearby(write_bars: BarWriter, hourly: Hourly) -> None:
    write_bars("ohlcv/coinbase/BTC-USD_1h.csv", _moving(hourly))
    write_bars("ohlcv/bitstamp/BTC-USD_1h.csv", hourly(200, price=120.0))
    write_bars("ohlcv/kraken/BTC-USD_1h.csv", [["broken"]])
    loose = write_bars("loose/bitfinex_BTC-USD_1h.csv", _moving(hourly))
    (finding,) = read_bars([loose]).findings
    assert finding.code is Code.DUPLICATE_FEED
    assert "BTC-USD.COINBASE" in finding.message
    copy = write_bars("loose/coinbase_BTC-USD_1h.csv", _moving(hourly))
    assert read_bars([copy]).findings == ()
    false = write_bars("loose/bitstamp_BTC-USD_1h.csv", hourly(200, price=110.0))
    assert [f.code for f in read_bars([false]).findings] == [Code.DIFFERENT_MARKET]


def test_given_reference_is_compared_wherever_it_lies(
    write_bars: BarWriter, hourly: Hourly
) -> None:
    reference = write_bars("far/ohlcv/coinbase/BTC-USD_1h.csv", _moving(hourly))
    hours = write_bars("far/ohlcv/coinbase/BTC-USD_5h.csv", _moving(hourly)[::5])
    mine = write_bars("ohlcv/bitfinex/BTC-USD_1h.csv", _moving(hourly))
    assert read_bars([mine]).findings == ()
    (finding,) = read_bars([mine], references=[reference, hours]).findings
    assert finding.code is Code.DUPLICATE_FEED
    late = read_bars([mine], references=[reference], start=_START + 199 * HOUR)
    assert late.findings == ()


@given(
    st.lists(
        st.lists(st.integers(min_value=0, max_value=40), min_size=1, max_size=25, unique=True),
        min_size=1,
        max_size=4,
    )
)
def test_any_series_merged_keep_every_bar_and_add_none(hours: list[list[int]]) -> None:
    series = []
    for n, each in enumerate(hours):
        ts = np.array(sorted(each)) * HOUR
        values = ts / HOUR + 100.0 * n + 1.0
        series.append(
            BarSeries(
                instrument=InstrumentId(f"C{n}", "X"),
                file=f"{n}",
                step=HOUR,
                row=np.arange(1, len(ts) + 1),
                ts=ts,
                **dict.fromkeys(("open", "high", "low", "close", "volume"), values),
            )
        )
    block = merge(series)
    assert block.ts.tolist() == sorted({h * HOUR for h in itertools.chain(*hours)})
    for n, one in enumerate(series):
        there = ~np.isnan(block.close[:, n])
        assert np.array_equal(block.ts[there], one.ts)
        assert np.array_equal(block.volume[there, n], one.volume)
