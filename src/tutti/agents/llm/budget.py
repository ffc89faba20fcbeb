"""What an agent may spend on language models: reserved before a call, settled after it.

A reservation is the most that a call can take. So whatever comes of calls in flight, what is spent
and what is reserved together never exceed the limits, by not even one call. A call that would fit
if those in flight took less than they may waits for them.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from tutti.agents.llm.counting import at_most
from tutti.agents.llm.port import Declined, Unanswered
from tutti.kernel.clock import DAY, HOUR, iso
from tutti.model.errors import BudgetSpent, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tutti.agents.llm.port import Answer, Call, LanguageModel
    from tutti.kernel.clock import Clock

    PriceOf = Callable[[str, int, int], Decimal | None]
    """USD of a model's input and output tokens; None where its price is not known."""

_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be spent in an hour and in a day, both of UTC; None is no limit."""

    tokens_per_hour: int | None = None
    tokens_per_day: int | None = None
    usd_per_hour: Decimal | None = None
    usd_per_day: Decimal | None = None

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self.of_tokens or self.of_usd

    @property
    def of_tokens(self) -> bool:
        """Whether there is one of tokens."""
        return self.tokens_per_hour is not None or self.tokens_per_day is not None

    @property
    def of_usd(self) -> bool:
        """Whether there is one of money."""
        return self.usd_per_hour is not None or self.usd_per_day is not None


class Charges(Protocol):
    """Where what was spent is kept, so that a restart does not forget it."""

    def charge(self, agent: str, ts: int, tokens: int, usd: Decimal) -> None:
        """Add to what an agent spent at ``ts`` (ns UTC); negative where less was used."""
        ...

    def charged(self, agent: str, since: int) -> tuple[int, Decimal]:
        """Return tokens and USD that an agent spent at or after ``since`` (ns UTC)."""
        ...

    def alone(self) -> AbstractContextManager[int]:
        """Keep other processes from charging; gives a number that is new where one has charged."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a call may take at most, and when it was reserved (ns UTC)."""

    ts: int
    tokens: int
    usd: Decimal


@dataclass(slots=True)
class _Window:
    length: int
    name: str
    tokens_limit: int | None
    usd_limit: Decimal | None
    start: int = -1
    tokens: int = 0
    usd: Decimal = field(default=_NOTHING)
    # of them reserved by calls in flight
    held_tokens: int = 0
    held_usd: Decimal = field(default=_NOTHING)

    def turn(self, ts: int) -> None:
        # a clock that is set back does not open an hour again
        start = ts - ts % self.length
        if start > self.start:
            self.start = start
            self.tokens, self.usd = self.held_tokens, self.held_usd = 0, _NOTHING

    def objection(self, tokens: int, usd: Decimal) -> str:
        # without figures of the moment: equal reasons are told apart by nothing else
        if self.tokens_limit is not None and self.tokens + tokens > self.tokens_limit:
            return self._words(f"{self.tokens_limit:,} tokens", is_ever=tokens <= self.tokens_limit)
        if self.usd_limit is not None and self.usd + usd > self.usd_limit:
            return self._words(f"{_money(self.usd_limit)} USD", is_ever=usd <= self.usd_limit)
        return ""

    def _words(self, limit: str, *, is_ever: bool) -> str:
        if not is_ever:
            return f"a single call may take more than the {limit} of a whole {self.name}; raise it"
        renewed = iso(self.start + self.length)
        return f"too little is left of the {limit} of this {self.name}; it is renewed at {renewed}"

    def may_fit(self, tokens: int, usd: Decimal) -> bool:
        # once all that is in flight has ended
        spent, spent_usd = self.tokens - self.held_tokens, self.usd - self.held_usd
        return not (
            (self.tokens_limit is not None and spent + tokens > self.tokens_limit)
            or (self.usd_limit is not None and spent_usd + usd > self.usd_limit)
        )

    def hold(self, tokens: int, usd: Decimal) -> None:
        self.tokens += tokens
        self.usd += usd
        self.held_tokens += tokens
        self.held_usd += usd

    def end(self, held: Reservation, tokens: int, usd: Decimal) -> None:
        # what ends after its window has passed changes nothing any more
        if held.ts >= self.start:
            self.tokens += tokens - held.tokens
            self.usd += usd - held.usd
            self.held_tokens -= held.tokens
            self.held_usd -= held.usd


def _money(usd: Decimal) -> str:
    return f"{usd.quantize(Decimal('0.000001')).normalize():f}"


class Purse:
    """What one agent may spend, and has spent.

    Parameters
    ----------
    agent : str
    limits : Limits
    clock : Clock
        Of the wall: a provider's bill knows no other.
    charges : Charges, optional
        Where it is kept; what was spent before in this hour and day is read from it.
    """

    def __init__(
        self, agent: str, limits: Limits, *, clock: Clock, charges: Charges | None = None
    ) -> None:
        self.agent = agent
        self.limits = limits
        self._clock = clock
        self._charges = charges
        self._seen: int | None = None
        # guards the windows: agents may be asked from several threads
        self._lock = threading.Lock()
        self._waiting: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()
        self._windows = (
            _Window(HOUR, "hour", limits.tokens_per_hour, limits.usd_per_hour),
            _Window(DAY, "day", limits.tokens_per_day, limits.usd_per_day),
        )
        now = clock.now()
        for window in self._windows:
            window.turn(now)
            if charges is not None:
                window.tokens, window.usd = charges.charged(agent, window.start)

    def limit(self, limits: Limits) -> None:
        """Put other limits in place of the purse's; what was spent and is reserved stays."""
        with self._lock:
            self.limits = limits
            hour, day = self._windows
            hour.tokens_limit, hour.usd_limit = limits.tokens_per_hour, limits.usd_per_hour
            day.tokens_limit, day.usd_limit = limits.tokens_per_day, limits.usd_per_day
            self._wake()

    async def reserve(self, tokens: int, usd: Decimal) -> Reservation:
        """Set aside what a call may take at most; end it by ``settle`` or ``keep``.

        Waits as long as there may be enough left once calls in flight have ended.

        Raises
        ------
        BudgetSpent
            If that is more than is left; nothing is set aside then.
        """
        while True:
            with self._lock:
                try:
                    held = self._reserved(tokens, usd)
                except BudgetSpent:
                    self._wake()
                    raise
                if held is not None:
                    self._wake()
                    return held
                loop = asyncio.get_running_loop()
                turn: asyncio.Future[None] = loop.create_future()
                self._waiting.append((loop, turn))
            try:
                await turn
            except asyncio.CancelledError:
                with self._lock:
                    if (loop, turn) in self._waiting:
                        self._waiting.remove((loop, turn))
                    else:
                        self._wake()
                raise

    def settle(self, held: Reservation, tokens: int, usd: Decimal) -> None:
        """Put what a call took in the place of what was reserved for it."""
        with self._lock:
            if self._charges is not None and (tokens, usd) != (held.tokens, held.usd):
                self._charges.charge(self.agent, held.ts, tokens - held.tokens, usd - held.usd)
            for window in self._windows:
                window.end(held, tokens, usd)
            self._wake()

    def keep(self, held: Reservation) -> None:
        """Count all that was reserved for a call as spent."""
        self.settle(held, held.tokens, held.usd)

    def spent(self) -> dict[str, tuple[int, Decimal]]:
        """Return tokens and USD spent or reserved, of this ``hour`` and this ``day``."""
        with self._lock:
            now = self._clock.now()
            for window in self._windows:
                window.turn(now)
            return {window.name: (window.tokens, window.usd) for window in self._windows}

    def _reserved(self, tokens: int, usd: Decimal) -> Reservation | None:
        if self._charges is None:
            return self._taken(tokens, usd)
        # nobody else spends between the look at what is left and the charge
        with self._charges.alone() as seen:
            is_known, self._seen = seen == self._seen, seen
            return self._taken(tokens, usd, is_known=is_known)

    def _taken(self, tokens: int, usd: Decimal, *, is_known: bool = True) -> Reservation | None:
        now = self._clock.now()
        for window in self._windows:
            window.turn(now)
            if self._charges is not None and not is_known:
                # other processes spend from the same budget
                window.tokens, window.usd = self._charges.charged(self.agent, window.start)
        objections = [window.objection(tokens, usd) for window in self._windows]
        if objection := next(filter(None, objections), ""):
            if all(window.may_fit(tokens, usd) for window in self._windows):
                return None
            raise BudgetSpent(f"budget of {self.agent}: {objection}")
        if self._charges is not None:
            # kept before anything is sent: who is killed meanwhile has spent it
            self._charges.charge(self.agent, now, tokens, usd)
        for window in self._windows:
            window.hold(tokens, usd)
        return Reservation(ts=now, tokens=tokens, usd=usd)

    def _wake(self) -> None:
        # one at a time: it wakes the next
        if self._waiting:
            loop, turn = self._waiting.popleft()
            loop.call_soon_threadsafe(_end, turn)


def _end(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


class Budgeted:
    """Asks a model as long as there is something left to spend.

    What a call took is settled when it is known. Where it isn't, because nothing came back, nobody
    waited for it, or the answer does not say, all that was reserved counts as spent.

    Parameters
    ----------
    model : LanguageModel
        Asked once for each call: what is above may ask again and pays again.
    purse : Purse
    price_of : callable
        USD of a model's tokens.
    """

    def __init__(self, model: LanguageModel, purse: Purse, price_of: PriceOf) -> None:
        self._model = model
        self._purse = purse
        self._price_of = price_of

    async def answer(self, call: Call) -> Answer:
        """Return the model's answer.

        Raises
        ------
        BudgetSpent
            If it could cost more than is left, or money is limited and has no price to go by.
        ModelError
            If the model gives none.
        """
        most = at_most(call)
        usd = self._price_of(call.model, most, call.max_output_tokens)
        if usd is None and self._purse.limits.of_usd:
            raise BudgetSpent(
                f"budget of {self._purse.agent}: limits USD, and the price of {call.model} is not "
                "known; set input_usd_per_million and output_usd_per_million of its provider"
            )
        held = await self._purse.reserve(most + call.max_output_tokens, usd or _NOTHING)
        try:
            answer = await self._model.answer(call)
        except Declined as error:
            self._end(held, error.input_tokens, error.output_tokens, error.cost_usd)
            raise
        except ModelError as error:
            if isinstance(error, Unanswered):
                self._purse.keep(held)
            else:
                self._purse.settle(held, 0, _NOTHING)
            raise
        except BaseException:
            # nobody waited for it, or a fault of ours
            self._purse.keep(held)
            raise
        self._end(held, answer.input_tokens, answer.output_tokens, answer.cost_usd)
        return answer

    def _end(self, held: Reservation, given: int, made: int, usd: Decimal) -> None:
        if given:
            self._purse.settle(held, given + made, usd)
        else:
            # no prompt has no tokens: who answered did not count
            self._purse.keep(held)
