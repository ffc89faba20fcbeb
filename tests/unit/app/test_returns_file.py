from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from tutti.app.returns_file import read_matrix, read_returns
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "returns.csv"


@pytest.mark.parametrize(
    "text",
    [
        "0.01\n-0.02\n0.03\n",
        "r\n0.01\n-0.02\n0.03\n",
        "date,whatever\n2024-01-01,0.01\n2024-01-02,-0.02\n2024-01-03,0.03\n",
        "ts,Returns,equity\n1,0.01,100\n2,-0.02,101\n3,0.03,99\n",
        "0.01\r\n-0.02\r\n0.03\r\n",
    ],
)
def test_returns_are_read_however_the_file_is_headed(written: Path, text: str) -> None:
    written.write_text(text)
    assert read_returns(written).tolist() == [0.01, -0.02, 0.03]


def test_returns_are_read_from_parquet_and_by_column(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    pl.DataFrame({"a": [0.1, 0.2], "b": [1, 0]}).write_parquet(path)
    assert read_returns(path, "b").tolist() == [1.0, 0.0]


def test_matrix_leaves_out_times_and_text(written: Path) -> None:
    written.write_text("date,x,note,y\n2024-01-01,0.1,a,1\n2024-01-02,0.2,b,0\n")
    names, values = read_matrix(written)
    assert names == ("x", "y")
    assert values.tolist() == [[0.1, 1.0], [0.2, 0.0]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("r\n0.1\n\n0.2\n", "row 2 of column r is nan, no return"),
        ("r\n0.1\nNaN\n0.2\n", "row 2 of column r is nan, no return"),
        ("r\n0.1\ninf\n", "row 2 of column r is inf, no return"),
        ("r\n0.1\n-1.5\n", "row 2 of column r is -1.5, a loss of more than everything"),
        ("r\n0.1\n1e300\n", "row 2 of column r is 1e.300, more than any market gives"),
        ("r\nx\ny\n", "no column of numbers; write a return in each row"),
        ("", "can't be read"),
        ("date\n2024-01-01\n", "no column of numbers"),
    ],
)
def test_values_that_are_no_returns_are_refused_with_their_row(
    written: Path, text: str, says: str
) -> None:
    written.write_text(text)
    with pytest.raises(DataError, match=says):
        read_returns(written)


def test_text_in_a_named_column_is_refused(written: Path) -> None:
    written.write_text("r,note\n0.1,a\n")
    with pytest.raises(DataError, match="column note holds something that isn't a number"):
        read_returns(written, "note")


@pytest.mark.parametrize(
    ("column", "says"),
    [("c", "no column 'c'; there are a, b"), (None, "Name one of a, b with --column")],
)
def test_column_that_is_not_clear_is_asked_for(
    written: Path, column: str | None, says: str
) -> None:
    written.write_text("a,b\n0.1,0.2\n")
    with pytest.raises(ConfigError, match=says):
        read_returns(written, column)


def test_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_returns(tmp_path / "none.csv")
    (tmp_path / "r.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="can't be read"):
        read_returns(tmp_path / "r.csv")
    (tmp_path / "r.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="can't be read"):
        read_returns(tmp_path / "r.parquet")
