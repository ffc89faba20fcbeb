"""What in a model's source reads rows that come later: found without running it.

A frame ends with the bar that is asked about, so within ``predict`` such a call reads rows that
aren't there; within ``predict_all``, and wherever the code is tried on a whole history, it reads the
future. Only what ``predict`` and ``predict_all`` reach is looked at: labels for training do look
ahead, and must.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TypeAlias

_ENTRIES = ("predict", "predict_all")
_BY_PERIODS = ("shift", "diff", "pct_change")
_WINDOWS = ("rolling", "expanding")
_BACKWARDS = ("bfill", "backfill")
_TWO_SIDED = ("filtfilt", "sosfiltfilt", "savgol_filter", "gaussian_filter1d")

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A call that reads later rows."""

    line: int
    told: str


def suspects(source: str) -> tuple[Suspect, ...]:
    """Return the calls in a model's source that read later rows, in order of line."""
    tree = ast.parse(source)
    functions: dict[str, _Function] = {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    found: dict[tuple[int, str], Suspect] = {}
    for name in _reached(functions):
        for node in ast.walk(functions[name]):
            if isinstance(node, ast.Call) and (told := _told(node)) is not None:
                found[node.lineno, told] = Suspect(line=node.lineno, told=told)
    return tuple(found[key] for key in sorted(found))


def _reached(functions: dict[str, _Function]) -> list[str]:
    reached: list[str] = []
    waiting = [name for name in _ENTRIES if name in functions]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.append(name)
        waiting += [
            called
            for node in ast.walk(functions[name])
            if isinstance(node, ast.Call) and (called := _name(node.func)) in functions
        ]
    return reached


def _told(call: ast.Call) -> str | None:
    name = _name(call.func)
    named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    if name in _BY_PERIODS and isinstance(call.func, ast.Attribute):
        periods = named.get("periods", call.args[0] if call.args else None)
        if _is_negative(periods):
            return f"{name}({ast.unparse(periods)}) reads rows that come later"  # type: ignore[arg-type]
    if name == "roll" and len(call.args) > 1 and _is_negative(call.args[1]):
        return "roll by a negative number reads rows that come later"
    if name in _WINDOWS and _is_true(named.get("center")):
        return f"{name}(center=True) reads as many later rows as earlier ones"
    if name in _BACKWARDS and isinstance(call.func, ast.Attribute):
        return f"{name}() fills with what comes later"
    if name == "fillna" and _is_text(named.get("method"), _BACKWARDS):
        return "fillna backwards fills with what comes later"
    if name in _TWO_SIDED:
        return f"{name}() smooths with what comes later"
    return None


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_negative(node: ast.expr | None) -> bool:
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and not (isinstance(node.operand, ast.Constant) and node.operand.value == 0)
    )


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _is_text(node: ast.expr | None, texts: tuple[str, ...]) -> bool:
    return isinstance(node, ast.Constant) and node.value in texts
