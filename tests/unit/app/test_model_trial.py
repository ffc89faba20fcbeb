"""A trial writes down how far it came, and what it found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tutti.app.model_check import check_model
from tutti.app.model_template import write_template
from tutti.app.model_trial import DONE, IMPORTING, MAKING, PREDICTING, WINDOW, made_up_bars, main
from tutti.kernel.clock import HOUR, iso, parse_instant
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernels

START = parse_instant("2024-03-04")


def steps_of(
    path: Path,
    room: Path,
    timeframe: str = "",
    bars: tuple[str, ...] = (),
    *,
    answers_alone: bool = False,
) -> list[dict[str, Any]]:
    job = {
        "path": str(path),
        "params": {},
        "timeframe": timeframe,
        "bars": list(bars),
        "budget_s": 5.0,
        "answers_alone": answers_alone,
    }
    steps, file = room / "steps", room / "job.json"
    file.write_text(json.dumps({**job, "steps": str(steps)}))
    main(file)
    return [json.loads(line) for line in steps.read_text().splitlines()]


def test_trial_of_a_good_model_ends_without_findings(tmp_path: Path) -> None:
    write_template("mine", tmp_path)
    *way, end = steps_of(tmp_path / "mine", tmp_path, "4h")
    assert [each["step"] for each in way[:4]] == [IMPORTING, MAKING, PREDICTING, WINDOW]
    assert (way[2]["name"], way[2]["lookback"], way[2]["timeframe"]) == ("mine", 60, "4h")
    assert (end["step"], end["findings"]) == (DONE, [])
    assert len(end["answers"]) == len(end["seconds"]) == 40


def test_trial_tells_what_is_read_and_what_reads_ahead(tmp_path: Path) -> None:
    (tmp_path / "next.csv").write_text("1")
    (tmp_path / "peek").mkdir()
    (tmp_path / "peek" / "model.py").write_text(
        "class TradeModel:\n"
        "    lookback = 5\n"
        "    def __init__(self, config): ...\n"
        "    def predict(self, f):\n"
        f"        open({str(tmp_path / 'next.csv')!r}).close()\n"
        "        f.bfill()\n"
        "        return dict(timestamp=f.index[-1], signal=0, confidence=0)\n"
    )
    *_, end = steps_of(tmp_path / "peek" / "model.py", tmp_path)
    assert [each["code"] for each in end["findings"]] == ["look_ahead", "look_ahead"]
    assert "next.csv" in end["findings"][0]["message"]
    assert "model.py:6: bfill()" in end["findings"][1]["message"]


def test_trial_for_answers_alone_tries_nothing_else(tmp_path: Path) -> None:
    write_template("mine", tmp_path)
    *_, whole = steps_of(tmp_path / "mine", tmp_path)
    (tmp_path / "steps").unlink()
    *way, end = steps_of(tmp_path / "mine", tmp_path, answers_alone=True)
    assert (end["findings"], end["answers"]) == ([], whole["answers"])
    assert sum(each["step"] == WINDOW for each in way) == 40


def test_trial_of_a_broken_model_ends_with_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("1 / 0")
    way, end = steps_of(tmp_path, tmp_path)
    assert way["step"] == IMPORTING
    (finding,) = end["findings"]
    assert finding["code"] == "import_error"
    assert "1 / 0" in finding["details"]


def test_made_up_bars_are_possible_and_always_the_same() -> None:
    block, again = made_up_bars(500, HOUR), made_up_bars(500, HOUR)
    assert (block.close == again.close).all()
    assert (block.high >= block.close).all()
    assert (block.high >= block.open).all()
    assert (block.low <= block.close).all()
    assert (block.low <= block.open).all()
    assert (block.volume > 0).all()
    assert block.close[-27:-22].max() == block.close[-140:].max()
    assert block.close[-3:].min() == block.close[-140:].min()


def test_trial_on_recorded_bars_finds_what_was_learnt_by_heart(tmp_path: Path) -> None:
    rows = ["ts,open,high,low,close,volume"]
    for t in range(300):
        price = 100 + t % 7
        rows.append(f"{iso(START + t * HOUR)},{price},{price + 1},{price - 1},{price},5")
    bars = tmp_path / "BTC-USDT_1h.csv"
    bars.write_text("\n".join(rows) + "\n")
    (tmp_path / "heart").mkdir()
    (tmp_path / "heart" / "model.py").write_text(
        "class TradeModel:\n"
        "    lookback = 5\n"
        "    def __init__(self, config): ...\n"
        "    def predict(self, f):\n"
        "        up = f.index[-1].year == 2024 and f.index[-1].hour > 12\n"
        "        return dict(timestamp=f.index[-1], signal=1 if up else -1, confidence=1)\n"
    )
    *_, end = steps_of(tmp_path / "heart", tmp_path)
    assert end["findings"] == []
    (tmp_path / "steps").unlink()
    *_, end = steps_of(tmp_path / "heart", tmp_path, bars=(str(bars),))
    assert [each["code"] for each in end["findings"]] == ["look_ahead"]
    assert "28 years later" in end["findings"][0]["message"]
    with pytest.raises(ConfigError, match=r"--bars: a trial takes 125 bars, there are 75; name"):
        check_model(tmp_path / "heart", timeframe="4h", bars=(str(bars),))
