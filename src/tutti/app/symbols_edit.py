"""Edits the text of a file of symbols by the entry, and leaves every other line as it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from tutti.app.symbols import parse_symbols
from tutti.model.errors import ConfigError
from tutti.universe.symbols import Symbol, SymbolList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.app.settings import AgentSettings

_KEY = "symbols"


def with_symbol(text: str, name: str, symbol: Symbol, agents: Sequence[AgentSettings]) -> str:
    """Return the text of a file of symbols with one more at its end.

    Parameters
    ----------
    text : str
        Of the file; empty for a new one.
    name : str
        What messages call the file.
    agents : sequence of AgentSettings
        Those that it may name.

    Raises
    ------
    ConfigError
        If the file or the symbol can't be used, or it is listed already.
    """
    listed = parse_symbols(text, name, agents).listed if _entries(text) else None
    before = () if listed is None else listed.symbols
    if any(each.symbol == symbol.symbol for each in before):
        raise ConfigError(
            f"{name}: {symbol.symbol} is listed already; edit its entry, or remove it first"
        )
    edited = _appended(text, symbol)
    return _checked(edited, name, (*before, symbol), agents)


def without_symbol(text: str, name: str, symbol: str, agents: Sequence[AgentSettings]) -> str:
    """Return the text of a file of symbols without one of them.

    Parameters
    ----------
    text, name, agents
        See `with_symbol`.

    Raises
    ------
    ConfigError
        If the file can't be used, or the symbol is not listed, or the only one.
    """
    listed = parse_symbols(text, name, agents).listed
    names = [each.symbol for each in listed.symbols]
    if symbol not in names:
        raise ConfigError(f"{name}: {symbol} is not listed; there are {', '.join(names)}")
    after = tuple(each for each in listed.symbols if each.symbol != symbol)
    # says that one has to stay, before anything is cut
    replace(listed, symbols=after)
    node = _entries(text)
    assert node is not None
    k = names.index(symbol)
    edited = _cut_flow(text, node, k) if node.flow_style else _cut_block(text, node, k)
    return _checked(edited, name, after, agents)


def _entries(text: str) -> yaml.SequenceNode | None:
    """Return the list of a text, None where there is none, or nothing in it."""
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError:
        return yaml.SequenceNode("", [])  # whoever parses it says what is wrong
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode):
        return yaml.SequenceNode("", [])
    for key, value in root.value:
        if key.value == _KEY and isinstance(value, yaml.SequenceNode):
            return value if value.value else None
    return None


def _appended(text: str, symbol: Symbol) -> str:
    node = _entries(text)
    if node is None:
        return _begun(text, symbol)
    if node.flow_style:
        end = node.end_mark.index - 1
        head = text[:end].rstrip().rstrip(",")
        return f"{head}, {_flow(symbol)}{text[end:]}"
    lines = text.splitlines(keepends=True)
    last = _last_line(node.value[-1])
    if not lines[last].endswith("\n"):
        lines[last] += "\n"
    lines.insert(last + 1, _block(symbol, node.start_mark.column))
    return "".join(lines)


def _begun(text: str, symbol: Symbol) -> str:
    """Return a text without symbols with its first, in the place of an empty list if there is one."""
    root = yaml.compose(text, yaml.SafeLoader)
    for key, value in root.value if root is not None else ():
        if key.value == _KEY:
            head, tail = text[: key.end_mark.index], text[value.end_mark.index :]
            return (
                f"{head}:\n{_block(symbol, 0)}{tail.removeprefix(':').lstrip(' ').lstrip(chr(10))}"
            )
    if text and not text.endswith("\n"):
        text += "\n"
    return f"{text}{_KEY}:\n{_block(symbol, 0)}"


def _cut_block(text: str, node: yaml.SequenceNode, k: int) -> str:
    lines = text.splitlines(keepends=True)
    item = node.value[k]
    del lines[item.start_mark.line : _last_line(item) + 1]
    return "".join(lines)


def _cut_flow(text: str, node: yaml.SequenceNode, k: int) -> str:
    begin, end = node.value[k].start_mark.index, node.value[k].end_mark.index
    if k + 1 < len(node.value):
        end = node.value[k + 1].start_mark.index
    else:
        begin = node.value[k - 1].end_mark.index
    return text[:begin] + text[end:]


def _last_line(node: yaml.Node) -> int:
    """Return the last line, from 0, with something of a node on it: comments behind it are not."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        line: int = node.end_mark.line
        # what ends at the beginning of a line ended with the line before
        return line if node.end_mark.column or line == node.start_mark.line else line - 1
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)


def _values(symbol: Symbol) -> list[tuple[str, str]]:
    limits = {
        "max_fraction": symbol.max_fraction, "max_notional": symbol.max_notional,
    }  # fmt: skip
    set_ = [f"{name}: {value:g}" for name, value in limits.items() if value is not None]
    found = [("symbol", symbol.symbol), ("exchanges", f"[{', '.join(symbol.exchanges)}]")]
    if symbol.strategy != Symbol.__dataclass_fields__["strategy"].default:
        found.append(("strategy", symbol.strategy))
    if set_:
        found.append(("limits", f"{{{', '.join(set_)}}}"))
    if symbol.agents is not None:
        found.append(("agents", f"[{', '.join(symbol.agents)}]"))
    return found


def _block(symbol: Symbol, indent: int) -> str:
    lines = [f"{key}: {value}" for key, value in _values(symbol)]
    return "".join(f"{' ' * indent}{'  ' if k else '- '}{line}\n" for k, line in enumerate(lines))


def _flow(symbol: Symbol) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in _values(symbol)) + "}"


def _checked(
    edited: str, name: str, wanted: tuple[Symbol, ...], agents: Sequence[AgentSettings]
) -> str:
    found: SymbolList = parse_symbols(edited, name, agents).listed
    if found.symbols != wanted:
        raise ConfigError(f"{name}: can't be edited without harm to it; edit it by hand")
    return edited
