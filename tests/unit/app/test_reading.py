"""What a running account tells of itself, and what it would do about an instrument."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.config import Config, override
from tutti.app.desk import Desk
from tutti.app.feed import made_up
from tutti.app.metrics import Metrics
from tutti.app.paper import Opening, PaperAccount
from tutti.app.reading import Reading
from tutti.app.wires import Wires
from tutti.kernel.clock import HOUR, SECOND, SimulatedClock
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.risk.breakers import UNRESOLVED, flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_START = 1_704_067_200_000_000_000
_QUICK: dict[str, object] = {
    "agents": [{"name": "momentum_hunter"}, {"name": "mean_reversion"}],
    "feed.tick_s": 3600,
    "feed.warm_up_bars": 300,
    "feed.simulated.symbols": ["BTC-USDT-PERP.SIM", "ETH-USDT-PERP.SIM"],
    "policy.name": "ema_cross",
    "policy.fast": 2,
    "policy.slow": 5,
    "policy.long_only": False,
    "policy.sizing.method": "fixed_fraction",
    "policy.sizing.fraction": 0.1,
    "risk.max_notional_multiple": None,
    "risk.care.cooldown_s": 0,
}


class _Watched(Reading):
    """A reading with its clock and its registry at hand."""

    hands: SimulatedClock
    registry: CollectorRegistry

    def live(self, ticks: int) -> None:
        for tick in islice(self.account.ticks, ticks):
            self.account.process(tick)
            self.noted(tick)


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Callable[..., _Watched]]:
    opened = []

    def make(**changes: object) -> _Watched:
        given = {key.replace("__", "."): value for key, value in changes.items()}
        config = override(Config(), {**_QUICK, **given})
        registry, hands, wires = CollectorRegistry(), SimulatedClock(1000 * SECOND), Wires()
        metrics = Metrics(registry)
        desk = Desk(metrics, config.agents)
        desk.listen(wires)
        store = SqliteLedger(tmp_path, Durability.BATCHED)
        account = PaperAccount(
            config, made_up(config, _START), store, Opening(run_id="read"), wires
        )
        opened.append(account)
        made = _Watched(config, account, desk, metrics, feed="sim", speed=60.0, clock=hands)
        made.hands, made.registry = hands, registry
        return made

    yield make
    for account in opened:
        account.abandon()


def test_before_the_first_tick_there_is_an_account_and_no_market(
    reading: Callable[..., _Watched],
) -> None:
    service = reading()
    state = service.status()
    assert (state.ticks, state.equity, state.start_equity) == (0, 10_000.0, 10_000.0)
    assert (state.regime, state.positions, state.decisions) == ({}, (), ())
    assert state.as_of == _START + 300 * HOUR
    with pytest.raises(ConfigError, match="no tick has come yet"):
        service.predict("BTC-USDT-PERP.SIM")


def test_state_follows_the_account(reading: Callable[..., _Watched]) -> None:
    service = reading()
    service.live(60)
    service.hands.advance_to(1003 * SECOND)
    state = service.status()
    book = service.account.session.account.book
    assert (state.ticks, state.speed, state.feed) == (60, 60.0, "sim")
    assert state.market_data_age_s == pytest.approx(3.0)
    assert state.equity == book.account[0]
    assert state.drawdown == pytest.approx(max(0.0, 1 - state.equity / book.account[1]))
    assert state.mode == "trading"
    assert state.n_orders == service.account.session.engine.counts.orders > 0
    assert set(state.regime) <= {"BTC-USDT-PERP.SIM", "ETH-USDT-PERP.SIM"}
    assert len(state.positions) == np.count_nonzero(book.lots) == 2
    for row in state.positions:
        assert row.unrealised == pytest.approx(row.quantity * (row.mark - row.average_price))
        assert row.weight == pytest.approx(row.quantity * row.mark / state.equity)
    names = [agent.name for agent in state.agents]
    assert names == ["momentum_hunter", "mean_reversion"]
    assert all(agent.calls == 60 for agent in state.agents)
    value = service.registry.get_sample_value
    assert value("equity") == state.equity
    assert value("open_positions") == 2.0
    assert value("market_data_age_seconds") == pytest.approx(3.0)


def test_halt_and_locks_are_shown(reading: Callable[..., _Watched]) -> None:
    service = reading()
    service.live(3)
    engine = service.account.session.engine
    assert (service.status().halted, service.status().locked) == ("", ())
    engine.halted = "5 orders in a row failed"
    engine.desk.locks[1] = UNRESOLVED
    assert service.status().halted == "5 orders in a row failed"
    assert service.status().locked == ("ETH-USDT-PERP.SIM",)


def test_mode_is_shown(reading: Callable[..., _Watched]) -> None:
    service = reading()
    flatten(service.account.session.account.book)
    assert service.status().mode == "flatten"


def test_prediction_of_a_followed_instrument_is_what_the_panel_thinks_now(
    reading: Callable[..., _Watched],
) -> None:
    service = reading(policy__name="hybrid")
    service.live(3)
    thought = service.account.session.engine.last_thought
    assert thought is not None
    said = service.predict("ETH-USDT-PERP.SIM")
    assert said.as_of == service.account.as_of
    assert said.bias == pytest.approx(thought.context.bias[-1, 1])
    assert said.confidence == pytest.approx(thought.context.confidence[-1, 1])
    assert said.regime == service.status().regime.get("ETH-USDT-PERP.SIM")
    assert [row.agent for row in said.opinions] == ["momentum_hunter", "mean_reversion"]
    assert all(row.rationale for row in said.opinions)
    before = service.account.session.engine.counts.orders
    service.predict("ETH-USDT-PERP.SIM")
    assert service.account.session.engine.counts.orders == before


def test_prediction_without_a_panel_has_a_target_all_the_same(
    reading: Callable[..., _Watched],
) -> None:
    service = reading(agents=(), conductor__weights={})
    service.live(1)
    said = service.predict("BTC-USDT-PERP.SIM")
    assert (said.bias, said.confidence, said.opinions, said.regime) == (None, None, (), None)
    assert said.target_weight is not None
    assert abs(said.target_weight) == pytest.approx(0.1, rel=0.01)
    assert said.target_reason == "entry"


def test_prediction_of_another_instrument_asks_for_its_bars(
    reading: Callable[..., _Watched],
) -> None:
    with pytest.raises(ConfigError, match=r"GOLD.SIM isn't followed here; there are BTC"):
        reading().predict("GOLD.SIM")


def _rising(bars: int) -> MarketBlock:
    close = 100.0 * 1.002 ** np.arange(bars)[:, None]
    values: dict[str, Any] = {
        "open": close * 0.999, "high": close * 1.001, "low": close * 0.998, "close": close,
        "volume": np.full_like(close, 1e4), "funding": np.zeros_like(close),
    }  # fmt: skip
    return MarketBlock(
        instruments=(InstrumentId("GOLD-USDT-PERP", "SIM"),),
        ts=_START + HOUR * np.arange(bars, dtype=np.int64), step=HOUR, **values,
    )  # fmt: skip


def test_prediction_on_bars_that_are_sent_is_for_an_empty_account(
    reading: Callable[..., _Watched],
) -> None:
    agents = [{"name": "momentum_hunter", "instruments": ["BTC-USDT-PERP.SIM"]}]
    service = reading(
        agents=agents,
        conductor={"scope": "reference", "reference": "BTC-USDT-PERP.SIM", "weights": {}},
    )
    service.live(1)
    said = service.predict("GOLD-USDT-PERP.SIM", _rising(400))
    assert said.instrument == "GOLD-USDT-PERP.SIM"
    assert said.as_of == _START + 400 * HOUR
    assert said.bias is not None
    assert said.bias > 0
    assert said.target_weight == pytest.approx(0.1)
    assert said.regime is not None


def test_prediction_on_too_few_bars_has_no_view(reading: Callable[..., _Watched]) -> None:
    said = reading(policy__name="hybrid").predict("GOLD-USDT-PERP.SIM", _rising(3))
    assert (said.bias, said.regime, said.target_weight) == (None, None, None)
    assert said.target_reason == "none"
    assert {row.bias for row in said.opinions} == {None}
