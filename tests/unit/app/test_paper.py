"""A paper account: opened, stopped, taken up again, or refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.backtest import Source
from tutti.app.config import Config, override
from tutti.app.feed import RecordedMarket, made_up, recorded
from tutti.app.paper import Opening, PaperAccount
from tutti.kernel.clock import DAY, HOUR
from tutti.ledger.fold import fold
from tutti.ledger.kinds import Started
from tutti.ledger.records import decode
from tutti.model.arrays import DAY_START_EQUITY, EQUITY, MODE, PEAK_EQUITY, REDUCE_ONLY, TRADING
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.feed import Market
    from tutti.model.order import Order

_START = 1_704_067_200_000_000_000
_QUICK: dict[str, object] = {
    "agents": (),
    "feed.tick_s": 3600,
    "feed.warm_up_bars": 30,
    "feed.simulated.symbols": ["BTC-USDT-PERP.SIM", "SOL-USDT-PERP.SIM"],
    "policy.name": "ema_cross",
    "policy.fast": 2,
    "policy.slow": 5,
    "policy.long_only": False,
    "policy.sizing.method": "fixed_fraction",
    "policy.sizing.fraction": 0.1,
    "risk.max_notional_multiple": None,
    "risk.care.cooldown_s": 0,
}


def _account(
    folder: Path, market: Market | None = None, **changes: object
) -> tuple[PaperAccount, Config]:
    given = {key.replace("__", "."): value for key, value in changes.items()}
    config = override(Config(), {**_QUICK, **given})
    store = SqliteLedger(folder, Durability.BATCHED)
    try:
        account = PaperAccount(
            config, market or made_up(config, _START), store, Opening(run_id="paper")
        )
    except ConfigError:
        store.close()
        raise
    return account, config


def _live(account: PaperAccount, ticks: int) -> None:
    for tick in islice(account.ticks, ticks):
        account.process(tick)


def test_new_account_learns_from_the_warm_up_and_decides_nothing_on_it(tmp_path: Path) -> None:
    account, _ = _account(tmp_path)
    assert not account.is_resumed
    assert account.as_of == _START + 30 * HOUR
    assert account.session.engine.counts.ticks == 0
    assert np.isfinite(account.session.account.book.mark).all()
    _live(account, 1)
    # the averages are warm: there is a view at the very first tick
    assert account.session.engine.counts.orders == 2
    assert account.as_of == _START + 31 * HOUR
    account.stop("done")


@pytest.mark.parametrize("warm_up", [0, 3, 30, 150])
def test_account_keeps_the_terms_it_was_opened_on(tmp_path: Path, warm_up: int) -> None:
    terms = []
    for _ in range(2):
        account, _ = _account(tmp_path, feed__warm_up_bars=warm_up, seed=8)
        terms.append(account.plan.instruments)
        _live(account, 200)
        assert account.session.engine.counts.fills > 0
        account.stop("for now")
    assert terms[0] == terms[1]


def test_account_goes_on_from_the_last_tick(tmp_path: Path) -> None:
    first, _ = _account(tmp_path)
    _live(first, 50)
    held = first.session.account.portfolio.positions()
    cash = first.session.account.portfolio.cash
    book = first.session.account.book.account.copy()
    first.stop("for now")
    second, _ = _account(tmp_path)
    assert second.is_resumed
    assert second.as_of == first.as_of
    assert second.session.account.portfolio.cash == cash
    again = second.session.account.portfolio.positions()
    assert [(p.instrument, p.quantity, p.average_price, p.opened_at) for p in again] == [
        (p.instrument, p.quantity, p.average_price, p.opened_at) for p in held
    ]
    np.testing.assert_allclose(second.session.account.book.account, book, rtol=1e-12)
    for venue in second.session.venues.values():
        assert venue.positions() == {p.instrument: p.quantity for p in held}
    tick = next(second.ticks)
    assert int(tick.ts[0]) == first.as_of
    second.stop("done")


def test_account_without_segments_is_written_down_at_a_stop(tmp_path: Path) -> None:
    # nothing decided for a while, and a new peak meanwhile
    first, _ = _account(tmp_path, ledger__keep_opinions=False)
    _live(first, 40)
    book = first.session.account.book.account
    book[PEAK_EQUITY] = 12_345.0
    first.stop("for now")
    second, _ = _account(tmp_path, ledger__keep_opinions=False)
    assert second.session.account.book.account[PEAK_EQUITY] == 12_345.0
    second.stop("done")


def test_instrument_rests_after_a_close_across_a_restart(tmp_path: Path) -> None:
    first, _ = _account(tmp_path, policy__exit_on_neutral=True, policy__long_only=True)
    _live(first, 60)
    closed = first.session.account.book.closed_at.copy()
    flat = first.session.account.book.lots == 0
    first.stop("for now")
    second, _ = _account(tmp_path, policy__exit_on_neutral=True, policy__long_only=True)
    assert (closed > 0).any()
    np.testing.assert_array_equal(second.session.account.book.closed_at[flat], closed[flat])
    second.stop("done")


def test_daily_loss_stop_ends_with_its_day_across_a_restart(tmp_path: Path) -> None:
    first, _ = _account(tmp_path, risk__max_daily_loss=5.0)
    book = first.session.account.book.account
    for tick in islice(first.ticks, 400):
        first.process(tick)
        if book[MODE] == REDUCE_ONLY and first.as_of % DAY < 12 * HOUR:
            break
    assert book[MODE] == REDUCE_ONLY
    first.stop("for now")
    second, _ = _account(tmp_path, risk__max_daily_loss=5.0)
    book = second.session.account.book.account
    assert book[MODE] == REDUCE_ONLY
    left = (DAY - second.as_of % DAY) // HOUR
    _live(second, left + 1)
    assert book[MODE] == TRADING or book[DAY_START_EQUITY] - book[EQUITY] >= 5.0
    second.stop("done")
    with SqliteLedgerReader(tmp_path) as reader:
        state = fold(reader)
    assert state.mode is not None
    assert state.mode.mode == ("trading" if book[MODE] == TRADING else "reduce_only")


def _recorded(bars: int) -> RecordedMarket:
    config = override(Config(), _QUICK)
    block = made_up(config, _START).history(_START + bars * HOUR)
    assert block is not None
    return recorded(Source(block=block, files=(), findings=()))


def test_agent_switched_off_and_on_has_the_loss_of_its_day_across_restarts(
    tmp_path: Path,
) -> None:
    voiced: dict[str, Any] = {
        "policy__name": "hybrid", "policy__entry_threshold": 0.2, "policy__exit_threshold": 0.1,
        "feed__warm_up_bars": 120, "conductor__weights": {},
    }  # fmt: skip
    both = [{"name": "momentum_hunter"}, {"name": "trend_surfer"}]
    first, _ = _account(tmp_path, agents=both, **voiced)
    book = first.session.account.book
    names = first.session.account.agents
    led: list[int] = []
    for tick in first.ticks:
        first.process(tick)
        led = [a for a in book.lead.tolist() if a >= 0 and book.agent_day[a]]
        if led and first.as_of // HOUR % 24 == 12:
            break
    who, gained = names[led[0]], float(book.agent_day[led[0]])
    first.stop(f"agents: {who}.enabled False")
    left = [each for each in both if each["name"] != who]
    for _ in range(2):  # a restart meanwhile changes nothing
        away, _ = _account(tmp_path, agents=left, **voiced)
        here = away.session.account
        assert here.agents[-1] == who
        assert who not in away.session.analysis.agent_names
        assert here.book.agent_day[-1] == pytest.approx(gained)
        assert here.agents[int(here.book.lead.max())] == who
        _live(away, 1)
        gained = float(here.book.agent_day[-1])  # what it holds goes on earning for it
        away.stop("for now")
    back, _ = _account(tmp_path, agents=both, **voiced)
    assert back.session.account.agents == names
    assert back.session.account.book.agent_day[names.index(who)] == pytest.approx(gained)
    back.abandon()


def test_market_shorter_than_its_warm_up_has_nothing_to_trade_on(tmp_path: Path) -> None:
    account, _ = _account(tmp_path, _recorded(20))
    _live(account, 10)
    assert account.session.engine.counts.ticks == 0
    account.stop("end of data")


def test_market_without_bars_is_refused(tmp_path: Path) -> None:
    market = _recorded(20)
    market.block = market.block.rows(0, 0)

    class Empty(RecordedMarket):
        @property
        def start(self) -> int:
            return _START

    with pytest.raises(ConfigError, match="no bars to trade on"):
        _account(tmp_path, Empty(market.block, ()))


def test_market_without_history_trades_from_its_first_bar(tmp_path: Path) -> None:
    account, _ = _account(tmp_path, _recorded(20), feed__warm_up_bars=0)
    assert account.as_of == _START
    _live(account, 100)
    assert account.session.engine.counts.ticks == 20
    account.stop("end of data")


def test_account_of_more_instruments_than_the_feed_has_is_refused(tmp_path: Path) -> None:
    first, _ = _account(tmp_path)
    first.stop("for now")
    with pytest.raises(ConfigError, match=r"trades SOL-USDT-PERP.SIM, which the feed doesn't have"):
        _account(tmp_path, feed__simulated__symbols=["BTC-USDT-PERP.SIM"])


def test_account_may_take_on_more_instruments(tmp_path: Path) -> None:
    first, _ = _account(tmp_path)
    _live(first, 30)
    first.stop("for now")
    symbols = ["BTC-USDT-PERP.SIM", "SOL-USDT-PERP.SIM", "ETH-USDT-PERP.SIM"]
    second, _ = _account(tmp_path, feed__simulated__symbols=symbols)
    _live(second, 30)
    traded = {str(p.instrument) for p in second.session.account.portfolio.positions()}
    assert "ETH-USDT-PERP.SIM" in traded
    second.stop("done")


def test_abandoned_account_says_nothing_of_an_end(tmp_path: Path) -> None:
    account, _ = _account(tmp_path)
    _live(account, 20)
    account.abandon()
    with SqliteLedgerReader(tmp_path) as reader:
        kinds = [row.kind for row in reader.rows()]
    assert "stopped" not in kinds
    assert "segment" not in kinds


def test_first_row_says_what_software_it_was_written_with(tmp_path: Path) -> None:
    config = override(Config(), _QUICK)
    store = SqliteLedger(tmp_path, Durability.BATCHED)
    opening = Opening(run_id="paper", versions={"tutti": "0.0.1"})
    account = PaperAccount(config, made_up(config, _START), store, opening)
    account.stop("done")
    with SqliteLedgerReader(tmp_path) as reader:
        started = decode(next(iter(reader.rows())), Started)
    assert started.versions == {"tutti": "0.0.1"}
    assert started.instruments == ("BTC-USDT-PERP.SIM", "SOL-USDT-PERP.SIM")


def _killed_in_the_middle(folder: Path, **changes: Any) -> tuple[PaperAccount, list[Order]]:
    """Return an account taken up after a kill while orders worked, and those orders."""
    given = {"venues.default.participation": 1e-7, **_QUICK, **changes}
    config = override(Config(), given)
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    first = PaperAccount(config, made_up(config, _START), store, Opening(run_id="paper"))
    _live(first, 10)
    with SqliteLedgerReader(folder) as reader:
        working = list(fold(reader).open_orders.values())
    store.close()  # with what was committed, as after a kill
    second, _ = _account(folder, venues__default__participation=1e-7, **changes)
    return second, working


def test_orders_at_work_are_at_work_after_a_kill(tmp_path: Path) -> None:
    account, working = _killed_in_the_middle(tmp_path)
    assert working
    orders = {order.id: order for order in account.session.account.orders.open()}
    assert {order.id: order.filled for order in working} == {
        order.id: order.filled for order in orders.values()
    }
    book = account.session.account.book
    steps = [each.quantity_step for each in account.plan.instruments]
    ids = [each.id for each in account.plan.instruments]
    for order in working:
        i = ids.index(order.instrument)
        assert int(book.working[i]) * steps[i] == order.remaining * order.side.sign
        report = account.session.venues["SIM"].find(order.id)
        assert report is not None
        assert report.filled == order.filled
    _live(account, 5)
    assert account.session.engine.counts.fills > 0
    account.stop("done")


def test_segments_are_short_and_the_account_kept_on_paper(tmp_path: Path) -> None:
    account, config = _account(tmp_path)
    assert config.ledger.segment_ticks > account.plan.setup.segment_ticks == 64
    assert account.plan.setup.keeps_account
    account.stop("done")


def test_position_without_a_bar_after_a_restart_is_valued_at_its_last_close(
    tmp_path: Path,
) -> None:
    config = override(Config(), _QUICK)
    whole = made_up(config, _START).history(_START + 80 * HOUR)
    assert whole is not None
    # after tick 60 the first instrument has no bar for a while, and pays funding all the same
    sides: dict[str, Any] = {
        side: getattr(whole, side).copy()
        for side in ("open", "high", "low", "close", "volume", "funding")
    }
    for side in ("open", "high", "low", "close", "volume"):
        sides[side][60:65, 0] = np.nan
    sides["funding"][62, 0] = 0.001
    block = replace(whole, **sides)

    def market() -> RecordedMarket:
        return recorded(Source(block=block, files=(), findings=()))

    first, _ = _account(tmp_path / "cut", market())
    _live(first, 30)
    assert first.as_of == _START + 60 * HOUR
    assert first.session.account.book.lots[0] != 0
    first.stop("for now")
    second, _ = _account(tmp_path / "cut", market())
    _live(second, 20)
    whole_run, _ = _account(tmp_path / "whole", market())
    _live(whole_run, 50)
    mine, theirs = second.session.account, whole_run.session.account
    assert mine.portfolio.cash == theirs.portfolio.cash
    assert mine.book.account[EQUITY] == pytest.approx(theirs.book.account[EQUITY], rel=1e-12)
    assert theirs.portfolio.funding != 0
    for account in (second, whole_run):
        venue = account.session.venues["SIM"]
        assert venue.balances()["USDT"] == account.session.account.portfolio.cash["SIM"]
        account.stop("done")
