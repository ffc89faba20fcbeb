"""What a backtest leaves in the register, and what the register does to a backtest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.app.backtest import run_backtest
from tutti.app.config import config_hash, parse_config
from tutti.app.trials import dataset_in, register_at, summary_of, trial_of
from tutti.kernel.clock import HOUR, iso, parse_instant
from tutti.ledger.trials import FOREVER, Dataset, Opening, Seal
from tutti.model.errors import ConfigError, GateClosed

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.adapters.stores.trial_register import SqliteTrialRegister
    from tutti.app.settings import Config
    from tutti.sandbox.result import BacktestResult

_START = parse_instant("2024-01-01")


def _config(slow: int = 20) -> Config:
    return parse_config(
        f"policy: {{name: ema_cross, fast: 5, slow: {slow}}}\nagents: []\n"
        "risk: {care: {take_profit: 0, stop_loss: 0, stale_after_s: 0}}\n"
    )


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Return 60 days of hours of a random walk."""
    path = tmp_path / "WALK-USDT-PERP_1h.csv"
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 0.01, 60 * 24)))
    rows = ["ts,open,high,low,close,volume"]
    last = 100.0
    for t, price in enumerate(close.tolist()):
        high, low = 1.002 * max(last, price), 0.998 * min(last, price)
        rows.append(f"{iso(_START + t * HOUR)},{last},{high},{low},{price},1000")
        last = price
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def register(tmp_path: Path) -> SqliteTrialRegister:
    kept = register_at(tmp_path / "trials.sqlite")
    assert kept is not None
    return kept


def _backtest(
    bars: Path, register: SqliteTrialRegister | None, *, slow: int = 20, **span: str
) -> BacktestResult:
    first, last = (parse_instant(span[key]) if key in span else None for key in ("start", "end"))
    return run_backtest(
        _config(slow), [str(bars)], first, last, "fast", bars.parent / "out", lambda *_: None,
        register=register,
    )  # fmt: skip


def test_backtest_is_counted_before_it_is_judged(bars: Path, register: SqliteTrialRegister) -> None:
    result = _backtest(bars, register)
    (trial,) = register.trials()
    assert (trial.run_id, trial.kind, trial.strategy) == (result.run_id, "backtest", "ema_cross")
    assert trial.configuration == config_hash(_config())
    assert trial.instruments == ("WALK-USDT-PERP.LOCAL",)
    assert (iso(trial.start)[:10], iso(trial.end)[:10]) == ("2024-01-01", "2024-03-01")
    assert trial.sharpe == pytest.approx(result.metrics["sharpe"] / 365**0.5)
    assert trial.total_return == pytest.approx(result.final_equity / result.equity[0] - 1)
    assert trial.max_drawdown == result.metrics["max_drawdown"]
    assert result.honest["n_trials"] == 1
    assert result.honest["register"] == register.where
    assert result.honest["n_returns"] == 60


def test_each_other_configuration_on_the_same_bars_counts(
    bars: Path, register: SqliteTrialRegister
) -> None:
    first = _backtest(bars, register)
    again = _backtest(bars, register)
    assert again.honest == first.honest
    third = _backtest(bars, register, slow=21)
    assert third.honest["n_trials"] == 2
    assert 1.0 <= third.honest["n_effective"] < 1.5  # two crossings that hardly differ
    assert len(list(register.trials())) == 3


def test_backtest_without_a_register_counts_only_itself(bars: Path, tmp_path: Path) -> None:
    result = _backtest(bars, register_at("off"))
    assert (result.honest["n_trials"], result.honest["register"]) == (1, "")
    assert not list(tmp_path.glob("*.sqlite"))


def test_register_off_counts_nothing_and_opens_no_seal(
    bars: Path, register: SqliteTrialRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTTI_TRIALS", register.where)
    first = parse_instant("2024-02-01")
    register.seal(Seal(name="last", dataset=Dataset(), start=first, end=FOREVER))
    with pytest.raises(GateClosed, match=r"reach into 'last'.*off opens no seal"):
        _backtest(bars, register_at("off"))
    before = _backtest(bars, register_at("off"), end="2024-02-01")
    assert (before.honest["n_trials"], before.honest["register"]) == (1, "")
    opening = Opening(seal="last", configuration=config_hash(_config()), strategy="ema_cross")
    register.open(opening)
    with pytest.raises(GateClosed, match="off opens no seal"):
        _backtest(bars, register_at("off"))
    assert list(register.trials()) == []
    assert register.openings() == [opening]


def test_backtest_into_a_sealed_period_leaves_nothing_until_it_is_open(
    bars: Path, register: SqliteTrialRegister
) -> None:
    seal = Seal(
        name="last", dataset=dataset_in([str(bars)], []), start=parse_instant("2024-02-01"),
        end=FOREVER,
    )  # fmt: skip
    register.seal(seal)
    with pytest.raises(GateClosed, match="reach into 'last'"):
        _backtest(bars, register)
    assert not (bars.parent / "out").exists()
    assert list(register.trials()) == []
    _backtest(bars, register, end="2024-02-01")
    register.open(Opening(seal="last", configuration=config_hash(_config()), strategy="ema_cross"))
    held_out = _backtest(bars, register, start="2024-02-01")
    assert held_out.honest["n_trials"] == 1  # nobody else has seen these bars
    _backtest(bars, register, start="2024-02-01")
    with pytest.raises(GateClosed, match=f"used by {held_out.run_id}"):
        _backtest(bars, register, start="2024-02-02")
    with pytest.raises(GateClosed, match="is sealed"):
        _backtest(bars, register, start="2024-02-01", slow=21)


def test_copy_of_a_sealed_file_under_another_name_is_sealed(
    bars: Path, register: SqliteTrialRegister
) -> None:
    register.seal(Seal(name="last", dataset=dataset_in([str(bars)], []), start=0, end=FOREVER))
    copy = bars.with_name("OTHER-USDT_1h.csv")
    copy.write_bytes(bars.read_bytes())
    with pytest.raises(GateClosed, match="is sealed"):
        _backtest(copy, register)


def test_dataset_in_nothing_is_everything_and_names_are_checked() -> None:
    assert dataset_in([], []) == Dataset()
    assert dataset_in([], ["BTC-USDT.SIM"]) == Dataset(instruments=("BTC-USDT.SIM",))
    with pytest.raises(ConfigError, match="--instrument"):
        dataset_in([], ["nonsense"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("walk-usdt-perp.local", "did you mean WALK-USDT-PERP.LOCAL"),
        ("WALK-USD-PERP.LOCAL", "did you mean WALK-USDT-PERP.LOCAL"),
        ("XYZ.ELSEWHERE", "no file of --bars; name its file with --bars"),
    ],
)
def test_dataset_in_a_name_that_no_trial_and_no_file_knows_is_refused(
    bars: Path, name: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        dataset_in([str(bars)], [name], tried=["BTC-USDT.SIM"])


def test_dataset_in_a_name_that_a_trial_or_a_file_knows_is_taken(bars: Path) -> None:
    names = ["BTC-USDT.SIM", "WALK-USDT-PERP.LOCAL"]
    assert dataset_in([str(bars)], names, tried=["BTC-USDT.SIM"]).instruments == tuple(names)


def test_trial_of_an_account_that_never_moved_has_no_ratio(
    bars: Path, register: SqliteTrialRegister
) -> None:
    result = _backtest(bars, register, slow=5000)
    assert result.n_fills == 0
    (trial,) = register.trials()
    assert (trial.sharpe, trial.like) == (None, None)
    assert result.honest["verdict"].startswith("Nothing to judge: all 60 returns are equal")
    assert result.honest["n_trials"] == 1
    assert result.honest["dsr"] is None


def test_summary_of_a_trial_that_is_not_recorded_counts_it(
    bars: Path, register: SqliteTrialRegister
) -> None:
    from tutti.app.backtest import read_source

    source = read_source([str(bars)], None, None, repair=False, timeframe=None, funding=None)
    trial = trial_of(
        _config(), source.block, source.files, np.full(len(source.block), 1e4), run_id="r",
        kind="sweep",
    )  # fmt: skip
    found = summary_of(register, trial)
    assert (found.n_trials, found.n_effective) == (1, 1.0)
    assert found.sharpe_variance == pytest.approx(1 / 59)
