"""What lies in an account's folder is what its next session begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.app.account_folder import (
    CONFIGURATIONS,
    keep_configuration,
    kept_configuration,
    left_behind,
)
from tutti.app.config import Config, config_hash, resolved
from tutti.ledger.fold import LedgerState
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def test_configuration_is_kept_once_under_its_hash(tmp_path: Path) -> None:
    config = Config()
    for _ in range(2):
        keep_configuration(config, tmp_path)
    (path,) = (tmp_path / CONFIGURATIONS).iterdir()
    assert path.stem == config_hash(config)
    assert config_hash(Config.model_validate_json(path.read_text())) == config_hash(config)
    assert resolved(Config.model_validate_json(path.read_text())) == resolved(config)


def test_folder_without_a_ledger_left_nothing_at_the_venues(tmp_path: Path) -> None:
    assert left_behind(tmp_path) == LedgerState()


def test_configuration_that_was_kept_is_found_by_its_hash(tmp_path: Path) -> None:
    config = Config()
    keep_configuration(config, tmp_path)
    assert kept_configuration(tmp_path, config_hash(config)) == resolved(config)
    assert kept_configuration(tmp_path, "0" * 64) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_configuration_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / CONFIGURATIONS / "abc.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(DataError, match=r"abc\.json: no configuration"):
        kept_configuration(tmp_path, "abc")
