"""For people or for machines, never both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tutti.cli.output import Output


def test_output_for_a_machine_is_the_object_alone(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.say("hello")
    output.table(("a",), [("1",)])
    output.finish({"path": Path("x")}, [Path("x")])
    assert json.loads(capsys.readouterr().out) == {"path": "x"}


def test_output_for_people_has_no_braces(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.say("hello [bold]you[/bold]")
    output.table(("name", "count"), [("a [red]", "1"), ("b", "22")], numbers_from=1, title="T")
    output.finish({"a": 1})
    out = capsys.readouterr().out
    assert "hello [bold]you[/bold]" in out
    assert "a [red]" in out
    assert "{" not in out


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (["runs/a/report.html"], "wrote runs/a/report.html\n"),
        (["runs/a/x.csv", "runs/a/y.csv"], "wrote to runs/a: x.csv, y.csv\n"),
        (["runs/a/x.csv", "other/y.csv"], "wrote to runs/a: x.csv, other/y.csv\n"),
        ([], ""),
    ],
)
def test_output_ends_with_what_was_written(
    capsys: pytest.CaptureFixture[str], written: list[str], told: str
) -> None:
    Output(as_json=False).finish({}, [Path(path) for path in written])
    assert capsys.readouterr().out == told


def test_output_that_json_can_not_say_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Output(as_json=True).finish({"a": float("nan")})
