"""Until when models were trained, as people read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tutti.app.knowledge import cutoff_rows
from tutti.cli.boundary import run
from tutti.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_CONFIG = """
agents:
  - {name: wire, kind: news, model: "openai:gpt-5-mini", fallback: ["ollama:llama3.2", "my:own"]}
llm:
  cutoffs: {"my:own": "2025-01"}
  cutoff_margin_days: 30
"""


def test_cutoffs_of_a_configuration_are_those_of_the_models_it_asks(tmp_path: Path) -> None:
    config = tmp_path / "tutti.yaml"
    config.write_text(_CONFIG, encoding="utf-8")
    rows = cutoff_rows(config, [])
    assert [(row.model, row.stated, row.clean_from) for row in rows] == [
        ("openai:gpt-5-mini", "2024-05-30", "2024-06-30"),
        ("ollama:llama3.2", "2023-12", "2024-01-31"),
        ("my:own", "2025-01", "2025-03-03"),
    ]


def test_cutoffs_command_says_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["llm", "cutoffs", "openai:gpt-99", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["models"] == [
        {"model": "openai:gpt-99", "cutoff": None, "clean_from": None, "source": None}
    ]
    assert run(app, ["llm", "cutoffs", "openai:gpt-99"]) == 0
    assert "never" in capsys.readouterr().out


def test_cutoffs_command_lists_everything_that_is_built_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(app, ["llm", "cutoffs", "--all", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["models"]) > 100
    assert run(app, ["llm", "cutoffs"]) == 0
    assert "No agent asks a language model" in capsys.readouterr().out
