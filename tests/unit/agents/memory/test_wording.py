"""Past situations in one line each."""

from __future__ import annotations

import math
from dataclasses import replace

from tutti.agents.memory.wording import situation_line
from tutti.kernel.clock import DAY, MINUTE, SECOND
from tutti.model.instrument import InstrumentId
from tutti.model.market import Situation

_SEEN = Situation(
    instrument=InstrumentId("BTC-USDT", "SIM"),
    as_of=1_704_067_200_000_000_000,
    features={},
    bias=0.314,
    confidence=0.5,
    decision="entry +0.0500",
    outcome=math.log(1.021),
    known_at=1_704_067_200_000_000_000 + DAY,
)


def test_line_tells_what_was_thought_done_and_came_of_it() -> None:
    assert situation_line(_SEEN) == (
        "2024-01-01T00:00:00.000Z: bias +0.31, confidence 0.50; entry +0.0500; then +2.10 % in 1 d"
    )


def test_line_of_nothing_thought_and_done_says_so() -> None:
    quiet = replace(_SEEN, bias=None, confidence=None, decision="")
    assert "nobody had a view; nothing done" in situation_line(quiet)


def test_line_has_the_span_in_a_unit_that_suits() -> None:
    for span, words in ((90 * MINUTE, "1.5 h"), (5 * MINUTE, "5 min"), (7 * SECOND, "7 s")):
        assert situation_line(replace(_SEEN, known_at=_SEEN.as_of + span)).endswith(words)
