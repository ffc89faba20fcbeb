"""Keys on this machine: what is read, what is refused, and that nothing of them is told."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tutti.adapters.secrets.local import EnvironmentKeys, FileKeys, KeyringKeys
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_KEY = "hunter2-hunter2-hunter2"


def _file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "keys.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_environment_gives_the_fields_of_a_venue() -> None:
    keys = EnvironmentKeys(
        {
            "TUTTI_KRAKEN_API_KEY": f" {_KEY}\n",
            "TUTTI_KRAKEN_SECRET": "s",
            "TUTTI_KRAKEN_PASSPHRASE": "",
            "TUTTI_BINANCE_API_KEY": "other",
        }
    )
    found = keys.read("KRAKEN")
    assert {name: value.get_secret_value() for name, value in found.items()} == {
        "api_key": _KEY,
        "secret": "s",
    }
    assert keys.read("KUCOIN") == {}
    assert _KEY not in repr(found)


def test_file_gives_the_fields_under_the_venues_name(tmp_path: Path) -> None:
    path = _file(tmp_path, f"KRAKEN:\n  apiKey: {_KEY}\n  secret: s\nBINANCE: {{api_key: b}}\n")
    found = FileKeys(path).read("KRAKEN")
    assert found["api_key"].get_secret_value() == _KEY
    assert set(found) == {"api_key", "secret"}
    assert FileKeys(path).read("KUCOIN") == {}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = _file(tmp_path, f"KRAKEN: {{api_key: {_KEY}}}", mode)
    with pytest.raises(ConfigError, match="chmod 600") as told:
        FileKeys(path).read("KRAKEN")
    assert _KEY not in str(told.value)


@pytest.mark.parametrize(
    "text",
    [
        f"KRAKEN: {{api_key: {_KEY}",
        f"- {_KEY}",
        f"KRAKEN: {_KEY}\nBINANCE: {{api_key: x}}",
        f"KRAKEN: {{api_key: [{_KEY}]}}",
        f"KRAKEN: {{api_keys: {_KEY}}}",
        "KRAKEN: {api_key: 12345}",
    ],
    ids=["broken", "list", "text", "no text", "unknown field", "number"],
)
def test_file_that_is_not_understood_is_refused_without_quoting_it(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(ConfigError) as told:
        FileKeys(_file(tmp_path, text)).read("KRAKEN")
    assert _KEY not in str(told.value)
    assert told.value.__cause__ is None


def test_file_that_is_absent_or_empty_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no keys can be read"):
        FileKeys(tmp_path / "none.yaml").read("KRAKEN")
    assert FileKeys(_file(tmp_path, "")).read("KRAKEN") == {}


class _Keyring(ModuleType):
    """Keyring of one field; or one that is locked."""

    def __init__(self, kept: dict[tuple[str, str], str], *, is_locked: bool = False) -> None:
        super().__init__("keyring")
        self._kept = kept
        self._is_locked = is_locked

    def get_password(self, service: str, user: str) -> str | None:
        if self._is_locked:
            raise RuntimeError(f"locked: {_KEY}")
        return self._kept.get((service, user))


def test_keyring_gives_what_is_kept_under_venue_and_field(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = _Keyring({("tutti", "KRAKEN/api_key"): _KEY})
    monkeypatch.setitem(sys.modules, "keyring", ring)
    found = KeyringKeys().read("KRAKEN")
    assert {name: value.get_secret_value() for name, value in found.items()} == {"api_key": _KEY}


def test_keyring_that_is_locked_or_absent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", _Keyring({}, is_locked=True))
    with pytest.raises(ConfigError, match="does not answer") as told:
        KeyringKeys().read("KRAKEN")
    assert _KEY not in str(told.value)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match="pip install keyring"):
        KeyringKeys().read("KRAKEN")
