"""Funding that a venue paid or took, told once each, as soon as the venue shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from tutti.adapters.venues.by_ccxt.contracts import decimal_of
from tutti.adapters.venues.by_ccxt.translate import lineage, said
from tutti.kernel.clock import DAY, HOUR, SECOND
from tutti.model.order import FundingPaid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tutti.adapters.venues.by_ccxt.contracts import Contract
    from tutti.model.instrument import InstrumentId

_log = structlog.stdlib.get_logger(__name__)

_MILLISECOND = 1_000_000
_AFTER_THE_HOUR_NS = 600 * SECOND
_OFTEN_NS = 30 * SECOND
_SELDOM_NS = 900 * SECOND
_KEEP = 10_000
_DAY_MS = 86_400_000
_SMALLEST_PAGE = 50  # with fewer than the least that any venue shows, there are no more
_MOST_PAGES = 100


class Funding:
    """Asks for the payments of an account: often after a full hour, when they fall, else seldom.

    Parameters
    ----------
    client : ccxt client
        With keys.
    contracts : mapping of InstrumentId to Contract
        What is traded there now; it may change.
    since : int
        ns UTC; what was paid up to then is not this account's.
    secrets : tuple of str
        What must appear in no log.
    page : int
        Payments to ask for at once; 0 for as many as the venue shows by itself.
    booked : collection of (InstrumentId, int)
        Payments that an earlier process booked, by contract and time (ns UTC).

    Notes
    -----
    A payment is known by its contract and its time: some venues give all of them the same id. Those
    of one instant may be shown one after the other, with a restart in between; what is older than
    a day before the newest that is booked is told no more.
    """

    def __init__(
        self,
        client: Any,
        contracts: Mapping[InstrumentId, Contract],
        since: int,
        secrets: tuple[str, ...] = (),
        page: int = 0,
        *,
        booked: Collection[tuple[InstrumentId, int]] = (),
    ) -> None:
        self._client = client
        self._contracts = contracts
        newest = max((ts for _, ts in booked), default=0)
        self._since = max(since, newest - DAY)
        self._secrets = secrets
        self._page = page
        self._asked_at = 0
        self._newest_ms = newest // _MILLISECOND
        self._told: dict[tuple[InstrumentId, int], None] = dict.fromkeys(booked)

    async def news(self, now: int) -> list[FundingPaid]:
        """Return the payments that were not told yet, oldest first; none where it isn't time to ask.

        Parameters
        ----------
        now : int
            ns UTC.
        """
        if not self._is_due(now):
            return []
        self._asked_at = now
        try:
            paid = await self._ask()
            # all of it can be read, or none of it counts as told
            read = {(each.instrument, each.ts): each for each in map(self._read, paid) if each}
        except Exception as error:  # noqa: BLE001 - it is asked again; cash is compared anyway
            _log.info("no word of funding", why=said(error, self._secrets))
            return []
        found = sorted(read.values(), key=lambda each: each.ts)
        self._told |= dict.fromkeys(read)
        if found:
            self._newest_ms = max(self._newest_ms, found[-1].ts // _MILLISECOND)
        while len(self._told) > _KEEP:
            del self._told[next(iter(self._told))]
        return found

    def _is_due(self, now: int) -> bool:
        if not any(each.is_perpetual for each in self._contracts.values()):
            return False
        if not self._client.has.get("fetchFundingHistory"):
            return False
        hour = now // HOUR * HOUR
        pause = _OFTEN_NS if now - hour < _AFTER_THE_HOUR_NS else _SELDOM_NS
        return self._asked_at < hour or now - self._asked_at >= pause

    async def _ask(self) -> list[Mapping[str, Any]]:
        try:
            return await self._pages(None)
        except Exception as error:
            if "ArgumentsRequired" not in lineage(error):
                raise
        found: list[Mapping[str, Any]] = []
        for each in list(self._contracts.values()):
            if each.is_perpetual:
                found += await self._pages(each.symbol)
        return found

    async def _pages(self, symbol: str | None) -> list[Mapping[str, Any]]:
        # what a venue shows late is shown within a day of the newest that is known
        since = max(self._since // _MILLISECOND, self._newest_ms - _DAY_MS)
        found: dict[tuple[str, int], Mapping[str, Any]] = {}
        for _ in range(_MOST_PAGES):
            paid = await self._client.fetch_funding_history(symbol, since, self._page or None)
            news = {(str(each.get("symbol")), _stamp(each)): each for each in paid}
            is_last = len(paid) < _SMALLEST_PAGE or news.keys() <= found.keys()
            found |= news
            if is_last:
                break
            since = max(stamp for _, stamp in found)
        return list(found.values())

    def _read(self, told: Mapping[str, Any]) -> FundingPaid | None:
        symbol = str(told.get("symbol"))
        contract = next((c for c in self._contracts.values() if c.symbol == symbol), None)
        amount = decimal_of(told.get("amount"))
        ts = _stamp(told) * _MILLISECOND
        if contract is None or amount is None or ts <= self._since:
            return None
        if (contract.id, ts) in self._told:
            return None
        if told.get("code") not in (None, contract.quote):
            return None  # in a coin that is no cash here
        # the rate is the market's; what is booked is what the venue says it paid
        return FundingPaid(instrument=contract.id, ts=ts, rate=0.0, amount=amount)


def _stamp(told: Mapping[str, Any]) -> int:
    return int(told.get("timestamp") or 0)
