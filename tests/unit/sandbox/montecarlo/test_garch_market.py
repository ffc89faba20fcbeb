"""Markets drawn from the fitted model resemble the recording in what the model is about."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.kernel.clock import HOUR
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.sandbox.montecarlo.garch_market import GarchMarket
from tutti.sandbox.montecarlo.resample import Recording

_START = 1_704_067_200_000_000_000


def _recording(count: int = 4000) -> Recording:
    rng = np.random.default_rng(4)
    common = rng.normal(0.0, 0.006, (count, 1))
    moves = common + rng.normal(0.0, 0.006, (count, 2))
    moves[1000::500] -= 0.15
    close = 100.0 * np.exp(np.cumsum(moves, axis=0))
    opened = np.vstack([[[100.0, 100.0]], close[:-1]])
    wick = np.exp(np.abs(rng.normal(0.0, 0.004, close.shape)))
    return Recording(
        MarketBlock(
            instruments=(InstrumentId("A-USDT-PERP", "X"), InstrumentId("B-USDT-PERP", "X")),
            ts=_START + HOUR * np.arange(count, dtype=np.int64),
            step=HOUR,
            open=opened,
            high=np.maximum(opened, close) * wick,
            low=np.minimum(opened, close) / wick,
            close=close,
            volume=1e6 / close,
            funding=np.zeros(close.shape),
        )
    )


def test_market_has_the_volatility_correlation_and_jumps_of_the_recording() -> None:
    recording = _recording()
    model = GarchMarket(recording)
    assert model.jump_rate == pytest.approx(6 / 4000, abs=1e-3)
    assert (model.jumps < -0.1).all(axis=1).sum() == 6
    assert model.correlation[0, 1] == pytest.approx(0.5, abs=0.05)
    made = np.vstack([part.close for part in model.market(np.random.default_rng(1), 700)])
    moves = np.diff(np.log(made), axis=0)
    calm = (np.abs(moves) < 0.06).all(axis=1)
    assert np.std(moves[calm], axis=0) == pytest.approx([0.0085, 0.0085], rel=0.1)
    assert np.corrcoef(moves[calm].T)[0, 1] == pytest.approx(0.5, abs=0.06)
    together = (moves < -0.1).all(axis=1).sum()
    assert 1 <= together <= 14
    assert together == (moves < -0.1).any(axis=1).sum()


def test_market_bars_are_possible_and_trade_as_much_as_recorded() -> None:
    for part in GarchMarket(_recording()).market(np.random.default_rng(2), 1500):
        assert (part.high >= np.maximum(part.open, part.close)).all()
        assert (part.low <= np.minimum(part.open, part.close)).all()
        np.testing.assert_allclose(part.volume * part.close, 1e6)


def test_market_of_one_seed_is_the_same_again() -> None:
    model = GarchMarket(_recording())
    first, again = (
        [part.close.copy() for part in model.market(np.random.default_rng(3), 4000)]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


def test_market_of_instruments_that_never_trade_together_is_uncorrelated() -> None:
    recording = _recording()
    block = recording.block
    for name in ("open", "high", "low", "close", "volume"):
        getattr(block, name)[:2000, 0] = np.nan
        getattr(block, name)[2000:, 1] = np.nan
    np.testing.assert_array_equal(GarchMarket(Recording(block)).correlation, np.eye(2))
