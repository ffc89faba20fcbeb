"""The market of an account begins where its ledger does."""

from __future__ import annotations

import pytest

from tutti.app.config import Config
from tutti.app.markets import open_market
from tutti.kernel.clock import SECOND
from tutti.ledger.fold import LedgerState
from tutti.ledger.kinds import Started
from tutti.model.errors import ConfigError

_NOW = 1_704_067_200 * SECOND


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
