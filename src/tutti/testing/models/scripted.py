"""A language model that plays a script in the process itself, without a server."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tutti.agents.llm.counting import about
from tutti.agents.llm.port import Answer, Call
from tutti.testing.models.conversation import tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.kernel.clock import Clock

    Line = str | Answer | BaseException
    """An answer's text, the whole answer, or what is raised."""

_FREE: Final = Decimal(0)


class ScriptedModel:
    """Language model that answers with what a function or a list says.

    Parameters
    ----------
    lines : callable, or list
        From a call to its line; a list is played once, and its last entry from then on.
    latency : int
        Of every answer, ns of ``clock``.
    clock : Clock, optional
        What the latency passes on; without one the answer comes at once.
    usd_per_token : Decimal

    Attributes
    ----------
    calls : list of Call
        All that was asked, in order.
    in_flight, most_in_flight : int
        Calls that are being answered, now and at most.
    """

    def __init__(
        self,
        lines: Callable[[Call], Line] | list[Line],
        *,
        latency: int = 0,
        clock: Clock | None = None,
        usd_per_token: Decimal = _FREE,
    ) -> None:
        self._lines = _played(lines) if isinstance(lines, list) else lines
        self._latency = latency
        self._clock = clock
        self._usd_per_token = usd_per_token
        self.calls: list[Call] = []
        self.in_flight = self.most_in_flight = 0

    async def answer(self, call: Call) -> Answer:
        """Return or raise the next line."""
        self.calls.append(call)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self._clock is not None:
                await self._clock.sleep_until(self._clock.now() + self._latency)
            else:
                await asyncio.sleep(0)
            line = self._lines(call)
        finally:
            self.in_flight -= 1
        if isinstance(line, BaseException):
            raise line
        if isinstance(line, Answer):
            return line
        used = about(call), tokens(line)
        return Answer(
            call=call.key,
            text=line,
            model=call.model,
            input_tokens=used[0],
            output_tokens=used[1],
            cost_usd=self._usd_per_token * sum(used),
            latency=self._latency,
        )


def _played(lines: list[Line]) -> Callable[[Call], Line]:
    if not lines:
        raise ValueError("a script needs something to say")
    left = list(lines)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
