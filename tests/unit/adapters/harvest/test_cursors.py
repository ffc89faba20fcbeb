"""How far each series has been stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.adapters.harvest.cursors import Cursors, Progress
from tutti.adapters.harvest.port import Window
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pathlib import Path

_SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)


@given(spans=_SPANS, since=st.integers(0, 30), length=st.integers(0, 30))
def test_gaps_are_what_no_span_covers(
    spans: list[tuple[int, int]], since: int, length: int
) -> None:
    progress = Progress(series="a")
    for span in spans:
        progress.cover(*span)
    window = Window(since=since, until=since + length)
    missing = {k for gap in progress.gaps(window) for k in range(gap.since, gap.until)}
    covered = {k for start, end in spans for k in range(start, end)}
    assert missing == set(range(window.since, window.until)) - covered
    assert progress.spans == sorted(progress.spans)
    assert all(a[1] < b[0] for a, b in zip(progress.spans, progress.spans[1:], strict=False))


def test_progress_is_read_as_it_was_written(tmp_path: Path) -> None:
    cursors = Cursors(tmp_path / "x")
    assert cursors.read("r/a") == Progress(series="r/a")
    one = Progress(series="r/a", kind="texts", spans=[(1, 2)], cursor="c", rows=3, last_sync=9)
    other = Progress(series="r_a")
    cursors.write(one)
    cursors.write(other)
    assert Cursors(tmp_path / "x").all() == [one, other]
    assert cursors.read("r/a") == one


def test_progress_that_can_not_be_read_says_what_to_do(tmp_path: Path) -> None:
    cursors = Cursors(tmp_path)
    cursors.write(Progress(series="a"))
    (path,) = tmp_path.glob("*.json")
    path.write_text("{")
    with pytest.raises(DataError, match="remove it, and the series is asked for again"):
        cursors.read("a")


def test_second_sync_of_a_source_is_refused_while_one_runs(tmp_path: Path) -> None:
    with Cursors(tmp_path).held():
        other = Cursors(tmp_path).held()
        with pytest.raises(ConfigError, match="another sync of this source is running"):
            other.__enter__()
    with Cursors(tmp_path).held():
        pass
