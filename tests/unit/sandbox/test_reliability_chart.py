from __future__ import annotations

import math

from tutti.sandbox.reliability_chart import reliability_chart
from tutti.sandbox.span_chart import span_chart
from tutti.sandbox.wording import number
from tutti.stats.scoring import reliability


def test_reliability_chart_has_a_point_and_an_interval_a_bin() -> None:
    bins = reliability([0.55, 0.6, 0.9, 0.95], [1, 0, 1, 0], [0.5, 0.75, 1.0])
    drawn = reliability_chart("bull <1>", bins)
    assert drawn.count("<circle") == 2
    assert "bull &lt;1&gt;" in drawn
    assert "2 stated 57.5%, 50.0% came" in drawn


def test_reliability_chart_of_nothing_is_an_empty_frame() -> None:
    assert "<circle" not in reliability_chart("mute", ())


def test_span_chart_draws_what_is_known() -> None:
    rows = [("a", 1.0, 0.5, 1.5), ("b", -0.25, math.nan, math.nan), ("c", math.nan, 0.0, 0.0)]
    drawn = span_chart(rows, number, title="worth")
    assert drawn.count("<circle") == 2
    assert ">-0.25<" in drawn
    assert "<text" in span_chart([("a", 0.0, 0.0, 0.0)], number, title="nothing")
