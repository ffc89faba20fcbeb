"""YAML as plain values, with the line that each key stands on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from tutti.model.errors import ConfigError

Key = tuple[str | int, ...]
"""Where a value is: names of mappings and positions in lists, from the top."""

_MOST_VALUES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A YAML file's values.

    Parameters
    ----------
    name : str
        File name as messages show it.
    lines : mapping of Key to int
        Line, from 1, of each key and list entry.
    """

    name: str
    values: Mapping[str, object]
    lines: Mapping[Key, int]

    def where(self, key: Key) -> str:
        """Return ``name:line`` of the key, or of the nearest one above it that is in the file."""
        while key and key not in self.lines:
            key = key[:-1]
        return f"{self.name}:{self.lines[key]}" if key else self.name


class _Loader(yaml.SafeLoader):
    """Reads scalars as YAML 1.2 does: ``no`` is text, 1e-3 a number, 12:30 and dates are text."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(f"^(?:{_pattern})$"),
        ["" if first == "\0" else first for first in _first],
    )


def read_document(text: str, name: str) -> Document:
    """Return the values of a YAML text whose top level is a mapping, or nothing at all.

    Raises
    ------
    ConfigError
        If it is not YAML, holds a key twice, or its top level is something else.
    """
    reader = _Reader(name)
    try:
        root = _Loader(text).get_single_node()
        values = {} if root is None else reader.value(root, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        problem = str(error.problem or error.context)
        if problem.startswith("but "):
            problem = f"{error.context} {problem}"
        advice = (
            "indent with spaces" if "'\\t'" in problem else "check colons, quotes and indentation"
        )
        raise ConfigError(f"{name}{line}: not valid YAML: {problem}; {advice}") from error
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise ConfigError(f"{name}: not valid YAML: {problem}; remove it") from error
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deeply; close the brackets") from error
    if values is None:
        values = {}
    if not isinstance(values, dict):
        first = root.start_mark.line + 1 if root else 1
        raise ConfigError(
            f"{name}:{first}: must hold keys, for example seed: 7, was {_kind(values)}"
        )
    return Document(name=name, values=values, lines=reader.lines)


class _Reader:
    def __init__(self, name: str) -> None:
        self.lines: dict[Key, int] = {}
        self._scalars = _Loader("")
        self._name = name
        self._above: list[yaml.Node] = []
        self._n_values = 0

    def value(self, node: yaml.Node, key: Key) -> object:
        self._n_values += 1
        if node in self._above or self._n_values > _MOST_VALUES:
            raise self._error(
                node, "an alias leads back to itself or to too many values; write them out"
            )
        self._above.append(node)
        if isinstance(node, yaml.MappingNode):
            value: object = self._mapping(node, key)
        elif isinstance(node, yaml.SequenceNode):
            value = self._sequence(node, key)
        else:
            value = self._scalar(node)
        self._above.pop()
        return value

    def _scalar(self, node: yaml.Node) -> object:
        try:
            return self._scalars.construct_object(node)
        except ValueError as error:
            raise self._error(node, "a value can't be read; write it shorter") from error

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            name = self.value(key_node, key)
            if not isinstance(name, str):
                raise self._error(
                    key_node, f"a key must be text, was {name!r}; put it in quotes or remove it"
                )
            if name in found:
                first = self.lines[*key, name]
                raise self._error(
                    key_node,
                    f"{dotted((*key, name))} is here twice, first in line {first}; remove one",
                )
            self.lines[*key, name] = key_node.start_mark.line + 1
            found[name] = self.value(value_node, (*key, name))
        return found

    def _sequence(self, node: yaml.SequenceNode, key: Key) -> list[object]:
        found = []
        for index, item in enumerate(node.value):
            self.lines[*key, index] = item.start_mark.line + 1
            found.append(self.value(item, (*key, index)))
        return found

    def _error(self, node: yaml.Node, problem: str) -> ConfigError:
        return ConfigError(f"{self._name}:{node.start_mark.line + 1}: {problem}")


def dotted(key: Key) -> str:
    """Return a key as people write it: ``agents[0].weight``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".")


def _kind(value: object) -> str:
    return "a list" if isinstance(value, list) else repr(value)
