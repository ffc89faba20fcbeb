"""Runs a notebook from top to bottom without Jupyter, and keeps what its cells show.

    python examples/notebooks/run_notebook.py examples/notebooks/evaluate.ipynb [--data FOLDER]

Cells are plain Python. What a cell prints, and the value of its last line, become its outputs, as
in Jupyter. A cell tagged "parameters" is followed by those given here.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = (("_repr_svg_", "image/svg+xml"), ("_repr_html_", "text/html"))


def run_notebook(path: Path, parameters: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Return the notebook with the outputs of a fresh run, in the folder that it lies in."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    number = 0
    with contextlib.chdir(path.parent):
        for cell in notebook["cells"]:
            if cell["cell_type"] != "code":
                continue
            number += 1
            cell["execution_count"] = number
            cell["outputs"] = _run("".join(cell["source"]), names, number)
            if "parameters" in cell["metadata"].get("tags", ()):
                names.update(parameters or {})
    return notebook


def written(notebook: Mapping[str, Any]) -> str:
    """Return the notebook as its file holds it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _run(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    said, value = io.StringIO(), None
    with contextlib.redirect_stdout(said):
        exec(compile(tree, f"<cell {number}>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval"), names)
    outputs: list[dict[str, Any]] = []
    if said.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(said.getvalue())})
    if value is not None:
        outputs.append(
            {
                "output_type": "execute_result",
                "execution_count": number,
                "metadata": {},
                "data": _shown(value),
            }
        )
    return outputs


def _shown(value: object) -> dict[str, list[str]]:
    found = {"text/plain": _lines(repr(value))}
    for method, kind in _SHOWN:
        if hasattr(value, method):
            found[kind] = _lines(getattr(value, method)())
    return found


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> None:
    """Run the notebooks that are named and write their outputs into them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, help="folder of recorded market data")
    chosen = parser.parse_args()
    parameters = {"DATA": chosen.data.resolve()} if chosen.data else {}
    for path in chosen.notebooks:
        path.write_text(written(run_notebook(path.resolve(), parameters)), encoding="utf-8")
        print(f"ran {path}")


if __name__ == "__main__":
    main()
