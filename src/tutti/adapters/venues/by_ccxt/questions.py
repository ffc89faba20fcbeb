"""Asks a venue what it knows: of one order, by every way that there is, and of the account."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.adapters.venues.by_ccxt.contracts import decimal_of
from tutti.adapters.venues.by_ccxt.reading import (
    contracts_cost,
    fill_of,
    filled_of,
    positions_of,
    report_of,
    spot_of,
    total_of,
    unrealised,
)
from tutti.adapters.venues.by_ccxt.translate import says_unknown
from tutti.execution.port import VenueOrderReport
from tutti.model.errors import VenueError
from tutti.model.instrument import InstrumentId
from tutti.model.order import OrderFilled, OrderStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tutti.adapters.venues.by_ccxt.contracts import Contract
    from tutti.adapters.venues.by_ccxt.dialect import Dialect
    from tutti.adapters.venues.by_ccxt.reading import Tracked
    from tutti.kernel.clock import Clock
    from tutti.model.instrument import Instrument

_MILLISECOND = 1_000_000
_BEFORE_MS = 60_000  # clocks differ
_PAGE = 500
_SMALLEST_PAGE = 50  # with fewer than the least that any venue shows, there are no more
_MOST_PAGES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Positions (signed base units) and cash by currency, as a venue tells them."""

    positions: dict[InstrumentId, Decimal]
    balances: dict[str, Decimal]


class Questions:
    """What can be asked of one venue; nothing here changes anything there.

    Parameters
    ----------
    client : ccxt client
        With keys.
    dialect : Dialect
    contracts : mapping of InstrumentId to Contract
    instruments : mapping of InstrumentId to Instrument
        Their fees stand in where the venue does not tell one.
    clock : Clock
        Its time stands in where the venue does not tell one.
    """

    def __init__(
        self,
        client: Any,
        dialect: Dialect,
        contracts: Mapping[InstrumentId, Contract],
        instruments: Mapping[InstrumentId, Instrument],
        clock: Clock,
    ) -> None:
        self._client = client
        self._dialect = dialect
        self._contracts = contracts
        self._by_symbol = {each.symbol: each for each in contracts.values()}
        self._instruments = instruments
        self._clock = clock
        self._worth: dict[tuple[str, str], Decimal] = {}

    def follow(self, contracts: Mapping[InstrumentId, Contract]) -> None:
        """Ask about more contracts, which are among those of this venue by now."""
        self._by_symbol |= {each.symbol: each for each in contracts.values()}

    def leave(self, instruments: Collection[InstrumentId]) -> None:
        """Ask about some instruments no more."""
        self._by_symbol = {
            symbol: each for symbol, each in self._by_symbol.items() if each.id not in instruments
        }

    async def look(self, tracked: Tracked, now: int) -> VenueOrderReport | None:
        """Return what the venue knows of an order; None when no way of looking finds it.

        It is asked for by its client order id, then looked for among the open orders, the closed
        ones, and the trades.

        Parameters
        ----------
        now : int
            ns UTC.

        Raises
        ------
        Exception
            Of ccxt, if one of the questions can't be answered: then nothing is known.
        """
        order = await self._by_id(tracked)
        if order is None:
            order = await self._among_open(tracked)
        if order is None:
            order = await self._among_closed(tracked)
        if order is not None:
            tracked.venue_order_id = tracked.venue_order_id or str(order.get("id") or "")
            fills = await self._fills(tracked, order)
            return report_of(order, fills, tracked, now)
        if not tracked.venue_order_id:
            return None
        fills = await self._fills(tracked, None)
        if not fills:
            return None
        filled = sum((each.quantity for each in fills), Decimal(0))
        return VenueOrderReport(
            order_id=tracked.order_id,
            venue_order_id=tracked.venue_order_id,
            # it is not open and not told as closed: what its trades show is what there was of it
            status=OrderStatus.FILLED if filled >= tracked.quantity else OrderStatus.CANCELLED,
            filled=filled,
            fills=fills,
            ts=max(each.ts for each in fills),
            detail="known by its trades only",
        )

    async def holdings(self, currencies: Iterable[str]) -> Holdings:
        """Return what the account holds.

        Notes
        -----
        The cash of a perpetual account is its wallet less what the open contracts cost, as in
        ``Book.cash``.
        """
        balance = await self._client.fetch_balance()
        spot = [each for each in self._contracts.values() if self._is_spot(each)]
        positions = spot_of(balance, spot)
        balances = {currency: total_of(balance, currency) for currency in currencies}
        if len(spot) < len(self._contracts):
            told: Sequence[Mapping[str, Any]] = await self._client.fetch_positions(
                [each.symbol for each in self._contracts.values() if not self._is_spot(each)]
            )
            positions |= positions_of(told, self._by_symbol)
            quotes = {each.quote for each in self._contracts.values() if not self._is_spot(each)}
            for quote in quotes:
                mine = [each for each in told if self._quote_of(each) == quote]
                gain = unrealised(mine) if self._dialect.total_is_equity else Decimal(0)
                cost = contracts_cost(mine, self._by_symbol)
                balances[quote] = total_of(balance, quote) - cost - gain
        return Holdings(positions=positions, balances=balances)

    def fill(self, trade: Mapping[str, Any], tracked: Tracked) -> OrderFilled | None:
        """Return an execution of ours, its fee in quote currency."""
        rate = self._instruments[tracked.contract.id].taker_fee
        now = self._clock.now()
        return fill_of(trade, tracked, rate, lambda a, b: self._worth.get((a, b)), now)

    async def learn_worth(self) -> None:
        """Ask what the coin that fees may be paid in is worth in each of our quote currencies."""
        currency = self._dialect.fee_coin
        if not currency:
            return
        for quote in {each.quote for each in self._contracts.values()}:
            symbols = (f"{currency}/{quote}", f"{currency}/{quote}:{quote}")
            symbol = next((each for each in symbols if each in self._client.markets), "")
            if not symbol:
                continue
            ticker = await self._client.fetch_ticker(symbol)
            price = decimal_of(ticker.get("last") or ticker.get("close"))
            if price is not None:
                self._worth[currency, quote] = price

    # ---- the ways to an order ----

    async def _by_id(self, tracked: Tracked) -> Mapping[str, Any] | None:
        dialect, client = self._dialect, self._client
        symbol = tracked.contract.symbol
        try:
            if tracked.venue_order_id and client.has.get("fetchOrder"):
                order: Mapping[str, Any] = await client.fetch_order(tracked.venue_order_id, symbol)
            elif dialect.finds_by_client_id:
                # the id goes both ways: some look at the argument, some at the parameter
                order = await client.fetch_order(
                    tracked.client_id, symbol, {"clientOrderId": tracked.client_id}
                )
            else:
                return None
        except Exception as error:
            if says_unknown(error):
                return None
            raise
        return order

    async def _among_open(self, tracked: Tracked) -> Mapping[str, Any] | None:
        params = self._filter(tracked)
        found = await self._client.fetch_open_orders(tracked.contract.symbol, None, None, params)
        return self._mine(found, tracked)

    async def _among_closed(self, tracked: Tracked) -> Mapping[str, Any] | None:
        client, params = self._client, self._filter(tracked)
        has = client.has
        # "emulated" ones fetch all orders and leave the open ones out
        name = "fetch_closed_orders" if has.get("fetchClosedOrders") else "fetch_orders"
        if not has.get("fetchClosedOrders") and not has.get("fetchOrders"):
            return None
        order = await self._on_pages(getattr(client, name), tracked, params)
        if order is None and has.get("fetchCanceledOrders") is True:
            order = await self._on_pages(client.fetch_canceled_orders, tracked, {})
        return order

    async def _on_pages(
        self, ask: Callable[..., Any], tracked: Tracked, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Look through the orders since this one was sent, page by page, newest first."""
        symbol, since, until = tracked.contract.symbol, self._since(tracked), 0
        for _ in range(_MOST_PAGES):
            more = {"until": until} if until else {}
            found = await ask(symbol, since, _PAGE, {**params, **more})
            order = self._mine(found, tracked)
            oldest = min((int(each.get("timestamp") or 0) for each in found), default=0)
            if order is not None or len(found) < _PAGE:
                return order
            if not oldest or oldest == until:
                break
            until = oldest
        # what was not looked through may hold it: nobody may say that it does not exist
        raise VenueError(
            f"more orders of {symbol} than can be looked through", venue=self._dialect.venue
        )

    async def _fills(
        self, tracked: Tracked, order: Mapping[str, Any] | None
    ) -> tuple[OrderFilled, ...]:
        if order is not None and not filled_of(order, tracked):
            return ()
        given = [] if order is None else list(order.get("trades") or ())
        fills = self._fills_in(given, tracked)
        if order is not None and sum(each.quantity for each in fills) == filled_of(order, tracked):
            return fills
        if not self._dialect.trade_filter and not self._client.has.get("fetchMyTrades"):
            return fills
        return await self._traded(tracked, None if order is None else filled_of(order, tracked))

    async def _traded(self, tracked: Tracked, filled: Decimal | None) -> tuple[OrderFilled, ...]:
        """Return the executions of an order: those on the first page, and on more while some miss."""
        dialect, venue_id = self._dialect, tracked.venue_order_id
        symbol: str | None = tracked.contract.symbol
        since: int | None = self._since(tracked)
        params: dict[str, Any] = {}
        if dialect.trade_filter:
            since, params = None, {dialect.trade_filter: venue_id}
        elif dialect.more_trades is not None:
            symbol = None  # what is skipped is counted over all symbols
        fills: tuple[OrderFilled, ...] = ()
        known: dict[str, Mapping[str, Any]] = {}
        more: dict[str, Any] = {}
        for _ in range(_MOST_PAGES):
            page = await self._client.fetch_my_trades(symbol, since, _PAGE, {**params, **more})
            news = {str(each.get("id")): each for each in page} if page else {}
            is_last = len(page) < _SMALLEST_PAGE or news.keys() <= known.keys()
            known |= news
            mine = [each for each in known.values() if each.get("order") == venue_id]
            fills = self._fills_in(mine, tracked)
            if is_last or (filled is not None and sum(each.quantity for each in fills) >= filled):
                return fills
            if dialect.more_trades is not None:
                more = dialect.more_trades(tuple(known.values()))
            else:
                more = {"until": min(int(each.get("timestamp") or 0) for each in known.values())}
        return fills

    def _fills_in(
        self, trades: Iterable[Mapping[str, Any]], tracked: Tracked
    ) -> tuple[OrderFilled, ...]:
        found = (self.fill(each, tracked) for each in trades)
        return tuple(each for each in found if each is not None)

    def _filter(self, tracked: Tracked) -> dict[str, Any]:
        name = self._dialect.scan_filter
        return {name: tracked.client_id} if name else {}

    def _mine(
        self, orders: Iterable[Mapping[str, Any]], tracked: Tracked
    ) -> Mapping[str, Any] | None:
        for each in orders:
            if self._is(each, tracked.client_id) or (
                tracked.venue_order_id and each.get("id") == tracked.venue_order_id
            ):
                return each
        return None

    def _is(self, order: Mapping[str, Any], client_id: str) -> bool:
        told = order.get("clientOrderId")
        return told is not None and str(told).lower() == client_id.lower()

    def _is_spot(self, contract: Contract) -> bool:
        return not self._instruments[contract.id].is_perpetual

    def _quote_of(self, position: Mapping[str, Any]) -> str:
        # of a contract that is not traded here: ccxt writes BASE/QUOTE:SETTLED
        return str(position.get("symbol")).rpartition(":")[2]

    @staticmethod
    def _since(tracked: Tracked) -> int:
        return tracked.asked_at // _MILLISECOND - _BEFORE_MS
