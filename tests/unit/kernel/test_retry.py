"""What may pass is tried again after growing pauses; anything else passes at once."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.kernel.clock import SECOND, SimulatedClock
from tutti.kernel.retry import Backoff, retry
from tutti.model.errors import OutcomeUnknown, RateLimited, Transient

_STEADY = Backoff(first_s=1.0, factor=2.0, longest_s=5.0, jitter=0.0)


class _Venue:
    """Fails with each given error in turn, then answers; notes when it was asked."""

    def __init__(self, clock: SimulatedClock, *errors: Exception) -> None:
        self._clock = clock
        self._errors = list(errors)
        self.asked_at: list[float] = []

    async def ask(self) -> str:
        self.asked_at.append(self._clock.now() / SECOND)
        if self._errors:
            raise self._errors.pop(0)
        return "answer"


def _down() -> Transient:
    return Transient("is down", venue="KRAKEN")


async def test_first_success_is_returned_without_a_pause() -> None:
    clock = SimulatedClock()
    venue = _Venue(clock)
    assert await retry(venue.ask, clock=clock, random=np.random.default_rng(1)) == "answer"
    assert venue.asked_at == [0.0]


async def test_pauses_double_up_to_the_longest() -> None:
    clock = SimulatedClock()
    venue = _Venue(clock, *[_down() for _ in range(5)])
    random = np.random.default_rng(1)
    answer = await retry(venue.ask, clock=clock, random=random, backoff=_STEADY, attempts=6)
    assert answer == "answer"
    assert np.diff(venue.asked_at).tolist() == [1.0, 2.0, 4.0, 5.0, 5.0]


async def test_rate_limit_is_waited_for_at_least_as_long_as_asked() -> None:
    clock = SimulatedClock()
    venue = _Venue(
        clock,
        RateLimited("slow down", venue="KRAKEN", retry_after_s=7.5),
        RateLimited("slow down", venue="KRAKEN", retry_after_s=0.1),
    )
    await retry(venue.ask, clock=clock, random=np.random.default_rng(1), backoff=_STEADY)
    assert venue.asked_at == [0.0, 7.5, 9.5]


async def test_last_failure_passes_when_no_attempt_is_left() -> None:
    clock = SimulatedClock()
    last = _down()
    venue = _Venue(clock, _down(), last)
    with pytest.raises(Transient) as caught:
        await retry(venue.ask, clock=clock, random=np.random.default_rng(1), attempts=2)
    assert caught.value is last
    assert len(venue.asked_at) == 2


async def test_unknown_outcome_is_never_tried_again() -> None:
    clock = SimulatedClock()
    venue = _Venue(clock, OutcomeUnknown("no answer", venue="KRAKEN"))
    with pytest.raises(OutcomeUnknown):
        await retry(venue.ask, clock=clock, random=np.random.default_rng(1))
    assert len(venue.asked_at) == 1


async def test_other_errors_are_retried_when_named() -> None:
    clock = SimulatedClock()
    venue = _Venue(clock, OSError("reset"))
    random = np.random.default_rng(1)
    assert await retry(venue.ask, clock=clock, random=random, on=(OSError,)) == "answer"


async def test_no_attempts_at_all_is_refused() -> None:
    clock = SimulatedClock()
    with pytest.raises(ValueError, match="at least 1"):
        await retry(_Venue(clock).ask, clock=clock, random=np.random.default_rng(1), attempts=0)


def test_jitter_draws_from_the_last_part_of_the_pause() -> None:
    backoff = Backoff(first_s=8.0, longest_s=8.0, jitter=0.25)
    random = np.random.default_rng(1)
    pauses = [backoff.pause_s(1, random) for _ in range(200)]
    assert 6.0 < min(pauses) < 6.2
    assert 7.8 < max(pauses) <= 8.0


def test_pause_after_very_many_failures_is_the_longest() -> None:
    assert _STEADY.pause_s(100_000, np.random.default_rng(1)) == 5.0


@pytest.mark.parametrize(
    ("backoff", "message"),
    [
        ({"first_s": -1.0}, "pause must be in"),
        ({"first_s": 2.0, "longest_s": 1.0}, "pause must be in"),
        ({"factor": 0.5}, "factor must be at least 1"),
        ({"jitter": 1.5}, "jitter must be in"),
    ],
)
def test_backoff_out_of_range_is_refused(backoff: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Backoff(**backoff)
