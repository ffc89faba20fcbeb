"""Funding payments from files, and onto the bars they fall in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.feeds.funding import Funding, funding_beside, read_funding, with_funding
from tutti.kernel.clock import HOUR, MINUTE, SECOND
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.adapters.feeds.conftest import BarWriter

_START = 1_704_067_200
_HEADER = "ts,rate"


def test_payments_are_read_with_instrument_and_hash(write_bars: BarWriter) -> None:
    path = write_bars(
        "funding/hyperliquid/BTC-USDC-PERP.csv", [[_START, 0.0001], [_START + 3600, -2e-5]], _HEADER
    )
    (funding,) = read_funding([path])
    assert funding.instrument == InstrumentId("BTC-USDC-PERP", "HYPERLIQUID")
    assert funding.ts.tolist() == [_START * SECOND, (_START + 3600) * SECOND]
    assert funding.rate.tolist() == [0.0001, -2e-5]
    assert funding.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert funding.dropped == 0


@pytest.mark.parametrize(
    ("stamp_ms", "seconds"),
    [(12, 0), (-12, 0), (1_040, 0), (4_600, 0), (5_600, 6), (251_100, 251)],
)
def test_jitter_of_stamps_is_rounded_away(
    write_bars: BarWriter, stamp_ms: int, seconds: int
) -> None:
    path = write_bars("x.csv", [[_START * 1000 + stamp_ms, 0.1]], "timestamp,fundingRate")
    assert read_funding([path])[0].ts.tolist() == [(_START + seconds) * SECOND]


@pytest.mark.parametrize(
    "row",
    [[_START + 7200, "nan"], [_START + 7200, 1.5], [_START + 3600, 0.1], [_START, 0.1], ["", 0.1]],
    ids=["nan", "too large", "repeated", "backward", "no time"],
)
def test_impossible_payment_is_refused_or_dropped(write_bars: BarWriter, row: list[object]) -> None:
    rows: list[list[object]] = [[_START, 0.1], [_START + 3600, 0.1], row, [_START + 10800, 0.1]]
    path = write_bars("x.csv", rows, _HEADER)
    with pytest.raises(DataError, match=r"x.csv, row 3: .* \(1 such rows\).*--repair"):
        read_funding([path])
    (funding,) = read_funding([path], repair=True)
    assert (len(funding.ts), funding.dropped) == (3, 1)


def test_funding_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_funding([tmp_path / "none.parquet"])


def _block(*hours: int) -> MarketBlock:
    shape = (len(hours), 2)
    bars = {name: np.ones(shape) for name in ("open", "high", "low", "close", "volume")}
    return MarketBlock(
        instruments=(InstrumentId("A-PERP", "X"), InstrumentId("B-PERP", "X")),
        ts=np.array(hours) * HOUR,
        step=HOUR,
        funding=np.zeros(shape),
        **bars,
    )


def _funding(name: str, *payments: tuple[int, float]) -> Funding:
    return Funding(
        instrument=InstrumentId.parse(name),
        file="f",
        sha256="",
        ts=np.array([ts for ts, _ in payments], dtype=np.int64),
        rate=np.array([rate for _, rate in payments]),
        dropped=0,
    )


def test_bar_gets_what_is_paid_after_its_start_up_to_its_end() -> None:
    payments = _funding(
        "B-PERP.X",
        (5 * HOUR, 1.0),
        (5 * HOUR + 1, 0.001),
        (5 * HOUR + 30 * MINUTE, 0.01),
        (6 * HOUR, 0.1),
        (6 * HOUR + 1, 0.5),
    )
    block = with_funding(_block(5, 6), [payments])
    assert block.funding[:, 0].tolist() == [0.0, 0.0]
    assert block.funding[:, 1] == pytest.approx([0.111, 0.5])


def test_payment_without_a_row_or_a_column_is_left_out() -> None:
    before = _block(5, 9)
    payments = [
        _funding("A-PERP.X", (HOUR, 0.1), (7 * HOUR, 0.1), (11 * HOUR, 0.1)),
        _funding("C-PERP.X", (6 * HOUR, 0.1)),
        _funding("B-PERP.X"),
    ]
    assert (with_funding(before, payments).funding == 0.0).all()
    assert (before.funding == 0.0).all()


def test_funding_adds_to_what_the_block_has() -> None:
    once = with_funding(_block(5), [_funding("A-PERP.X", (6 * HOUR, 0.25))])
    twice = with_funding(once, [_funding("A-PERP.X", (6 * HOUR, 0.25))])
    assert (once.funding[0, 0], twice.funding[0, 0]) == (0.25, 0.5)


def test_funding_files_beside_bars_are_found(write_bars: BarWriter, tmp_path: Path) -> None:
    expected = write_bars("c/funding/okx/BTC-PERP.csv", [], _HEADER)
    bars = [
        tmp_path / "c/ohlcv/okx/BTC-PERP_1h.parquet",
        tmp_path / "c/ohlcv/okx/BTC-PERP_5m.parquet",
        tmp_path / "c/ohlcv/okx/ETH-PERP_1h.parquet",
        tmp_path / "loose_1h.csv",
    ]
    assert funding_beside(bars) == [expected]


@pytest.mark.data
def test_recorded_payments_fall_on_the_bars_of_their_hours(market_data: Path) -> None:
    crypto = market_data / "crypto"
    bars = crypto / "ohlcv" / "hyperliquid" / "BTC-USDC-PERP_1h.parquet"
    (funding,) = read_funding(funding_beside([bars]))
    on_the_hour = funding.ts % HOUR == 0
    assert on_the_hour.mean() > 0.999
    whole = read_funding([crypto / "funding"])
    assert len(whole) == 35
    assert all((np.diff(each.ts) > 0).all() for each in whole)
