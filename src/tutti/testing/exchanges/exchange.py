"""One fake exchange: a marketplace, a dialect, faults and a market, ready to be served."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.kernel.clock import SECOND, LiveClock
from tutti.model.errors import ConfigError
from tutti.testing.exchanges.dialects import DIALECTS
from tutti.testing.exchanges.faults import FaultKind, FaultPlan
from tutti.testing.exchanges.market import Market
from tutti.testing.exchanges.marketplace import Marketplace
from tutti.testing.exchanges.past import Past
from tutti.testing.exchanges.values import Reason, Refused, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tutti.kernel.clock import Clock
    from tutti.testing.exchanges.dialect import Answer, Call, Routed
    from tutti.testing.exchanges.faults import Fault
    from tutti.testing.exchanges.values import Listing

_START_MONEY = Decimal(100_000)
_START_COINS = Decimal(10)
_MONEY = {"USDT", "USDC", "USD", "EUR"}


class VenueClock:
    """Clock of the venue: another, set wrong by the faults that say so."""

    def __init__(self, clock: Clock, plan: FaultPlan) -> None:
        self._clock = clock
        self._plan = plan

    def now(self) -> int:
        """Return what the venue takes for now, ns UTC."""
        return self._clock.now() + self._plan.skew_ns()

    async def sleep_until(self, ts: int) -> None:
        """Return once ``now() >= ts``."""
        await self._clock.sleep_until(ts - self._plan.skew_ns())


class FakeExchange:
    """Exchange that speaks a real one's dialect; deterministic by seed and clock.

    Parameters
    ----------
    dialect : str
        One of :data:`~tutti.testing.exchanges.dialects.DIALECTS`.
    seed : int
        Of keys, books, made-up trades and chances of faults.
    faults : iterable of Fault
        What goes wrong from the beginning.
    listings : sequence of Listing or None
        What it trades; the dialect's own choice by default.
    spot, margin : mapping of str to Decimal or None
        Balances of each account by currency; by default 100,000 of each money and 10 of each
        other currency.
    accounts : sequence of str
        Names of the clients, each with keys of its own.
    clock : Clock or None
        Its time; the wall's by default.
    limits : float
        How generous rate limits are, as a multiple of the venue's own; 0 for none.
    depth : int
        Levels of the book on each side.

    Raises
    ------
    ConfigError
        If there is no such dialect.
    """

    def __init__(  # noqa: PLR0913
        self,
        dialect: str,
        *,
        seed: int = 0,
        faults: Iterable[Fault] = (),
        listings: Sequence[Listing] | None = None,
        spot: Mapping[str, Decimal] | None = None,
        margin: Mapping[str, Decimal] | None = None,
        accounts: Sequence[str] = ("main",),
        clock: Clock | None = None,
        limits: float = 1.0,
        depth: int = 50,
    ) -> None:
        kind = DIALECTS.get(dialect)
        if kind is None:
            raise ConfigError(f"no dialect {dialect!r}; there are {', '.join(sorted(DIALECTS))}")
        self.name = dialect
        generator = np.random.default_rng(seed)
        terms = kind.terms
        listed = list(terms.listings() if listings is None else listings)
        money, backing = _balances(listed) if spot is None else (dict(spot), {})
        if margin is not None:
            backing = dict(margin)
        self.plan = FaultPlan(faults, np.random.default_rng([seed, 1]))
        self.clock = VenueClock(clock or LiveClock(), self.plan)
        self.marketplace = Marketplace(
            listed,
            [terms.account(each, generator, money, backing) for each in accounts],
            self.clock,
            first_id=1_000_000 + int(generator.integers(1_000_000)),
            reuses_client_ids=terms.reuses_client_ids,
        )
        for tape in self.marketplace.tapes.values():
            walk = int(generator.integers(2**63))
            tape.past = Past(tape.listing, self.clock.now(), walk)
        self.market = Market(self.marketplace, np.random.default_rng([seed, 2]), depth=depth)
        self.market.open()
        self.dialect = kind.make(self.marketplace, limits)
        self.n_requests: dict[str, int] = {}

    async def sleep(self, seconds: float) -> None:
        """Wait by the exchange's clock."""
        await self.clock.sleep_until(self.clock.now() + int(seconds * SECOND))

    # ---- requests ----

    def route(self, call: Call) -> Routed:
        """Understand a request and count it.

        Raises
        ------
        Refused
            If there is no such endpoint.
        """
        routed = self.dialect.route(call)
        self.n_requests[routed.where] = self.n_requests.get(routed.where, 0) + 1
        return routed

    def answer(self, call: Call, routed: Routed, faults: Sequence[Fault]) -> Answer:
        """Do what was asked, or refuse as the venue would."""
        self.marketplace.pass_time()
        for fault in faults:
            if fault.kind is FaultKind.STATUS:
                return self.dialect.fail(fault.status, fault.retry_after_s)
            if fault.kind is FaultKind.RATE_LIMIT:
                wait = fault.retry_after_s or 1.0
                return self.dialect.refuse(
                    call, Refused(Reason.TOO_MANY_REQUESTS, "on command", retry_after_s=wait)
                )
            if fault.kind is FaultKind.REFUSE:
                return self.dialect.refuse(call, Refused(Reason(fault.reason), "on command"))
        known = len(self.marketplace.orders)
        try:
            answer = routed.run()
        except Refused as refused:
            answer = self.dialect.refuse(call, refused)
        for fault in faults:
            if fault.kind is FaultKind.REFUSE_LATER:
                self._refuse_later(known, fault.seconds)
        return answer

    def _refuse_later(self, known: int, seconds: float) -> None:
        due = self.clock.now() + int(seconds * SECOND)
        for order in list(self.marketplace.orders.values())[known:]:
            self.marketplace.later(
                due,
                lambda order=order: self.marketplace.end(  # type: ignore[misc]
                    order, Status.REJECTED, "refused after it was accepted"
                ),
            )

    # ---- proofs ----

    def state(self) -> dict[str, Any]:
        """Return all orders ever accepted, all fills, balances and positions, for proofs."""
        place = self.marketplace
        return {
            "dialect": self.name,
            "now": place.now(),
            "orders": [order.to_dict() for order in place.orders.values()],
            "fills": [fill.to_dict() for fill in place.fills],
            "accounts": [account.to_dict() for account in place.accounts.values()],
            "requests": dict(sorted(self.n_requests.items())),
            "faults": [fault.to_dict() for fault in self.plan.faults],
            "last": {name: str(tape.last) for name, tape in place.tapes.items()},
        }


def _balances(listings: Sequence[Listing]) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    spot: dict[str, Decimal] = {}
    margin: dict[str, Decimal] = {}
    for each in listings:
        if each.is_perpetual:
            margin[each.settle] = _START_MONEY
        else:
            for currency in (each.base, each.quote):
                spot[currency] = _START_MONEY if currency in _MONEY else _START_COINS
    return spot, margin


def made_up_listings(dialect: str, count: int) -> list[Listing]:
    """Return a dialect's own listings and made-up ones, ``count`` in all, for tests of breadth.

    The made-up ones are of the kind of the dialect's first, named ``C000`` and so on, and open at
    100.

    Raises
    ------
    ConfigError
        If there is no such dialect.
    """
    if dialect not in DIALECTS:
        raise ConfigError(f"no dialect {dialect!r}; there are {', '.join(sorted(DIALECTS))}")
    own = list(DIALECTS[dialect].terms.listings())
    _, _, rest = own[0].name.partition("/")
    made_up = [
        replace(
            own[0],
            name=f"C{k:03d}/{rest}",
            price=Decimal(100),
            price_step=Decimal("0.01"),
            quantity_step=Decimal("0.01"),
            min_quantity=Decimal("0.01"),
        )
        for k in range(count - len(own))
    ]
    return own + made_up
