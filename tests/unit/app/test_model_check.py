"""Models tried in processes of their own: whatever they do, there is an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.app.model_check import ModelCheck, check_model
from tutti.app.model_template import write_template
from tutti.model.errors import ConfigError
from tutti.testing.conformance.models import findings_of

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = """
import os, pathlib, sys, time
class TradeModel:
    lookback = 5
    def __init__(self, config):
        self.room = pathlib.Path(__file__).parent
        self.config = config
    def said(self, f, signal=1):
        return {"timestamp": f.index[-1], "signal": signal, "confidence": 0.5}
    def predict(self, f):
"""


def checked(folder: Path, body: str, time_limit_s: float = 30.0) -> ModelCheck:
    (folder / "model.py").write_text(_HEAD + "        " + body + "\n")
    return check_model(folder, time_limit_s=time_limit_s)


def test_model_of_the_template_conforms(tmp_path: Path) -> None:
    files = write_template("fresh_one", tmp_path)
    assert [file.name for file in files] == [
        "model.py",
        "README.md",
        "test_fresh_one.py",
        "__init__.py",
    ]
    assert findings_of(tmp_path / "fresh_one", fast=6) == ()


@pytest.mark.parametrize(
    ("name", "instead"),
    [("my-model", "my_model"), ("a.b/c", "a_b_c"), ("1st", "my_model"), ("", "my_model")],
)
def test_name_that_is_no_modules_is_refused(tmp_path: Path, name: str, instead: str) -> None:
    told = f"letters, digits and underscores, was .*; write for example {instead}$"
    with pytest.raises(ConfigError, match=told):
        write_template(name, tmp_path)


def test_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(ConfigError, match="is there already"):
        write_template("mine", tmp_path)


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("os._exit(7)", "shape", "ended its process in predict (exit code 7)"),
        ("os.abort()", "shape", "ended its process in predict (SIGABRT)"),
        (
            "return self.said(f, len(open(self.room / 'next.csv').read()))",
            "look_ahead",
            "next.csv: what is in it may be newer than the bar",
        ),
        (
            "return {**self.said(f), 'confidence': os.getpid() % 997 / 997}",
            "nondeterministic",
            "two processes that were shown the same answered differently",
        ),
        (
            "return self.said(f, 1 if hash(str(f.index[-1])) % 2 else -1)",
            "nondeterministic",
            "two processes that were shown the same answered differently",
        ),
        (
            "return self.said(f, len(next(iter({'x', 'xx'}))) - 1)",
            "nondeterministic",
            "two processes that were shown the same answered differently",
        ),
        ("return self.said(f, 0 * f['close'].shift(-1).iloc[0])", "look_ahead", ":11: shift(-1)"),
    ],
)
def test_model_is_found_out(tmp_path: Path, body: str, code: str, told: str) -> None:
    (tmp_path / "next.csv").write_text("1")
    found = checked(tmp_path, body)
    assert [each.code for each in found.findings] == [code]
    assert told in found.findings[0].message


def test_model_that_never_answers_is_ended_and_slow(tmp_path: Path) -> None:
    found = checked(tmp_path, "while True: pass", time_limit_s=5.0)
    assert [each.code for each in found.findings] == ["slow"]
    assert found.findings[0].message.startswith("was ended: it didn't come back ")
    assert found.findings[0].message.endswith("or within 5 s")
    assert (found.n_predictions, found.median_ms) == (0, None)


def test_model_that_hangs_later_is_ended_before_the_limit(tmp_path: Path) -> None:
    body = (
        "self.n = getattr(self, 'n', 0) + 1\n"
        "        while self.n == 3: pass\n"
        "        return self.said(f)"
    )
    found = checked(tmp_path, body, time_limit_s=100.0)
    assert [each.code for each in found.findings] == ["slow"]
    assert "in predict, number 3" in found.findings[0].message


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os; os._exit(3)", "ended its process while it was imported (exit code 3)"),
        ("import nowhere_at_all", "ModuleNotFoundError"),
        ("def", "SyntaxError"),
        (
            "class TradeModel:\n def __init__(self, config): raise OSError('no weights')",
            "no weights",
        ),
        ("x = 1", "holds no classes with predict"),
    ],
)
def test_model_that_can_not_be_imported_is_an_import_error(
    tmp_path: Path, code: str, told: str
) -> None:
    (tmp_path / "model.py").write_text(code)
    found = check_model(tmp_path)
    assert [each.code for each in found.findings] == ["import_error"]
    assert told in found.findings[0].message


def test_file_with_a_fault_in_its_syntax_is_told_in_one_line_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("x = 1\nthis is no python\n")
    (finding,) = check_model(tmp_path / "bad.py").findings
    place = f"{tmp_path / 'bad.py'}:2"
    assert finding.code == "import_error"
    assert finding.message == (
        f"model bad ({tmp_path / 'bad.py'}) does not load: SyntaxError: invalid syntax ({place}); "
        "correct it or its params"
    )


def test_file_of_another_kind_is_told_in_one_line_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("bars go up\nand down\n")
    (finding,) = check_model(tmp_path / "notes.txt").findings
    assert (finding.code, finding.details) == ("import_error", "")
    assert finding.message.startswith(
        f"model notes ({tmp_path / 'notes.txt'}) does not load: its name"
    )
    assert "\n" not in finding.message


def test_file_beside_a_model_that_is_no_python_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "scratch.py").write_text("print 'old'\n")
    assert checked(tmp_path, "return self.said(f)").ok


def test_model_in_another_encoding_is_checked_like_any_other(tmp_path: Path) -> None:
    assert checked(tmp_path, "return self.said(f)").ok
    file = tmp_path / "model.py"
    file.write_bytes(b"# -*- coding: latin-1 -*-\n# \xfc\n" + file.read_bytes())
    assert check_model(tmp_path).ok


def test_weights_may_be_read_with_the_first_prediction(tmp_path: Path) -> None:
    (tmp_path / "weights.txt").write_text("1")
    body = (
        "self.w = getattr(self, 'w', None) or int((self.room / 'weights.txt').read_text())\n"
        "        return self.said(f, self.w)"
    )
    assert checked(tmp_path, body).ok
    again = checked(tmp_path, "return self.said(f, int((self.room / 'weights.txt').read_text()))")
    assert [each.code for each in again.findings] == ["look_ahead"]


def test_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; name a model's folder"):
        check_model(tmp_path / "absent")
    with pytest.raises(ConfigError, match="--timeframe: timeframe must be a number and"):
        check_model(tmp_path, timeframe="fortnight")
