"""What lies in an account's folder is what its next session begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.app.account_folder import CONFIGURATIONS, keep_configuration, left_behind
from tutti.app.config import Config, config_hash, resolved
from tutti.ledger.fold import LedgerState

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
