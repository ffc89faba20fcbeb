"""`tutti data check` on small files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Tutti

_HOUR = 3600
_START = 1_704_067_200


def _write(name: str, closes: list[float], *, missing: range = range(0)) -> Path:
    rows = [
        f"{_START + t * _HOUR},{close},{close * 1.001},{close * 0.999},{close},{10 + t % 7}"
        for t, close in enumerate(closes)
        if t not in missing
    ]
    path = Path(name)
    path.write_text("\n".join(["ts,open,high,low,close,volume", *rows]))
    return path


def _walk(n: int) -> list[float]:
    return [100.0 + (t * 7919 % 101) / 100 for t in range(n)]


def test_clean_file_passes(tutti: Tutti) -> None:
    answer = tutti("data", "check", _write("BTC-USDT_1h.csv", _walk(200)))
    assert answer.code == 0
    assert answer.out == "1 file: 1 without a finding\n"


def test_finding_that_invalidates_a_backtest_is_a_closed_gate(tutti: Tutti) -> None:
    path = _write("BTC-USDT_1h.csv", _walk(900), missing=range(300, 600))
    answer = tutti("data", "check", path)
    assert answer.code == 3
    assert "BTC-USDT_1h.csv: BTC-USDT.LOCAL, 600 bars of 1h, 2024-01-01 to 2024-02-07" in answer.out
    assert "severity" in answer.out
    assert "for a backtest" in answer.out
    assert "what to do" in answer.out
    assert answer.out.endswith("1 file: 1 would invalidate a backtest\n")


def test_machine_reads_evidence_consequence_and_remedy(tutti: Tutti) -> None:
    path = _write("BTC-USDT_1h.csv", _walk(900), missing=range(300, 600))
    answer = tutti("data", "check", path, "--json")
    assert answer.code == 3
    document = json.loads(answer.out)
    assert document["verdict"] == "invalidates"
    (finding,) = document["findings"]
    assert finding.keys() == {
        "file", "code", "severity", "certainty", "row", "ts", "count", "evidence", "measures",
        "consequence", "remedy",
    }  # fmt: skip
    assert finding["code"] == "gaps"
    assert finding["measures"]["share"] == pytest.approx(1 / 3)


def test_range_may_leave_the_fault_out(tutti: Tutti) -> None:
    path = _write("BTC-USDT_1h.csv", _walk(900), missing=range(300, 600))
    assert tutti("data", "check", path, "--end", "2024-01-10").code == 0
    assert tutti("data", "check", path, "--start", "2024-01-31").code == 0


def test_broken_and_foreign_files_are_counted(tutti: Tutti) -> None:
    _write("BTC-USDT_1h.csv", _walk(200))
    Path("ETH-USDT_1h.parquet").write_bytes(b"nothing of the kind")
    Path("rates.csv").write_text("ts,rate\n1704067200,0.1\n")
    answer = tutti("data", "check", ".")
    assert answer.code == 3
    assert "unreadable" in answer.out
    assert answer.out.endswith(
        "2 files: 1 would invalidate a backtest, 1 without a finding; 1 hold no bars and were"
        " passed over\n"
    )


def test_pattern_that_matches_nothing_is_a_wrong_command(tutti: Tutti) -> None:
    answer = tutti("data", "check", "nothing/*.parquet")
    assert answer.code == 2
    assert "matches no file" in answer.err
