"""What deserves a look in files of texts and readings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tutti.adapters.feeds.findings import Code, Severity
from tutti.adapters.stores.point_in_time.checking import check_rows, kind_of
from tutti.kernel.clock import DAY, HOUR, parse_instant

if TYPE_CHECKING:
    from pathlib import Path

_T = parse_instant("2024-03-01T12:00")
_NOW = _T + 100 * DAY


def _written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_parquet(path)
    return path


def _text(k: int, **more: Any) -> dict[str, Any]:
    at = _T + k * HOUR
    return {
        "id": str(k), "symbol": "BTC", "kind": "news", "source": "s", "title": f"t{k}", "text": "",
        "url": "", "ts": at, "known_at": at, "published_at": at, "received_at": at + HOUR, **more,
    }  # fmt: skip


def _codes(path: Path) -> list[Code]:
    return [each.code for each in check_rows([path], _NOW).findings]


def test_good_texts_have_no_finding(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.parquet", [_text(k) for k in range(20)])
    found = check_rows([path], _NOW)
    assert not found.findings
    (table,) = found.files
    assert (table.kind, table.rows, table.first, table.last) == ("texts", 20, _T, _T + 19 * HOUR)


def test_stamp_after_the_arrival_is_told(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.parquet", [_text(0), _text(5, received_at=_T)])
    (finding,) = check_rows([path], _NOW).findings
    assert (finding.code, finding.count) == (Code.FROM_THE_FUTURE, 1)


def test_stamp_after_now_is_told_where_nothing_says_when_it_came(tmp_path: Path) -> None:
    rows = [{"ts": _NOW + 5, "title": "tomorrow"}]
    assert _codes(_written(tmp_path / "a.parquet", rows)) == [Code.FROM_THE_FUTURE]


def test_correction_that_was_known_before_what_it_corrects_is_impossible(tmp_path: Path) -> None:
    later = _text(0, title="other", known_at=_T + HOUR, received_at=_T + 50 * HOUR)
    path = _written(tmp_path / "a.parquet", [_text(0, known_at=_T + 2 * HOUR), later])
    (finding,) = check_rows([path], _NOW).findings
    assert (finding.code, finding.severity) == (Code.KNOWN_TOO_EARLY, Severity.IMPOSSIBLE)


@pytest.mark.parametrize(
    ("missing", "said"),
    [(range(40, 150), "1 hole between rows, the longest 4.62 days"), (range(40, 60), "")],
)
def test_long_silence_is_told_and_a_night_is_none(
    tmp_path: Path, missing: range, said: str
) -> None:
    rows = [_text(k) for k in range(200) if k not in missing]
    findings = check_rows([_written(tmp_path / "a.parquet", rows)], _NOW).findings
    assert [each.message.partition(" from ")[0] for each in findings] == ([said] if said else [])


@pytest.mark.parametrize(("without", "n_holes"), [({7, 8}, 0), ({9, 10, 11, 12}, 1)])
def test_daily_figures_may_lack_a_weekend(tmp_path: Path, without: set[int], n_holes: int) -> None:
    days = [k for k in range(30) if k not in without]
    rows = [{"ts": _T + k * DAY, "value": 1.0, "known_at": _T + k * DAY} for k in days]
    path = _written(tmp_path / "macro" / "a.parquet", rows)
    assert _codes(path) == [Code.SILENCE] * n_holes


def test_file_that_can_not_be_read_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,title\nyesterday,a\n")
    assert _codes(path) == [Code.UNREADABLE]


@pytest.mark.parametrize(
    ("name", "columns", "kind"),
    [
        ("a", ["ts", "title"], "texts"),
        ("macro/a", ["ts", "value"], "readings"),
        ("readings/fred/a", ["ts", "value"], "readings"),
        ("a", ["ts", "known_at", "name", "value"], "readings"),
        ("a", ["ts", "value"], ""),
        ("macro/a", ["ts", "open", "high", "low", "close"], ""),
        ("a", ["text", "label"], ""),
    ],
)
def test_files_are_told_by_their_columns_and_folder(
    tmp_path: Path, name: str, columns: list[str], kind: str
) -> None:
    path = _written(tmp_path / f"{name}.parquet", [dict.fromkeys(columns, 1)])
    assert kind_of(path) == kind


def test_what_is_no_table_is_of_no_kind(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    assert kind_of(tmp_path / "a.parquet") == ""
