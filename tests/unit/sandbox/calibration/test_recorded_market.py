"""Real recordings: the replayed book is the quoted one, and the model is as good as it was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import SECOND
from tutti.model.errors import DataError
from tutti.sandbox.calibration.books import ladders
from tutti.sandbox.calibration.fit import Fit, fit
from tutti.sandbox.calibration.recording import Recording, read_recording
from tutti.sandbox.calibration.samples import bars_of
from tutti.sandbox.calibration.toxicity import read_flow, toxicity
from tutti.sandbox.calibration.verification import verify

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.data

STEP = 10 * SECOND
NAME = "binance_usdm/BTC-USDT-PERP_20240808.parquet"
OTHER_DAY = "binance_usdm/BTC-USDT-PERP_20230404-05.parquet"


def recorded(market_data: Path, name: str) -> Recording:
    return read_recording(
        *(market_data / "crypto" / kind / name for kind in ("trades", "quotes", "book"))
    )


@pytest.fixture(scope="module")
def recording(market_data: Path) -> Recording:
    return recorded(market_data, NAME)


@pytest.fixture(scope="module")
def found(recording: Recording) -> Fit:
    return fit(recording, STEP)


def test_replayed_book_has_the_quoted_best_prices(recording: Recording) -> None:
    assert recording.book is not None
    quotes, bars = recording.quotes, bars_of(recording, STEP)
    compared = list(ladders(recording.book, bars.ts))
    assert len(compared) == len(bars.ts)
    at = np.searchsorted(quotes.ts, [each.ts for each in compared], side="right") - 1
    alike = [
        each.bids[0, 0] == quotes.bid[row] and each.asks[0, 0] == quotes.ask[row]
        for each, row in zip(compared, at.tolist(), strict=True)
    ]
    assert np.mean(alike) == 1.0


def test_fit_of_a_liquid_perpetual_is_what_the_documents_say(found: Fit) -> None:
    assert found.half_spread_bps.value == pytest.approx(0.0093, abs=0.0001)
    assert found.impact_coefficient.value == pytest.approx(0.81, abs=0.01)
    assert found.impact_coefficient.standard_error == pytest.approx(0.06, abs=0.01)
    assert found.exponent.value == pytest.approx(0.61, abs=0.01)
    assert found.held_out.explained == pytest.approx(0.66, abs=0.01)
    assert found.thin == 0


def test_values_of_one_day_hold_roughly_on_another(market_data: Path, found: Fit) -> None:
    other = fit(recorded(market_data, OTHER_DAY), STEP)
    carried = verify(other.samples, found.half_spread_bps.value, found.impact_coefficient.value)
    assert carried.bias == pytest.approx(0.039, abs=0.001)
    assert carried.root_mean_square_error < carried.spread_only
    assert carried.explained > 0.2


def test_book_that_was_recorded_without_snapshot_is_refused(market_data: Path) -> None:
    with pytest.raises(DataError, match=r"BTC-USDT_20230405\.parquet: no snapshot"):
        recorded(market_data, "binance/BTC-USDT_20230405.parquet")


def test_guessed_sides_tell_little_of_true_vpin(market_data: Path) -> None:
    flow = read_flow(market_data / "crypto" / "flow" / "kraken" / "BTC-USD_1m.parquet")
    compared = toxicity(flow)
    assert compared.correlation < 0.1
    assert 0.55 < compared.side_right < 0.7
