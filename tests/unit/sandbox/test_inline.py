"""Charts and tables look in a notebook as they do in a report, and need nothing around them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tutti.sandbox.charts import Line, line_chart
from tutti.sandbox.inline import Picture, Rows


def test_picture_is_one_image_with_its_style_and_legend() -> None:
    ts = np.arange(3, dtype=np.int64) * 86_400_000_000_000
    lines = [Line(label=name, values=np.arange(3.0), style="strategy") for name in ("a & b", "c")]
    picture = Picture(line_chart(ts, lines, str, title='Equity "now"', height=200))
    svg = picture._repr_svg_()
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["viewBox"] == "0 0 1000 222"
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[-2:] == ["a & b", "c"]
    assert "--strategy:" in svg
    assert ".strategy polyline" in svg
    assert "body {" not in svg  # nothing that could change the page around it
    assert repr(picture) == "Picture('Equity \"now\"')"


def test_picture_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="not a chart"):
        Picture("<p>hello</p>")


def test_rows_are_a_table_and_plain_text() -> None:
    rows = Rows(["", "value"], [["a<b", "1.00"], ["longer", "12.00"]])
    assert 'left">a&lt;b</td><td>1.00</td>' in rows._repr_html_()
    assert repr(rows).splitlines() == ["        value", "a<b      1.00", "longer  12.00"]
