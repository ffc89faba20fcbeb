"""Sends candles as they grow and when they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tutti.testing.exchanges.candle import Candle
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing

_QUIET_NS = 2_000_000_000


class SendCandle(Protocol):
    """How a session words a candle and sends it."""

    def __call__(
        self, listing: Listing, interval: str, row: Candle, *, is_closed: bool, now: int
    ) -> None:
        """Send one."""
        ...


class _Growing:
    __slots__ = ("interval", "is_touched", "listing", "sent_at", "start", "step")

    def __init__(self, listing: Listing, interval: str, step: int, now: int) -> None:
        self.listing = listing
        self.interval = interval
        self.step = step
        self.start = now - now % step
        self.is_touched = True
        self.sent_at = 0


class CandleFeed:
    """Candles that one connection subscribed to.

    Parameters
    ----------
    place : Marketplace
        Whose tapes.
    send : callable
        Told of each candle that changed, at most once a beat, and of each that ended.
    """

    def __init__(self, place: Marketplace, send: SendCandle) -> None:
        self._place = place
        self._send = send
        self._growing: dict[tuple[str, str], _Growing] = {}

    def set(self, listing: Listing, interval: str, step: int, *, is_wanted: bool) -> None:
        """Begin or cease to send a listing's candles of ``step`` ns, which the venue calls so."""
        self._growing.pop((listing.name, interval), None)
        if is_wanted:
            now = self._place.now()
            self._growing[listing.name, interval] = _Growing(listing, interval, step, now)

    def touch(self, listing: Listing) -> None:
        """Note that a listing traded."""
        for (name, _), each in self._growing.items():
            if name == listing.name:
                each.is_touched = True

    def beat(self, ts: int) -> None:
        """Send what is due."""
        for each in self._growing.values():
            while each.start + each.step <= ts:
                self._tell(each, ts, is_closed=True)
                each.start += each.step
                each.is_touched = True
            if each.is_touched or ts - each.sent_at >= _QUIET_NS:
                self._tell(each, ts, is_closed=False)

    def _tell(self, each: _Growing, ts: int, *, is_closed: bool) -> None:
        tape = self._place.tapes[each.listing.name]
        rows = tape.candles(each.step, each.start, each.start + each.step, fills_gaps=True)
        if rows:
            self._send(each.listing, each.interval, rows[0], is_closed=is_closed, now=ts)
        each.is_touched = False
        each.sent_at = ts
