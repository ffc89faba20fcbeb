"""No text or reading is seen before it was known: poison the future, and nothing changes."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tutti.adapters.stores.point_in_time import StoredReadings, StoredTexts
from tutti.adapters.stores.point_in_time.rows import READING, TEXT
from tutti.model.instrument import InstrumentId

_BTC = InstrumentId.parse("BTC-USDT.BINANCE")
_TIMES = st.integers(0, 12)

_TEXTS = st.lists(
    st.tuples(_TIMES, st.sampled_from("abc"), st.sampled_from(["up", "down"]),
              st.sampled_from(["BTC", "ETH", ""]), st.sampled_from(["news", "social"])),
    max_size=12,
)  # fmt: skip
_READINGS = st.lists(
    st.tuples(_TIMES, st.integers(0, 12), st.sampled_from("xy"), st.floats(-2, 2),
              st.sampled_from(["BTC", "ETH", ""])),
    max_size=12,
)  # fmt: skip


def _texts(rows: list[tuple[int, str, str, str, str]]) -> StoredTexts:
    frame = pl.DataFrame(
        [
            {"id": name, "symbol": symbol, "kind": kind, "source": "s", "title": title, "text": "",
             "url": "", "ts": 0, "known_at": known_at}
            for known_at, name, title, symbol, kind in rows
        ],
        schema=TEXT,
    )  # fmt: skip
    return StoredTexts(frame)


def _readings(rows: list[tuple[int, int, str, float, str]]) -> StoredReadings:
    frame = pl.DataFrame(
        [
            {"symbol": symbol, "kind": "macro", "source": "s", "name": name, "value": value,
             "ts": ts, "known_at": known_at}
            for known_at, ts, name, value, symbol in rows
        ],
        schema=READING,
    )  # fmt: skip
    return StoredReadings(frame)


@given(past=_TEXTS, future=_TEXTS, until=_TIMES, since=_TIMES)
def test_texts_of_the_future_change_nothing(
    past: list[Any], future: list[Any], until: int, since: int
) -> None:
    known = [row for row in past if row[0] <= until]
    poison = [(until + 1 + row[0], *row[1:]) for row in future]
    seen = _texts(known + poison).texts(_BTC, since - 1, until)
    assert seen == _texts(known).texts(_BTC, since - 1, until)
    assert all(since - 1 < each.known_at <= until for each in seen)
    assert list(seen) == sorted(seen, key=lambda each: (-each.known_at, each.id))


@given(past=_READINGS, future=_READINGS, until=_TIMES)
def test_readings_of_the_future_change_nothing(
    past: list[Any], future: list[Any], until: int
) -> None:
    known = [row for row in past if row[0] <= until]
    poison = [(until + 1 + row[0], *row[1:]) for row in future]
    seen = _readings(known + poison).readings(_BTC, until)
    assert seen == _readings(known).readings(_BTC, until)
    assert all(each.known_at <= until for each in seen)
    assert len({(each.source, each.name, each.instrument) for each in seen}) == len(seen)


@given(rows=_READINGS, until=_TIMES)
def test_reading_is_of_the_newest_period_known_as_last_corrected(
    rows: list[Any], until: int
) -> None:
    for reading in _readings(rows).readings(_BTC, until):
        mine = [
            row for row in rows
            if row[0] <= until and row[2] == reading.name
            and row[4] == ("" if reading.instrument is None else "BTC")
        ]  # fmt: skip
        newest = max(row[1] for row in mine)
        last = max(row[0] for row in mine if row[1] == newest)
        values = [row[3] for row in mine if row[1] == newest and row[0] == last]
        assert reading.value in values
