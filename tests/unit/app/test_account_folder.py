"""What lies in an account's folder is what its next session begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.app.account_folder import CONFIGURATIONS, keep_configuration, left_behind, open_market
from tutti.app.config import Config, config_hash, resolved
from tutti.kernel.clock import SECOND
from tutti.ledger.fold import LedgerState
from tutti.ledger.kinds import Started
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_NOW = 1_704_067_200 * SECOND


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


def test_market_that_is_made_up_begins_where_the_account_did() -> None:
    config = Config()
    new = open_market(config, "sim", [], LedgerState(), _NOW)
    started = Started(
        run_id="paper-1", configuration="", seed=7, versions={}, instruments=(), agents=(),
        balances={}, data=(),
    )  # fmt: skip
    state = LedgerState(run_id="paper-1", began=_NOW, last_ts=_NOW, started=started)
    later = open_market(config, "sim", [], state, _NOW + 3_600 * SECOND)
    assert later.start == new.start


def test_feed_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="feed must be sim, replay or live, was 'x'"):
        open_market(Config(), "x", [], LedgerState(), _NOW)
