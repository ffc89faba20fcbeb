"""Every notebook runs from top to bottom, and shows what it says it shows."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

_FOLDER = Path(__file__).resolve().parents[2] / "examples" / "notebooks"
_NOTEBOOKS = sorted(_FOLDER.glob("*.ipynb"))
_AGAIN = "run it again: python examples/notebooks/run_notebook.py examples/notebooks/*.ipynb"

pytestmark = [pytest.mark.slow, pytest.mark.data]


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_notebook", _FOLDER / "run_notebook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(notebook: dict[str, Any]) -> list[str]:
    """Return what people read of each cell: what it printed, its value as text."""
    texts = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            lines = output.get("text") or output["data"]["text/plain"]
            texts.append("".join(lines))
    return texts


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_run_anew_shows_what_is_stored(
    path: Path, runner: ModuleType, market_data: Path
) -> None:
    fresh = runner.run_notebook(path, {"DATA": market_data.resolve()})
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert shown(fresh) == shown(stored), _AGAIN
    assert any("image/svg+xml" in str(cell.get("outputs")) for cell in fresh["cells"])


def test_notebooks_are_there() -> None:
    assert _NOTEBOOKS
