"""Markets that a service follows give the same ticks wherever they are taken up."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from tutti.app.backtest import Source
from tutti.app.config import Config, override
from tutti.app.feed import MadeUpMarket, Market, in_columns, made_up, recorded
from tutti.kernel.clock import HOUR
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.universe.instruments import SAMPLE_BARS

_START = 1_704_067_200_000_000_000
_CONFIG = override(
    Config(),
    {"feed.tick_s": 3600, "feed.simulated.symbols": ["BTC-USDT-PERP.SIM", "NEW-USDT.SIM"]},
)


def _whole(bars: int) -> MadeUpMarket:
    market = made_up(_CONFIG, _START)
    assert market.history(_START + bars * HOUR) is not None
    return market


@pytest.fixture
def reference() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    block = made_up(_CONFIG, _START).history(_START + 500 * HOUR)
    assert block is not None
    return np.stack([block.open, block.close, block.volume])


@pytest.mark.parametrize("bars", [0, 1, SAMPLE_BARS - 1, SAMPLE_BARS, SAMPLE_BARS + 1, 300])
def test_made_up_market_gives_the_same_bars_wherever_it_is_taken_up(
    reference: np.ndarray[tuple[int, ...], np.dtype[np.float64]], bars: int
) -> None:
    market = made_up(_CONFIG, _START)
    known = market.history(_START + bars * HOUR + HOUR // 2)
    ticks = list(islice(market.ticks(), 150))
    blocks = [*([] if known is None else [known]), *ticks]
    assert (known is None) is (bars == 0)
    assert {len(tick) for tick in ticks} == {1}
    sides = [np.concatenate([getattr(block, side) for block in blocks])
             for side in ("open", "close", "volume")]  # fmt: skip
    np.testing.assert_array_equal(np.stack(sides), reference[:, : bars + 150])
    stamps = np.concatenate([block.ts for block in blocks])
    np.testing.assert_array_equal(stamps, _START + HOUR * np.arange(bars + 150))


def test_made_up_market_shows_its_steps_before_it_begins() -> None:
    before, after = made_up(_CONFIG, _START), _whole(300)
    np.testing.assert_array_equal(before.sample().close, after.sample().close)
    assert len(before.sample()) == SAMPLE_BARS


def test_moment_before_the_start_has_no_history() -> None:
    assert made_up(_CONFIG, _START).history(_START - 5 * HOUR) is None


def test_recorded_market_goes_on_after_what_is_known() -> None:
    block = _whole(300).sample()
    market: Market = recorded(Source(block=block, files=(), findings=()))
    assert (market.start, market.step, market.files) == (_START, HOUR, ())
    known = market.history(_START + 40 * HOUR)
    assert known is not None
    assert len(known) == 40
    ticks = list(market.ticks())
    assert len(ticks) == SAMPLE_BARS - 40
    assert int(ticks[0].ts[0]) == _START + 40 * HOUR
    assert market.history(_START) is None
    assert len(list(market.ticks())) == SAMPLE_BARS
    assert market.sample() is block


def test_recorded_market_without_bars_is_refused() -> None:
    source = Source(block=_whole(300).sample().rows(0, 0), files=(), findings=())
    with pytest.raises(ConfigError, match="no bar to replay"):
        recorded(source)


def test_instrument_of_a_list_of_symbols_has_the_same_bars_whoever_else_is_on_it() -> None:
    def bars(*symbols: str) -> MadeUpMarket:
        given = {"feed.symbols": "symbols.yaml", "feed.simulated.symbols": list(symbols)}
        return made_up(override(_CONFIG, given), _START)

    several = bars("BTC-USDT-PERP.SIM", "ETH-USDT-PERP.SIM", "ETH-USDT-PERP.OTHER")
    block = several.history(_START + 300 * HOUR)
    alone = bars("ETH-USDT-PERP.SIM").history(_START + 300 * HOUR)
    assert block is not None
    assert alone is not None
    for name in ("open", "high", "low", "close", "volume"):
        sides = getattr(block, name)
        np.testing.assert_array_equal(sides[:, 1], getattr(alone, name)[:, 0])
        np.testing.assert_array_equal(sides[:, 1], sides[:, 2])
    moves = np.diff(np.log(block.close), axis=0)
    assert 0.4 < np.corrcoef(moves[:, 0], moves[:, 1])[0, 1] < 0.8


def test_block_over_other_columns_has_nothing_where_it_had_none() -> None:
    block = made_up(_CONFIG, _START).sample()
    first, second = block.instruments
    new = InstrumentId("X", "SIM")
    turned = in_columns(block, (second, new))
    assert turned.instruments == (second, new)
    np.testing.assert_array_equal(turned.close[:, 0], block.close[:, 1])
    assert np.isnan(turned.close[:, 1]).all()
    assert not turned.funding[:, 1].any()
    np.testing.assert_array_equal(
        in_columns(turned, (first, second)).close[:, 1], block.close[:, 1]
    )
