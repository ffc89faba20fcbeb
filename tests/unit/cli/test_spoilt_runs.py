"""Whatever became of the files of a run, every command that reads it says so in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Backtested, Told, Tutti

_READERS = (
    ("report", "RUN"),
    ("compare", "RUN", "OTHER"),
    ("replay", "RUN"),
    ("memory", "remember", "RUN"),
    ("agents", "report", "RUN"),
)
_OF_LEDGER = (
    ("ledger", "verify", "RUN"),
    ("ledger", "show", "RUN"),
    ("ledger", "export", "RUN"),
    ("orders", "list", "RUN"),
    ("llm", "legend", "RUN"),
    ("why", "0", "--run", "RUN"),
    ("replay", "RUN"),
    ("agents", "report", "RUN"),
)
_SPOILT = (b"", b"{", b"{}", b"[]", b"null", b'{"configuration": 7}', b"\x00\xff\xfe")


def _refused(answer: Told, *codes: int) -> None:
    assert answer.code in codes, answer
    assert answer.out == ""
    last = answer.err.splitlines()[-1]
    assert "tutti broke" not in last
    assert "Traceback" not in answer.err
    assert set(json.loads(last)) == {"error"}


def _asked(tutti: Tutti, command: tuple[str, ...], run: Path, other: Path) -> Told:
    places = {"RUN": str(run), "OTHER": str(other)}
    return tutti(*(places.get(word, word) for word in command), "--json")


@pytest.mark.parametrize("command", _READERS, ids=" ".join)
def test_run_whose_summary_is_spoilt_is_refused_in_a_line(
    tutti: Tutti, copied_run: Path, backtested: Backtested, command: tuple[str, ...]
) -> None:
    for text in _SPOILT:
        (copied_run / "run.json").write_bytes(text)
        _refused(_asked(tutti, command, copied_run, backtested.folder), 2)


def test_why_tells_of_an_order_only_where_the_summary_can_be_read(
    tutti: Tutti, copied_run: Path
) -> None:
    shown = tutti("ledger", "show", copied_run, "--kind", "order", "-n", "1", "--json")
    order = json.loads(shown.out)["rows"][0]["ref"]
    assert tutti("why", order, "--run", copied_run, "--json").code == 0
    for text in _SPOILT:
        (copied_run / "run.json").write_bytes(text)
        _refused(tutti("why", order, "--run", copied_run, "--json"), 2)


@pytest.mark.parametrize("kind", ["robustness", "attribution", "montecarlo", "second_opinion"])
def test_report_with_a_study_that_is_spoilt_is_refused_in_a_line(
    tutti: Tutti, copied_run: Path, kind: str
) -> None:
    for text in _SPOILT:
        (copied_run / f"{kind}.json").write_bytes(text)
        answer = tutti("report", copied_run, "--json")
        _refused(answer, 2)
        assert f"{kind}.json" in answer.err


@pytest.mark.parametrize("name", ["equity.csv", "fills.csv", "orders.csv", "trades.csv"])
def test_report_on_half_of_a_table_is_refused(tutti: Tutti, copied_run: Path, name: str) -> None:
    whole = (copied_run / name).read_bytes()
    for kept in (b"", whole[: len(whole) // 2], b"".join(whole.splitlines(keepends=True)[:-1])):
        (copied_run / name).write_bytes(kept)
        answer = tutti("report", copied_run, "--json")
        _refused(answer, 2)
        assert name in answer.err


@pytest.mark.parametrize("command", _OF_LEDGER, ids=" ".join)
def test_run_whose_ledger_is_spoilt_is_refused_in_a_line(
    tutti: Tutti, copied_run: Path, command: tuple[str, ...]
) -> None:
    whole = (copied_run / "ledger.sqlite").read_bytes()
    for text in (b"", whole[:5000], b"\x00\xff" * 4000):
        (copied_run / "ledger.sqlite").write_bytes(text)
        _refused(_asked(tutti, command, copied_run, copied_run), 1, 2)
    (copied_run / "ledger.sqlite").unlink()
    (copied_run / "ledger.sqlite").mkdir()
    _refused(_asked(tutti, command, copied_run, copied_run), 1, 2)
