"""``tutti models``: begun, checked, listed; and what is said where one breaks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti


def test_new_model_is_written_and_conforms(tutti: Tutti, tmp_path: Path) -> None:
    told = tutti("models", "new", "mine", "--in", "models")
    assert told.code == 0
    assert "next: tutti models check models/mine" in told.out
    checked = tutti("models", "check", "models/mine", "--param", "fast=6")
    assert checked.code == 0
    assert "mine conforms: 40 predictions" in checked.out
    assert (tmp_path / "models" / "mine" / "model.py").is_file()


def test_check_answers_in_json_and_with_the_code_of_a_gate(tutti: Tutti, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "class TradeModel:\n"
        "    def __init__(self, config): ...\n"
        "    def predict(self, f):\n"
        "        return {'timestamp': f.index[-1], 'signal': 5, 'confidence': 1}\n"
    )
    told = tutti("models", "check", "bad.py", "--json")
    assert told.code == 3
    document = json.loads(told.out)
    assert document["ok"] is False
    assert [each["code"] for each in document["findings"]] == ["range"]
    plain = tutti("models", "check", "bad.py")
    assert "bad does not conform: 1 finding" in plain.out


def test_parameter_without_a_value_is_refused(tutti: Tutti, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("")
    told = tutti("models", "check", "model.py", "--param", "fast")
    assert told.code == 2
    assert "--param must be KEY=VALUE, was 'fast'" in told.err


def test_models_are_listed_with_those_who_run_them(tutti: Tutti, tmp_path: Path) -> None:
    assert "no models: write one with tutti models new NAME" in tutti("models", "list").out
    tutti("models", "new", "one", "--in", "models")
    tutti("models", "new", "two", "--in", "models")
    (tmp_path / "c.yaml").write_text(
        "models: {folders: [models]}\n"
        "agents: [{name: voice, kind: lf_analyst, params: {model: one}}]\n"
    )
    told = tutti("models", "list", "--config", "c.yaml", "--json")
    assert json.loads(told.out)["models"] == [
        {"name": "one", "origin": "models/one/model.py", "agents": ["voice"]},
        {"name": "two", "origin": "models/two/model.py", "agents": []},
    ]
    assert "nobody" in tutti("models", "list", "--config", "c.yaml").out


def test_broken_model_stops_a_backtest_with_its_name_and_traceback(
    tutti: Tutti, tmp_path: Path, bars: Path
) -> None:
    (tmp_path / "models" / "bad").mkdir(parents=True)
    (tmp_path / "models" / "bad" / "model.py").write_text("weights = {}\nweights['w']\n")
    (tmp_path / "c.yaml").write_text(
        "models: {folders: [models]}\n"
        "agents: [{name: voice, kind: lf_analyst, params: {model: bad, timeframe: 1h}}]\n"
    )
    told = tutti("backtest", "--config", "c.yaml", "--bars", bars)
    assert told.code == 2
    line, *details = told.err.strip().splitlines()[-8:]
    assert "model bad (models/bad/model.py) does not load: KeyError: 'w'" in told.err
    assert "c.yaml:2: agents[0].params" in told.err
    assert any("line 2, in <module>" in each for each in (line, *details))
    as_json = tutti("backtest", "--config", "c.yaml", "--bars", bars, "--json")
    assert "weights['w']" in json.loads(as_json.err)["details"]


def test_backtest_says_that_a_models_answers_were_refused(
    tutti: Tutti, tmp_path: Path, bars: Path
) -> None:
    (tmp_path / "models" / "wild").mkdir(parents=True)
    (tmp_path / "models" / "wild" / "model.py").write_text(
        "class TradeModel:\n"
        "    lookback = 391\n"
        "    def __init__(self, config): ...\n"
        "    def predict(self, f):\n"
        "        return {'timestamp': f.index[-1], 'signal': 1, 'confidence': 7}\n"
    )
    (tmp_path / "c.yaml").write_text(
        "models: {folders: [models]}\n"
        "agents: [{name: voice, kind: lf_analyst, params: {model: wild, timeframe: 1h}}]\n"
    )
    told = tutti("backtest", "--config", "c.yaml", "--bars", bars, "--tier", "fast")
    assert told.code == 0
    assert "agent voice: 10 of 10 answers of model wild were refused (10 range)" in told.out


def test_model_that_is_awaited_speaks_in_a_backtest_and_is_replayed(
    tutti: Tutti, tmp_path: Path, bars: Path
) -> None:
    (tmp_path / "models" / "far").mkdir(parents=True)
    code = (
        "class TradeModel:\n"
        "    lookback = 20\n"
        "    awaited = {awaited}\n"
        "    def __init__(self, config): ...\n"
        "    def predict(self, f):\n"
        "        up = f['close'].iloc[-1] > f['close'].mean()\n"
        "        return dict(timestamp=f.index[-1], signal=1 if up else -1, confidence=0.9)\n"
    )
    (tmp_path / "c.yaml").write_text(
        "models: {folders: [models]}\n"
        "agents: [{name: voice, kind: lf_analyst, params: {model: far, timeframe: 2h}}]\n"
        "policy: {entry_threshold: 0.1, exit_threshold: 0.05}\n"
    )
    fills = []
    for awaited in (True, False):
        (tmp_path / "models" / "far" / "model.py").write_text(code.format(awaited=awaited))
        told = tutti(
            "backtest", "--config", "c.yaml", "--bars", bars, "--tier", "both", "--out", "run",
            "--json",
        )  # fmt: skip
        assert told.code == 0, told.err
        document = json.loads(told.out)
        assert document["parity"]["fills_equal"]
        fills.append((document["n_fills"], document["final_equity"]))
        if awaited:
            (silence,) = [each for each in document["findings"] if "abstentions" in each]
            assert silence == (
                "agent voice: 20 of 201 answers were abstentions, most often (20): "
                "no view yet: it takes 20 bars of 2h"
            )
        assert tutti("replay", "run").code == 0
    assert fills[0] == fills[1]
    assert fills[0][0] > 0
