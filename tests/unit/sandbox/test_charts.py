"""Curves as SVG: what is drawn, and what thinning may not lose."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tutti.kernel.clock import DAY, HOUR, SECOND
from tutti.sandbox.charts import Band, Line, Marks, line_chart, telling_rows


def test_rows_of_a_short_curve_are_all_of_it() -> None:
    assert telling_rows(np.arange(10.0), 100).tolist() == list(range(10))


def test_rows_of_a_long_curve_keep_its_ends_and_every_spike() -> None:
    values = np.zeros(100_000)
    values[[777, 54_321]] = [9.0, -9.0]
    rows = telling_rows(values, 400)
    assert {0, 777, 54_321, 99_999} <= set(rows.tolist())
    assert len(rows) <= 420
    assert (np.diff(rows) > 0).all()


def test_rows_of_a_curve_with_holes_are_found() -> None:
    values = np.arange(10_000.0)
    values[2000:4000] = np.nan
    assert {0, 9999} <= set(telling_rows(values, 100).tolist())


def drawn(span: int, values: list[float], **more: object) -> str:
    ts = np.linspace(0, span, len(values)).astype(np.int64)
    marks = more.pop("marks", ())
    assert not more
    return line_chart(
        ts,
        [Line(label="A & B", values=np.array(values), style="strategy")],
        lambda value: f"{value:g}",
        title="a < b",
        marks=marks,  # type: ignore[arg-type]
    )


def test_chart_maps_first_and_last_to_the_edges() -> None:
    points = re.findall(r'points="([^"]+)"', drawn(DAY, [1.0, 2.0, 3.0]))[0].split()
    assert points[0].startswith("64.0,")
    assert points[-1].startswith("990.0,")
    ys = [float(point.split(",")[1]) for point in points]
    assert ys[0] > ys[1] > ys[2]
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2], abs=0.02)


def test_chart_escapes_its_words() -> None:
    assert 'aria-label="a &lt; b"' in drawn(DAY, [1.0, 2.0])
    assert 'data-label="A &amp; B"' in drawn(DAY, [1.0, 2.0])


@pytest.mark.parametrize("values", [[5.0, 5.0], [0.0, 0.0], [np.nan, np.nan], [1e-9, 1e9]])
def test_chart_of_odd_values_has_finite_coordinates(values: list[float]) -> None:
    assert "nan" not in drawn(DAY, values)
    assert "inf" not in drawn(DAY, values)


@pytest.mark.parametrize(
    ("span", "form"),
    [
        (2000 * DAY, r">\d{4}-\d\d<"),
        (20_000 * DAY, r">\d{4}-\d\d<"),
        (30 * DAY, r">\d{4}-\d\d-\d\d<"),
        (2 * DAY, r">\d\d-\d\d \d\d:\d\d<"),
        (HOUR, r">\d\d:\d\d:\d\d<"),
        (SECOND // 10, r">\d\d:\d\d:\d\d<"),
    ],
)
def test_chart_labels_suit_the_span(span: int, form: str) -> None:
    labels = re.findall(form, drawn(span, [1.0, 2.0, 3.0]))
    assert 1 <= len(labels) <= 9


def test_chart_marks_point_up_and_down() -> None:
    at = np.array([0, DAY], np.int64)
    up = Marks(ts=at, values=np.array([1.0, 2.0]), is_up=True)
    down = Marks(ts=at[:0], values=np.array([]), is_up=False)
    chart = drawn(DAY, [1.0, 2.0], marks=[up, down])
    assert re.findall(r'class="mark (\w+)" d="([^"]+)"', chart)[0][1].count("M") == 2
    assert "mark down" not in chart


def test_chart_of_one_line_needs_no_legend() -> None:
    assert "legend" not in drawn(DAY, [1.0, 2.0])


def test_band_is_drawn_below_the_lines_and_widens_the_axis() -> None:
    ts = np.arange(4, dtype=np.int64) * 86_400_000_000_000
    line = Line(label="median", values=np.full(4, 5.0), style="strategy")
    band = Band(
        label="most", low=np.array([5.0, np.nan, 3.0, 1.0]), high=np.full(4, 9.0), style="inner"
    )
    chart = line_chart(ts, [line], str, title="t", bands=[band])
    assert chart.index("<polygon") < chart.index("<polyline")
    points = chart.split('points="')[1].split('"')[0].split()
    assert len(points) == 6  # there and back, without the instant that is not known
    assert "most" in chart
    nothing = Band(label="none", low=np.full(4, np.nan), high=np.full(4, np.nan), style="inner")
    assert "<polygon" not in line_chart(ts, [line], str, title="t", bands=[nothing])
