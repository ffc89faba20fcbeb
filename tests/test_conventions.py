"""House rules that no linter knows."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_NAMES_THAT_SAY_NOTHING = {"base", "common", "core", "helpers", "manager", "misc", "utils"}
_ABBREVIATIONS = ("e.g.", "i.e.", "cf.", "vs.", "et al.")


@dataclass(frozen=True, kw_only=True)
class _Module:
    path: Path

    @property
    def where(self) -> str:
        return self.path.relative_to(_ROOT).as_posix()

    @property
    def words(self) -> set[str]:
        """Return the module's name, or its package's, in words."""
        name = self.path.parent.name if self.path.stem == "__init__" else self.path.stem
        return set(name.lower().split("_"))

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), filename=self.where)


def _modules_in(folder: str) -> list[_Module]:
    return [_Module(path=path) for path in sorted((_ROOT / folder).rglob("*.py"))]


_SOURCE = _modules_in("src")
_TESTS = _modules_in("tests")
_ALL = _SOURCE + _TESTS + _modules_in("benchmarks") + _modules_in("examples")


def _calls_of(name: str, tree: ast.AST) -> list[int]:
    """Return the lines that call ``name``, plain or as an attribute, or replace() one."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == name)
            or (isinstance(node.func, ast.Attribute) and node.func.attr == name)
        )
    ]


def _aliases_of(name: str, tree: ast.AST) -> list[int]:
    """Return the lines that give ``name`` another name, by which a call could hide."""
    imported = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == name and alias.asname not in (None, name)
    ]
    assigned = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
        and isinstance(node.value, ast.Name | ast.Attribute)
        and name == (node.value.id if isinstance(node.value, ast.Name) else node.value.attr)
    ]
    return imported + assigned


def test_approved_order_outside_risk_is_never_made() -> None:
    strangers = [m for m in _SOURCE if not m.where.startswith("src/tutti/risk/")]
    made = [
        f"{module.where}:{line}"
        for module in strangers
        for line in (
            *_calls_of("ApprovedOrder", module.tree),
            *_aliases_of("ApprovedOrder", module.tree),
        )
    ]
    assert not made, f"only tutti.risk makes an ApprovedOrder; see {made}"


@pytest.mark.parametrize(
    "source",
    ["ApprovedOrder(intent=i)", "model.ApprovedOrder()", "from m import ApprovedOrder as A"],
)
def test_scan_for_approved_order_any_spelling_is_found(source: str) -> None:
    tree = ast.parse(source)
    assert _calls_of("ApprovedOrder", tree) + _aliases_of("ApprovedOrder", tree) == [1]


def test_mocks_anywhere_are_absent() -> None:
    mocked = [
        f"{module.where}:{node.lineno}"
        for module in _ALL
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.ImportFrom) and "mock" in (node.module or "").split("."))
        or (
            isinstance(node, ast.Import | ast.ImportFrom)
            and any("mock" in alias.name.split(".") for alias in node.names)
        )
        or (isinstance(node, ast.arg) and node.arg == "mocker")
    ]
    assert not mocked, f"use a fake, not a mock; see {mocked}"


def test_module_names_all_say_something() -> None:
    empty = [module.where for module in _ALL if module.words & _NAMES_THAT_SAY_NOTHING]
    assert not empty, f"name these for what they hold: {empty}"


@pytest.mark.parametrize("module", _SOURCE, ids=lambda module: module.where)
def test_module_docstring_is_there_and_starts_with_one_sentence(module: _Module) -> None:
    docstring = ast.get_docstring(module.tree)
    assert docstring, f"{module.where} has no docstring"
    summary = " ".join(docstring.split("\n\n")[0].split())
    assert summary.endswith("."), f"{module.where}: end the sentence with a full stop"
    sentence = summary[:-1]
    for abbreviation in _ABBREVIATIONS:
        sentence = sentence.replace(abbreviation, "")
    assert ". " not in sentence, f"{module.where}: one sentence first, the rest below it"


def test_unit_tests_mirror_the_source() -> None:
    packages = {m.path.parent.relative_to(_ROOT / "src" / "tutti").as_posix() for m in _SOURCE}
    astray = [
        module.where
        for module in _modules_in("tests/unit")
        if module.path.stem.startswith("test_")
        and module.path.parent.relative_to(_ROOT / "tests" / "unit").as_posix() not in packages
    ]
    assert not astray, f"no such package under src/tutti: {astray}"


def test_links_in_documents_lead_somewhere() -> None:
    documents = [*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md"), *_ROOT.glob("benchmarks/*.md")]
    links = [
        (document, link)
        for document in documents
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
        if "://" not in link
    ]
    assert len(links) > 10, "the pattern finds nothing any more"
    astray = [
        f"{document.relative_to(_ROOT)}: {link}"
        for document, link in links
        if not (document.parent / link).exists()
    ]
    assert not astray, f"correct these links: {astray}"
