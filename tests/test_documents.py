"""What the pages promise is there: anchors, commands, options, settings, packages, names."""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
import typer
from pydantic import BaseModel

from tutti.app.settings import Config
from tutti.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parent.parent
_PAGES = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md"), *_ROOT.glob("examples/**/*.md")])
_CHANGES = _ROOT / "CHANGELOG.md"
_EVERYWHERE = {"--help"}


@cache
def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _where(page: Path) -> str:
    return page.relative_to(_ROOT).as_posix()


@cache
def _anchors(page: Path) -> frozenset[str]:
    prose = re.sub(r"```.*?```", "", _text(page), flags=re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", prose, flags=re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head).strip().lower() for head in heads]
    return frozenset(re.sub(r"[^\w\- ]", "", head).replace(" ", "-") for head in plain)


def _commands(command: Any, path: str = "tutti") -> Iterator[tuple[str, set[str]]]:
    yield path, {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, f"{path} {name}")


_COMMANDS = dict(_commands(typer.main.get_command(app)))


def _used(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command that ``text`` shows, and each option that follows it on its line."""
    for words, rest in re.findall(r"tutti((?: [a-z]+)+)([^\n`|;&]*)", text.replace("\\\n", " ")):
        command = "tutti"
        for word in words.split():
            if f"{command} {word}" not in _COMMANDS:
                break
            command = f"{command} {word}"
        for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", rest):
            yield command, option


def _settings(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        kinds = [field.annotation, *get_args(field.annotation)]
        for kind in [*kinds, *(below for each in kinds for below in get_args(each))]:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _settings(kind)


def _found(name: str) -> bool:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        return all((found := getattr(found, part, None)) is not None for part in parts[count:])
    return False


@pytest.mark.parametrize("page", _PAGES, ids=_where)
def test_anchors_of_links_are_headings(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", _text(page))
    astray = [
        f"{path}#{anchor}"
        for path, anchor in links
        if "://" not in path
        and anchor not in _anchors((page.parent / path).resolve() if path else page)
    ]
    assert not astray


@pytest.mark.parametrize("page", [page for page in _PAGES if page != _CHANGES], ids=_where)
def test_options_that_a_page_gives_to_a_command_are_known_to_it(page: Path) -> None:
    unknown = [
        f"{command} {option}"
        for command, option in _used(_text(page))
        if command != "tutti" and option not in _COMMANDS[command] | _EVERYWHERE
    ]
    assert not unknown


def test_every_command_is_in_some_page() -> None:
    told = "\n".join(map(_text, _PAGES))
    ends = [
        path for path in _COMMANDS if not any(each.startswith(path + " ") for each in _COMMANDS)
    ]
    assert len(ends) > 50, "the commands are not found any more"
    assert [path for path in ends if path not in told and not _in_a_list(path, told)] == []


def _in_a_list(path: str, told: str) -> bool:
    """Tell whether a page names the command behind others: `tutti up`, `status`, `down`."""
    *group, last = path.split()
    begin = re.escape(" ".join(group))
    return re.search(rf"`{begin}(?: [a-z]+)?`[^\n|]*`{last}[` ]", told) is not None


def test_every_setting_is_in_the_page_on_configuration() -> None:
    words = set(re.findall(r"[a-z][a-z_0-9]*", _text(_ROOT / "docs" / "configuration.md")))
    names = set(_settings(Config))
    assert len(names) > 100, "the settings are not found any more"
    assert names - words == set()


def test_packages_in_the_page_on_architecture_are_those_that_there_are() -> None:
    rows = re.findall(
        r"^\| (`[a-z`, ]+) \| ", _text(_ROOT / "docs" / "architecture.md"), re.MULTILINE
    )
    told = {name for row in rows for name in re.findall(r"`([a-z]+)`", row)}
    there = {path.parent.name for path in (_ROOT / "src" / "tutti").glob("*/__init__.py")}
    assert there <= told


@pytest.mark.parametrize("page", _PAGES, ids=_where)
def test_names_of_ours_in_a_page_can_be_imported(page: Path) -> None:
    names = set(re.findall(r"`(tutti(?:\.[A-Za-z_]+)+)", _text(page)))
    groups = {"tutti.agents", "tutti.policies", "tutti.models", "tutti.yaml"}  # of plug-ins, a file
    assert [name for name in sorted(names - groups) if not _found(name)] == []
