"""The rest of the market: lays a book around a price, moves it, and trades, by script or seed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.model.errors import ConfigError
from tutti.testing.exchanges.values import Reason, Refused, Side, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing, Order

_LEVEL_WORTH = Decimal(20_000)
_SHARES = tuple(Decimal(k) / 100 for k in range(50, 150))
_NOTHING: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
_SPACING = Decimal("0.00002")
_STEP_VOLATILITY = 0.0001
_TRADE_CHANCE = 0.5


class Market:
    """Everybody who is not a client.

    Parameters
    ----------
    marketplace : Marketplace
        Where they trade.
    generator : numpy.random.Generator
        Decides what :meth:`step` does.
    depth : int
        Levels that they keep on each side of a book.
    """

    def __init__(
        self, marketplace: Marketplace, generator: np.random.Generator, *, depth: int = 50
    ) -> None:
        self._place = marketplace
        self._depth = depth
        self._generator = generator
        self._middle: dict[str, Decimal] = {}
        self._ladders: dict[str, dict[Side, dict[Decimal, Decimal]]] = {}
        self._turn = 0

    def open(self) -> None:
        """Lay a book around the opening price of every listing."""
        for listing in self._place.listings.values():
            self.move(listing, listing.price)

    def listing(self, name: str) -> Listing:
        """Return a listing by its unified name.

        Raises
        ------
        ConfigError
            If it is not listed.
        """
        try:
            return self._place.listings[name]
        except KeyError:
            raise ConfigError(
                f"no listing {name!r}; there are {', '.join(self._place.listings)}"
            ) from None

    def move(self, listing: Listing, price: Decimal) -> None:
        """Lay the book around a price; clients' orders on the way are filled, at their prices.

        The best levels are a step away from the price, the others on a grid that stays where it
        is, so that a small move changes a few levels and not the book.
        """
        step = listing.price_step
        spacing = self._spacing(listing)
        middle = max(spacing * (self._depth + 1), (price / step).to_integral_value() * step)
        self._middle[listing.name] = middle
        below, above = middle - step, middle + step
        first_below = (below - step) // spacing
        first_above = (above + spacing) // spacing
        wanted = {
            Side.BUY: [below, *((first_below - k) * spacing for k in range(self._depth - 1))],
            Side.SELL: [above, *((first_above + k) * spacing for k in range(self._depth - 1))],
        }
        before = self._ladders.get(listing.name, _NOTHING)
        ladder: dict[Side, dict[Decimal, Decimal]] = {}
        for side, prices in wanted.items():
            known = before[side]
            ladder[side] = {each: known.get(each) or self._size(listing, each) for each in prices}
        self._ladders[listing.name] = ladder
        self._place.quote(listing, ladder[Side.BUY], ladder[Side.SELL])

    def _spacing(self, listing: Listing) -> Decimal:
        step = listing.price_step
        return max(step, (listing.price * _SPACING / step).to_integral_value() * step)

    def _size(self, listing: Listing, price: Decimal) -> Decimal:
        unit = listing.quantity_step
        share = _SHARES[int(self._generator.integers(len(_SHARES)))]
        return max(unit, (_LEVEL_WORTH * share / price / unit).to_integral_value() * unit)

    def step(self, listing: Listing) -> None:
        """Move the price a little, by chance, and sometimes trade."""
        draw = self._generator.normal(0.0, _STEP_VOLATILITY)
        middle = self._middle[listing.name]
        moved = middle + Decimal(str(round(float(middle) * draw, 12)))
        if abs(moved - middle) >= listing.price_step:
            self.move(listing, moved)
        else:
            self._touch(listing)
        if self._generator.random() < _TRADE_CHANCE:
            side = Side.BUY if self._generator.random() < 0.5 else Side.SELL  # noqa: PLR2004
            unit = listing.quantity_step
            part = Decimal(str(round(self._generator.random(), 3)))
            worth = _LEVEL_WORTH * part / middle
            quantity = max(unit, (worth / unit).to_integral_value() * unit)
            self._place.trade(listing, side, quantity)

    def step_next(self) -> None:
        """Step the listing whose turn it is."""
        names = list(self._place.listings)
        self._turn = (self._turn + 1) % len(names)
        self.step(self._place.listings[names[self._turn]])

    def _touch(self, listing: Listing) -> None:
        # one level changes its size: a quiet market still has updates
        side = Side.BUY if self._generator.random() < 0.5 else Side.SELL  # noqa: PLR2004
        levels = self._ladders[listing.name][side]
        price = list(levels)[int(self._generator.integers(len(levels)))]
        levels[price] = self._size(listing, price)
        self._place.set_level(listing, side, price, levels[price])

    def act(self, action: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the control endpoint was asked for, and say what came of it.

        ``{"do": "move", "listing", "price"}`` lays the book around a price,
        ``{"do": "trade", "listing", "side", "quantity"[, "price"]}`` takes from it,
        ``{"do": "fill", "order"[, "quantity", "price"]}`` fills a client's order (by either id),
        ``{"do": "cancel", "order"[, "status"]}`` ends one as the venue would,
        ``{"do": "book", "listing", "bids", "asks"}`` lays levels as told,
        ``{"do": "halt"|"open", "listing"}`` refuses or takes orders,
        ``{"do": "fund", "listing", "rate"}`` pays the funding of a perpetual,
        ``{"do": "step", "listing"[, "count"]}`` moves by chance.

        Raises
        ------
        ConfigError
            If the action is not understood.
        """
        does = {
            "move": self._act_move,
            "trade": self._act_trade,
            "fill": self._act_fill,
            "cancel": self._act_cancel,
            "book": self._act_book,
            "halt": self._act_halt,
            "open": self._act_halt,
            "fund": self._act_fund,
            "step": self._act_step,
        }
        what = action.get("do")
        if what not in does:
            raise ConfigError(f"no action {what!r}; there are {', '.join(does)}")
        try:
            return does[what](action)
        except KeyError as e:
            raise ConfigError(f"action {what!r} needs {e}") from e
        except (ArithmeticError, ValueError) as e:
            raise ConfigError(f"action {what!r}: {e}") from e
        except Refused as e:
            raise ConfigError(f"action {what!r}: {e}") from e

    def _act_move(self, action: Mapping[str, Any]) -> dict[str, Any]:
        self.move(self.listing(action["listing"]), Decimal(str(action["price"])))
        return {}

    def _act_trade(self, action: Mapping[str, Any]) -> dict[str, Any]:
        limit = action.get("price")
        done = self._place.trade(
            self.listing(action["listing"]),
            Side(action["side"]),
            Decimal(str(action["quantity"])),
            None if limit is None else Decimal(str(limit)),
        )
        return {"traded": str(done)}

    def _act_fill(self, action: Mapping[str, Any]) -> dict[str, Any]:
        order = self._order(str(action["order"]))
        price = action.get("price")
        quantity = Decimal(str(action.get("quantity", order.left)))
        self._place.fill(order, quantity, None if price is None else Decimal(str(price)))
        return {"filled": str(order.filled), "status": order.status}

    def _act_cancel(self, action: Mapping[str, Any]) -> dict[str, Any]:
        order = self._order(str(action["order"]))
        self._place.end(order, Status(action.get("status", "cancelled")), "by the venue")
        return {"status": order.status}

    def _act_book(self, action: Mapping[str, Any]) -> dict[str, Any]:
        sides = (
            {Decimal(str(p)): Decimal(str(q)) for p, q in action[side]} for side in ("bids", "asks")
        )
        self._place.quote(self.listing(action["listing"]), *sides)
        return {}

    def _act_halt(self, action: Mapping[str, Any]) -> dict[str, Any]:
        name = self.listing(action["listing"]).name
        (self._place.halted.add if action["do"] == "halt" else self._place.halted.discard)(name)
        return {"halted": sorted(self._place.halted)}

    def _act_fund(self, action: Mapping[str, Any]) -> dict[str, Any]:
        self._place.fund(self.listing(action["listing"]), Decimal(str(action["rate"])))
        return {}

    def _act_step(self, action: Mapping[str, Any]) -> dict[str, Any]:
        listing = self.listing(action["listing"])
        for _ in range(int(action.get("count", 1))):
            self.step(listing)
        return {"last": str(self._place.last(listing))}

    def _order(self, either: str) -> Order:
        for order in reversed(self._place.orders.values()):
            if str(order.id) == either or (order.client_id and order.client_id == either):
                return order
        raise Refused(Reason.UNKNOWN_ORDER, either)
