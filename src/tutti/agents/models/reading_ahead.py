"""What in a model's source reads rows that come later: found without running it.

A frame ends with the bar that is asked about, so within ``predict`` such a call reads rows that
aren't there; within ``predict_all``, and wherever the code is tried on a whole history, it reads the
future. Only what ``predict`` and ``predict_all`` reach is looked at, in the files beside the model's
too: labels for training do look ahead, and must. A name counts as negative where it is only ever
given negative numbers.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ENTRIES = ("predict", "predict_all")
_BY_PERIODS = ("shift", "diff", "pct_change")
_WINDOWS = ("rolling", "expanding")
_BACKWARDS = ("bfill", "backfill")
_FITS = ("fit", "partial_fit", "fit_predict", "train", "lstsq", "polyfit")
"""A function that calls one of them learns from its window; its labels are later rows of the window,
all of them past. Where it answers about those rows, its answers are found to hang on later ones."""
_TWO_SIDED = ("filtfilt", "sosfiltfilt", "savgol_filter", "gaussian_filter1d")

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A call that reads later rows; ``file`` is the name of the file that it stands in."""

    file: str
    line: int
    told: str


def suspects(source: str, beside: Mapping[str, str] | None = None) -> tuple[Suspect, ...]:
    """Return the calls in a model's source that read later rows, in order of line.

    Parameters
    ----------
    source : str
        Of the model.
    beside : mapping of str to str, optional
        Source of files beside it by their name, whose functions it may call.
    """
    trees = {"": ast.parse(source)}
    for file, text in (beside or {}).items():
        try:
            trees[file] = ast.parse(text)
        except SyntaxError:
            continue  # the model would not have loaded if it used it
    functions: dict[str, list[tuple[str, _Function]]] = {}
    for file, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                not file or node.name not in _ENTRIES
            ):
                functions.setdefault(node.name, []).append((file, node))
    negative = _negative_names(trees.values())
    found: dict[tuple[str, int, str], Suspect] = {}
    for name in _reached(functions):
        for file, function in functions[name]:
            for call in _calls(function):
                if (told := _told(call, negative)) is not None:
                    key = file, call.lineno, told
                    found[key] = Suspect(file=file, line=call.lineno, told=told)
    return tuple(found[key] for key in sorted(found))


def _negative_names(trees: Iterable[ast.AST]) -> frozenset[str]:
    # names and attributes, and what arguments are where nothing else is given
    given: dict[str, list[bool]] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                given.setdefault(_name(target), []).append(_is_negative(node.value))
        elif isinstance(node, ast.arguments):
            placed = [*node.posonlyargs, *node.args]
            defaults = zip(placed[len(placed) - len(node.defaults) :], node.defaults, strict=True)
            named = [(k, each) for k, each in zip(node.kwonlyargs, node.kw_defaults, strict=True)]
            for argument, value in [*defaults, *named]:
                if value is not None:
                    given.setdefault(argument.arg, []).append(_is_negative(value))
    return frozenset(name for name, each in given.items() if name and all(each))


def _reached(functions: Mapping[str, Sequence[tuple[str, _Function]]]) -> list[str]:
    reached: list[str] = []
    waiting = [name for name in _ENTRIES if name in functions]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.append(name)
        waiting += [
            called
            for _, function in functions[name]
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and (called := _name(node.func)) in functions
        ]
    return reached


def _calls(function: _Function) -> list[ast.Call]:
    # without those that label rows to learn from
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    if "label" in function.name or any(_name(call.func) in _FITS for call in calls):
        return [call for call in calls if _name(call.func) not in _BY_PERIODS]
    return calls


def _told(call: ast.Call, negative: frozenset[str]) -> str | None:
    name = _name(call.func)
    named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    if name in _BY_PERIODS and isinstance(call.func, ast.Attribute):
        periods = named.get("periods", call.args[0] if call.args else None)
        if _is_negative(periods, negative):
            return f"{name}({ast.unparse(periods)}) reads rows that come later"  # type: ignore[arg-type]
    if name == "roll" and len(call.args) > 1 and _is_negative(call.args[1], negative):
        return "roll by a negative number reads rows that come later"
    if name in _WINDOWS and _is_true(named.get("center")):
        return f"{name}(center=True) reads as many later rows as earlier ones"
    if name in _BACKWARDS and isinstance(call.func, ast.Attribute):
        return f"{name}() fills with what comes later"
    if name == "fillna" and _is_text(named.get("method"), _BACKWARDS):
        return "fillna backwards fills with what comes later"
    if name == "interpolate" and _is_text(named.get("limit_direction"), ("backward", "both")):
        return "interpolate backwards fills with what comes later"
    if name in _TWO_SIDED:
        return f"{name}() smooths with what comes later"
    return None


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_negative(node: ast.expr | None, negative: frozenset[str] = frozenset()) -> bool:
    if isinstance(node, ast.Name | ast.Attribute):
        return _name(node) in negative
    if isinstance(node, ast.Call) and _name(node.func) in ("get", "int") and node.args:
        return _is_negative(node.args[-1], negative)  # config.get("lag", -1)
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and not (isinstance(node.operand, ast.Constant) and node.operand.value == 0)
    )


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _is_text(node: ast.expr | None, texts: tuple[str, ...]) -> bool:
    return isinstance(node, ast.Constant) and node.value in texts
