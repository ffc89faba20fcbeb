"""What exchanges show of an instrument before it is traded."""

from __future__ import annotations

import math

import pytest

from tutti.adapters.venues.by_ccxt.tickers import Quote
from tutti.app.live_market import refuse_untraded
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId

_BTC = InstrumentId("BTC-USDT", "BINANCE")
_NONE = math.nan


def _quote(bid: float, day_volume: float) -> Quote:
    return Quote(
        heard_at=1, best_at=1, bid=bid, ask=_NONE, last=_NONE, bid_size=_NONE, ask_size=_NONE,
        day_volume=day_volume,
    )  # fmt: skip


@pytest.mark.parametrize("bid", [0.0, _NONE])
def test_instrument_without_quote_and_volume_is_refused(bid: float) -> None:
    with pytest.raises(ConfigError, match=r"BTC-USDT\.BINANCE: nobody trades it"):
        refuse_untraded(_BTC, _quote(bid, 0.0))


@pytest.mark.parametrize(("bid", "volume"), [(100.0, 0.0), (_NONE, 5.0), (_NONE, _NONE)])
def test_instrument_that_may_be_traded_is_not_refused(bid: float, volume: float) -> None:
    refuse_untraded(_BTC, _quote(bid, volume))
