"""Order books of one venue, kept current by ccxt and read only when somebody wants to know.

ccxt applies each update as it comes (with the venue's checksums). Waking a task for each would cost
more than applying it, so nobody waits for updates: a book is read when an order is routed, and its
age is looked at once a second.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

from tutti.adapters.venues.by_ccxt.lanes import LANE, Lane
from tutti.adapters.venues.by_ccxt.subscriptions import Subscriptions
from tutti.adapters.venues.by_ccxt.translate import lineage
from tutti.execution.router.offers import Ladder
from tutti.kernel.clock import SECOND
from tutti.kernel.retry import Backoff
from tutti.model.order import Side

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from tutti.adapters.venues.by_ccxt.contracts import Contract
    from tutti.adapters.venues.by_ccxt.tasks import Tasks
    from tutti.kernel.clock import Clock
    from tutti.model.instrument import InstrumentId

_log = structlog.stdlib.get_logger(__name__)

_MILLISECOND = 1_000_000
_LOOK_S = 1.0
_NO_OFFERS = Ladder(np.empty(0), np.empty(0))


class Books:
    """Follows the books of some instruments of a venue.

    Parameters
    ----------
    client : ccxt client
    contracts : mapping of InstrumentId to Contract
        Those to follow.
    clock : Clock
    random : Generator
        Jitter of pauses.
    tasks : Tasks
        Owner of the streams.
    levels : int
        Best levels of each side that a ladder shows.
    max_age_s : float
        A book older than this, by the exchange's time where it tells one, is no book.
    together : int
        Symbols in one subscription.
    """

    def __init__(  # noqa: PLR0913 - the parts it joins
        self,
        client: Any,
        contracts: Mapping[InstrumentId, Contract],
        *,
        clock: Clock,
        random: np.random.Generator,
        tasks: Tasks,
        levels: int = 20,
        max_age_s: float = 10.0,
        together: int = 50,
    ) -> None:
        self._client = client
        self._contracts = dict(contracts)
        self._clock = clock
        self._random = random
        self._subscriptions = Subscriptions(tasks, together)
        self._levels = levels
        self._max_age = round(max_age_s * SECOND)
        self._backoff = Backoff(first_s=0.5, longest_s=30.0, jitter=0.5)
        self._seen: dict[str, tuple[object, int]] = {}

    def start(self) -> None:
        """Begin to follow the books."""
        self._begin([each.symbol for each in self._contracts.values()])

    def follow(self, contracts: Mapping[InstrumentId, Contract]) -> None:
        """Follow more books, beside those that are followed."""
        self._contracts |= contracts
        self._begin([each.symbol for each in contracts.values()])

    def leave(self, instruments: Iterable[InstrumentId]) -> None:
        """Follow some books no more; the others are not disturbed."""
        gone = {self._contracts.pop(each).symbol for each in instruments}
        for left in self._subscriptions.leave(gone):
            self._begin(left)

    def _begin(self, symbols: Sequence[str]) -> None:
        client, has = self._client, self._client.has
        if has.get("watchOrderBookForSymbols"):
            for group in self._subscriptions.groups(symbols):
                self._run(partial(client.watch_order_book_for_symbols, group), group)
        elif has.get("watchOrderBook"):
            for symbol in symbols:
                self._run(partial(client.watch_order_book, symbol), [symbol])

    def _run(self, watch: Callable[[], Awaitable[Any]], group: list[str]) -> None:
        self._subscriptions.run(group, self._follow(watch, group))

    def ladder(self, instrument: InstrumentId, side: Side) -> Ladder | None:
        """Return the side of the book that an order takes, best price first.

        None for an instrument that isn't followed; empty where its book is too old.
        """
        contract = self._contracts.get(instrument)
        if contract is None:
            return None
        book = self._client.orderbooks.get(contract.symbol)
        if book is None or self.age_ns(instrument) > self._max_age:
            return _NO_OFFERS
        levels = book["asks" if side is Side.BUY else "bids"][: self._levels]
        if not levels:
            return _NO_OFFERS
        # some tell a time or a count beside price and size
        both = np.array([(each[0], each[1]) for each in levels], np.float64).T
        return Ladder(both[0].copy(), both[1] * float(contract.size))

    def age_ns(self, instrument: InstrumentId) -> int:
        """Return how old an instrument's book is, ns; very old where there is none."""
        symbol = self._contracts[instrument].symbol
        book = self._client.orderbooks.get(symbol)
        if book is None:
            return 1 << 62
        told = book.get("timestamp")
        heard = self._seen.get(symbol, (None, 0))[1]
        # where the exchange tells no time, the last look that found something new
        newest = max(int(told) * _MILLISECOND if told else 0, heard)
        return self._clock.now() - newest

    def oldest_ns(self) -> int:
        """Return the age of the oldest book, ns; 0 where none is followed."""
        return max((self.age_ns(each) for each in self._contracts), default=0)

    async def _follow(self, watch: Callable[[], Awaitable[Any]], group: Sequence[str]) -> None:
        LANE.set(Lane.DATA)
        failures = 0
        while True:
            try:
                async with asyncio.timeout(self._max_age / SECOND):
                    await watch()
                failures = 0
            except Exception as error:  # noqa: BLE001 - a stream is begun anew, whatever broke it
                failures += 1
                _log.info("book stream broke", venue=self._client.id, error=lineage(error)[0])
                self._forget(group)
                await asyncio.sleep(self._backoff.pause_s(failures, self._random))
                continue
            self._look(group)
            await asyncio.sleep(_LOOK_S)

    def _look(self, group: Sequence[str]) -> None:
        now = self._clock.now()
        for symbol in group:
            book = self._client.orderbooks.get(symbol)
            if book is None:
                continue
            mark = (book.get("nonce"), book.get("timestamp"), _best(book))
            if self._seen.get(symbol, (None, 0))[0] != mark:
                self._seen[symbol] = (mark, now)

    def _forget(self, group: Sequence[str]) -> None:
        # what was missed meanwhile is unknown. ccxt believes that it is still subscribed and would
        # wait for ever, so the connection goes: all that hangs on it hears, and subscribes anew
        for symbol in group:
            self._client.orderbooks.pop(symbol, None)
            self._seen.pop(symbol, None)
        for socket in list(self._client.clients.values()):
            if any(symbol in str(name) for name in socket.subscriptions for symbol in group):
                socket.on_error(ConnectionError("silent"))


def _best(book: Any) -> tuple[Any, Any]:
    bids, asks = book["bids"], book["asks"]
    return (tuple(bids[0][:2]) if bids else None, tuple(asks[0][:2]) if asks else None)
