"""Weights that follow worth, in both tiers and on the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.backtest import Source, run_source
from tutti.app.config import Config, parse_config
from tutti.app.paper import Opening, PaperAccount
from tutti.app.worth import follower_of
from tutti.kernel.clock import HOUR
from tutti.ledger.kinds import Decision
from tutti.ledger.records import decode
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named

if TYPE_CHECKING:
    from pathlib import Path

_START = 1_704_067_200_000_000_000
_PANEL = """\
agents: [{name: momentum_hunter}, {name: mean_reversion}, {name: vpin}]
policy: {entry_threshold: 0.2, exit_threshold: 0.1}
worth: {follows: true, window_s: 432000, every_s: 43200}
conductor: {weights: {}}
"""


@pytest.fixture
def source() -> Source:
    block = SimulatedMarket(
        [MarketSpec(instrument=InstrumentId("A-USDT", "X"), volatility=1.5, funding_rate=0.0)],
        seed=4, step=HOUR, start=_START,
        regime_schedule=RegimeChain(regimes_named("trend", "range"), mean_bars=40.0),
    ).next_block(700)  # fmt: skip
    return Source(block=block, files=(), findings=())


def test_weights_follow_alike_in_both_tiers_and_decisions_tell_them(
    source: Source, tmp_path: Path
) -> None:
    config = parse_config(_PANEL)
    result = run_source(config, source, "both", tmp_path, lambda *_: None)
    assert result.parity is not None
    assert result.parity.fills_equal
    with SqliteLedgerReader(tmp_path) as ledger:
        told = [
            [voice.weight for voice in item.context.voices]
            for row in ledger.rows(kinds=["decision"])
            for item in decode(row, Decision).items
            if item.context
        ]
    assert told[0] == [1.0, 1.0, 1.0]
    assert told[-1] != told[0]
    assert all(0.25 <= weight <= 4.0 for row in told for weight in row)


def test_weights_stay_where_nothing_says_that_they_follow() -> None:
    from tutti.app.build import analysis_of

    assert analysis_of(Config(), ()).follower is None
    assert follower_of(
        parse_config("worth: {follows: true}"), (), analysis_of(Config(), ()).weighting
    )


def test_running_account_needs_a_file_of_agents_to_follow_in(tmp_path: Path) -> None:
    with (
        SqliteLedger(tmp_path, Durability.BATCHED) as store,
        pytest.raises(ConfigError, match=r"worth.follows: .*name one with agents_file"),
    ):
        PaperAccount(parse_config(_PANEL), None, store, Opening(run_id="paper-1"))  # type: ignore[arg-type]
