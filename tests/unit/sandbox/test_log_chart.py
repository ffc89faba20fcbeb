"""A chart on logarithmic axes draws what has a place on it."""

from __future__ import annotations

import re

import numpy as np

from tutti.sandbox.charts import Line
from tutti.sandbox.log_chart import Points, log_chart


def drawn(y: list[float], error: list[float]) -> str:
    x = np.geomspace(0.01, 1.0, len(y))
    points = Points(label="found", x=x, y=np.array(y), error=np.array(error), style="replayed")
    line = Line(label="model", values=np.sqrt(x), style="strategy")
    return log_chart([points], [(x, line)], title="t", x_label="size", y_label="cost")


def test_log_chart_puts_equal_ratios_equally_far_apart() -> None:
    page = drawn([0.1, 1.0, 10.0], [0.01, 0.1, 1.0])
    places = [
        float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)" r="4"><title>', page)
    ]
    assert abs((places[0] - places[1]) - (places[1] - places[2])) < 0.2
    assert page.count("<polyline") == 2  # the line, and its key in the legend


def test_log_chart_leaves_out_what_is_not_above_zero() -> None:
    page = drawn([-0.1, 1.0, np.nan], [0.01, 3.0, np.nan])
    assert page.count("<title>") == 1
    # an error larger than the value reaches down to the foot of the chart
    assert 'y2="256.0"' in page


def test_log_chart_of_many_decades_marks_only_powers_of_ten() -> None:
    labels = re.findall(r'<text class="y"[^>]*>([^<]+)<', drawn([1e-6, 1.0, 1e3], [0.0] * 3))
    assert labels == ["1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1", "10", "100", "1000"]


def test_log_chart_of_nothing_says_so() -> None:
    x = np.array([1.0])
    none = Points(label="", x=x, y=-x, error=x, style="replayed")
    assert "Nothing above 0" in log_chart([none], [], title="t", x_label="x", y_label="y")
