"""Past situations in words, for people and for language models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.kernel.clock import DAY, HOUR, MINUTE, iso

if TYPE_CHECKING:
    from tutti.model.market import Situation


def situation_line(situation: Situation) -> str:
    """Return when it was, what was thought and done, and what came of it, in one line."""
    thought = (
        "nobody had a view"
        if situation.bias is None or situation.confidence is None
        else f"bias {situation.bias:+.2f}, confidence {situation.confidence:.2f}"
    )
    done = situation.decision or "nothing done"
    span = _span(situation.known_at - situation.as_of)
    moved = 100.0 * math.expm1(situation.outcome)
    return f"{iso(situation.as_of)}: {thought}; {done}; then {moved:+.2f} % in {span}"


def _span(nanoseconds: int) -> str:
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if nanoseconds >= unit:
            return f"{nanoseconds / unit:.3g} {name}"
    return f"{nanoseconds / 1e9:.3g} s"
