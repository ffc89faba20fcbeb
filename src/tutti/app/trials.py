"""Registers what is tried, and says what a result proves after all of it."""

from __future__ import annotations

import hashlib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tutti.adapters.feeds.files import describe, find_files
from tutti.adapters.stores.trial_register import (
    OFF,
    SqliteTrialRegister,
    UncountedTrials,
    usual_place,
)
from tutti.app.config import config_hash
from tutti.kernel.clock import DAY, LiveClock
from tutti.ledger.trials import Dataset, Trial, TrialRegister, refuse_sealed
from tutti.model.errors import ConfigError, GateClosed
from tutti.model.instrument import InstrumentId
from tutti.sandbox.honesty import Honesty, TrialSummary, honest_statistics
from tutti.stats.account import daily_equity, daily_returns, returns
from tutti.stats.drawdowns import max_drawdown
from tutti.stats.inference import moments
from tutti.stats.selection import effective_number, sharpe_spread

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tutti.app.settings import Config
    from tutti.ledger.kinds import DataSource
    from tutti.model.market import FloatArray, MarketBlock

_MOST_ALIKE = 2


def register_at(place: Path | str) -> SqliteTrialRegister | None:
    """Return the register in a file, which need not be there yet.

    ``off`` is None, or what counts nothing and still knows the seals of the register that would
    have counted: a sealed period is not opened by counting nothing.
    """
    if str(place) != OFF:
        return SqliteTrialRegister(Path(place), LiveClock())
    usual = SqliteTrialRegister(usual_place(), LiveClock())
    return UncountedTrials(usual, LiveClock()) if usual.seals() else None


def dataset_of(block: MarketBlock, files: Sequence[DataSource]) -> Dataset:
    """Return what a run over these bars and files looks at."""
    return Dataset(
        instruments=tuple(sorted(map(str, block.instruments))),
        files=tuple(sorted({each.sha256 for each in files})),
    )


def admit(
    register: TrialRegister | None,
    config: Config,
    block: MarketBlock,
    files: Sequence[DataSource],
    run_id: str,
) -> None:
    """Refuse a run that would see a sealed period which isn't open to its configuration.

    Raises
    ------
    GateClosed
        See `ledger.trials.refuse_sealed`.
    LedgerError
        If the register can't be written to.
    """
    if register is None:
        return
    register.ready()
    if not (seals := register.seals()):
        return
    try:
        refuse_sealed(
            seals,
            register.openings(),
            dataset=dataset_of(block, files),
            start=int(block.ts[0]),
            end=int(block.known_at[-1]),
            configuration=config_hash(config),
            run_id=run_id,
        )
    except GateClosed as error:
        if register.where:
            raise
        raise GateClosed(f"{error}, and run it with a register: off opens no seal") from error


def trial_of(
    config: Config,
    block: MarketBlock,
    files: Sequence[DataSource],
    equity: FloatArray,
    *,
    run_id: str,
    kind: str,
) -> Trial:
    """Return a run as the register keeps it.

    Parameters
    ----------
    equity : ndarray of float64, shape (t,)
        At each bar's end, quote currency.
    kind : str
        What ran it: ``backtest``, ``sweep`` ...
    """
    gains, per_year = daily_returns(block.known_at, equity, block.step)
    daily = returns(daily_equity(block.known_at, equity))
    return Trial(
        run_id=run_id,
        kind=kind,
        configuration=config_hash(config),
        strategy=config.policy.name,
        dataset=dataset_of(block, files),
        start=int(block.ts[0]),
        end=int(block.known_at[-1]),
        sharpe=_sharpe(gains),
        n_returns=len(gains),
        periods_per_year=per_year,
        total_return=float(equity[-1] / equity[0] - 1.0),
        max_drawdown=max_drawdown(equity),
        first_day=int((block.known_at[-1] - 1) // DAY) - len(daily) + 1,
        daily=daily,
    )


def summary_of(register: TrialRegister | None, trial: Trial) -> TrialSummary:
    """Return what was tried on the data of a trial, itself included, recorded or not yet."""
    if register is None:
        return TrialSummary()
    standing = register.standing(trial.dataset, trial.start, trial.end)
    return TrialSummary(
        n_trials=max(1, standing.n_trials),
        n_effective=effective_number(standing.n_leaders, standing.likeness),
        sharpe_variance=sharpe_spread(standing.sharpes, max(2, trial.n_returns)),
        register=register.where,
    )


def judged(  # noqa: PLR0913 - what a trial is
    register: TrialRegister | None,
    config: Config,
    block: MarketBlock,
    files: Sequence[DataSource],
    equity: FloatArray,
    *,
    run_id: str,
    kind: str = "backtest",
    market: FloatArray | None = None,
) -> Honesty:
    """Record a run, then say what it proves after everything that was tried on the same data.

    It is on the disk before anybody sees the result.

    Parameters
    ----------
    equity, market : ndarray of float64, shape (t,)
        Of the account, and of buying and holding what it trades, at each bar's end.

    Raises
    ------
    LedgerError
        If the register can't be written.
    """
    trial = trial_of(config, block, files, equity, run_id=run_id, kind=kind)
    if register is not None:
        register.record([trial])
    gains, per_year = daily_returns(block.known_at, equity, block.step)
    theirs = None if market is None else daily_returns(block.known_at, market, block.step)[0]
    return honest_statistics(
        gains,
        periods_per_year=per_year,
        trials=summary_of(register, trial),
        market=theirs,
    )


def _sharpe(gains: FloatArray) -> float:
    try:
        return moments(gains).sharpe
    except ValueError:
        return float(np.nan)


def dataset_in(
    patterns: Sequence[str], instruments: Sequence[str], tried: Collection[str] | None = None
) -> Dataset:
    """Return the data that files and names of instruments mean.

    Parameters
    ----------
    tried : collection of str, optional
        Instruments that runs have seen: a name must be one of them, or be that of a file. Without
        it any will do.

    Raises
    ------
    ConfigError
        If a pattern matches nothing, a name isn't one, or nobody knows it.
    """
    files = find_files(patterns) if patterns else []
    try:
        named = {str(InstrumentId.parse(name)) for name in instruments}
    except ValueError as error:
        raise ConfigError(f"--instrument: {error}") from error
    found = {str(describe(path).instrument) for path in files}
    if tried is not None:
        _refuse_unknown(named, found.union(tried))
    return Dataset(
        instruments=tuple(sorted(named | found)),
        files=tuple(sorted({hashlib.sha256(path.read_bytes()).hexdigest() for path in files})),
    )


def _refuse_unknown(named: Collection[str], known: Collection[str]) -> None:
    # a seal on a name that no bars bear holds nothing back, and looks as if it did
    for name in sorted(set(named).difference(known)):
        alike = sorted(each for each in known if each.casefold() == name.casefold())
        like = alike or get_close_matches(name, sorted(known), n=_MOST_ALIKE)
        meant = f"; did you mean {' or '.join(like)}?" if like else ""
        raise ConfigError(
            f"--instrument {name}: no recorded trial is on it, and no file of --bars{meant}; name "
            "its file with --bars"
        )
