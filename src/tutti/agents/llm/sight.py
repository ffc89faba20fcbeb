"""What an agent tells a model of names, times and prices: all of it, unless it is blinded."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from tutti.kernel.clock import SECOND

if TYPE_CHECKING:
    from tutti.model.instrument import InstrumentId


class Sight(Protocol):
    """Puts what is known into the words that go into a prompt."""

    is_blind: bool

    def asset(self, instrument: InstrumentId) -> str:
        """Return what an instrument is called."""
        ...

    def clock(self, ts: int) -> int:
        """Return the instant that a call says it is about, ns."""
        ...

    def instant(self, ts: int) -> str:
        """Return an instant, ns UTC, in words."""
        ...

    def close(self, price: float) -> str:
        """Return the last close in words."""
        ...

    def text(self, text: str, *, as_of: int, close: float = math.nan) -> str:
        """Return a text as it may be shown at an instant, given the last close."""
        ...

    def said(self, text: str, *, as_of: int) -> str:
        """Return what a model said, as it may be kept."""
        ...

    def value(self, name: str, value: float) -> float:
        """Return a figure as it may be shown."""
        ...

    def feature(self, value: float) -> str:
        """Return a feature as it may be shown."""
        ...

    def publisher(self, name: str) -> str:
        """Return what a publisher is called."""
        ...

    def source(self, source: str) -> str:
        """Return the id under which an opinion names a text or a reading."""
        ...


class Unblinded:
    """Shows everything as it is."""

    is_blind = False

    def asset(self, instrument: InstrumentId) -> str:
        """Return the symbol, and the asset where the symbol holds more than it."""
        asset = asset_of(instrument)
        return asset if asset == instrument.symbol else f"{asset} ({instrument.symbol})"

    def clock(self, ts: int) -> int:
        """Return the instant itself."""
        return ts

    def instant(self, ts: int) -> str:
        """Return date and time, UTC."""
        return f"{datetime.fromtimestamp(ts // SECOND, UTC):%Y-%m-%d %H:%M} UTC"

    def close(self, price: float) -> str:
        """Return the price."""
        return "not known" if math.isnan(price) else f"{price:.8g}"

    def text(self, text: str, *, as_of: int, close: float = math.nan) -> str:  # noqa: ARG002
        """Return the text itself."""
        return text

    def said(self, text: str, *, as_of: int) -> str:  # noqa: ARG002
        """Return the text itself."""
        return text

    def value(self, name: str, value: float) -> float:  # noqa: ARG002
        """Return the figure itself."""
        return value

    def feature(self, value: float) -> str:
        """Return it to four digits."""
        return f"{value:.4g}"

    def publisher(self, name: str) -> str:
        """Return the name itself."""
        return name

    def source(self, source: str) -> str:
        """Return the id itself."""
        return source


def asset_of(instrument: InstrumentId) -> str:
    """Return what is traded: the symbol up to the first hyphen, ``BTC`` of ``BTC-USDT-PERP``."""
    return instrument.symbol.partition("-")[0]
