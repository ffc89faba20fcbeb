"""Whatever is remembered, nothing is told before it was known, and the future changes nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.memory.past import PastSituations
from tutti.model.instrument import InstrumentId
from tutti.model.market import Situation

_IT = InstrumentId("BTC-USDT", "SIM")
_VALUES = st.one_of(st.none(), st.floats(-1e6, 1e6))


@st.composite
def _situations(draw: st.DrawFn) -> Situation:
    as_of = draw(st.integers(0, 1000))
    values = draw(st.tuples(_VALUES, _VALUES))
    return Situation(
        instrument=_IT,
        as_of=as_of,
        features={
            name: value for name, value in zip("xy", values, strict=True) if value is not None
        },
        bias=None,
        confidence=None,
        decision="",
        outcome=0.0,
        known_at=as_of + draw(st.integers(1, 100)),
    )


_PASTS = st.lists(_situations(), max_size=40, unique_by=lambda each: each.as_of)
_ASKED = st.fixed_dictionaries({"x": st.floats(-1e6, 1e6)}, optional={"y": st.floats(-1e6, 1e6)})


@given(past=_PASTS, asked=_ASKED, as_of=st.integers(0, 1200), k=st.integers(1, 8))
def test_nothing_is_told_before_its_outcome_was_known(
    past: list[Situation], asked: dict[str, float], as_of: int, k: int
) -> None:
    found = PastSituations(past).likenesses(_IT, asked, as_of, k)
    assert all(each.situation.known_at <= as_of for each in found)
    assert len(found) <= k
    assert [each.distance for each in found] == sorted(each.distance for each in found)
    for i, one in enumerate(found):
        for other in found[:i]:
            first, second = sorted((one.situation, other.situation), key=lambda each: each.as_of)
            assert first.known_at <= second.as_of


@given(past=_PASTS, future=_PASTS, asked=_ASKED, as_of=st.integers(0, 1200))
def test_what_is_known_later_changes_nothing(
    past: list[Situation], future: list[Situation], asked: dict[str, float], as_of: int
) -> None:
    known = [each for each in past if each.known_at <= as_of]
    taken = {each.as_of for each in known}
    later = [each for each in future if each.known_at > as_of and each.as_of not in taken]
    alone = PastSituations(known).likenesses(_IT, asked, as_of, 5)
    assert PastSituations([*known, *later]).likenesses(_IT, asked, as_of, 5) == alone
