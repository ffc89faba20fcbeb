"""Keys that a command prints."""

from __future__ import annotations

import shlex
import sys

import pytest

from tutti.adapters.secrets.command import CommandKeys
from tutti.model.errors import ConfigError

_KEY = "hunter2-hunter2-hunter2"


def _python(code: str) -> str:
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} {{venue}}"


def test_command_gives_the_fields_that_it_prints_as_json() -> None:
    code = f"import json, sys; print(json.dumps({{sys.argv[1]: {{'api_key': '{_KEY}'}}}}))"
    found = CommandKeys(_python(code)).read("KRAKEN")
    assert found["api_key"].get_secret_value() == _KEY


def test_command_may_print_the_fields_of_the_venue_alone() -> None:
    found = CommandKeys(_python('print(\'{"api_key": "k", "secret": "s"}\')')).read("KRAKEN")
    assert set(found) == {"api_key", "secret"}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (_python(f"print('{_KEY}'); raise SystemExit(3)"), "failed with code 3"),
        (_python(f"print('{_KEY}')"), "did not print JSON"),
        (_python(f"print('[\"{_KEY}\"]')"), "must print an object"),
        ("/no/such/command", "can't be run"),
        ("", "can't be run"),
    ],
    ids=["fails", "text", "list", "absent", "empty"],
)
def test_command_that_does_not_give_keys_is_told_without_what_it_printed(
    command: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as told:
        CommandKeys(command).read("KRAKEN")
    assert _KEY not in str(told.value).replace(command, "")
