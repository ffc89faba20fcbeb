"""Runs a strategy over recorded bars: the event tier for the truth, the fast one beside it."""

from __future__ import annotations

import hashlib
import platform
import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, cast

import numba
import numpy as np
import polars as pl

from tutti import __version__
from tutti.adapters.feeds.bars import read_bars
from tutti.adapters.feeds.funding import funding_beside, read_funding, with_funding
from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader, is_being_written
from tutti.app.build import plan_of
from tutti.app.comparison import baselines_of, metrics_of, shares
from tutti.app.config import config_hash, resolved
from tutti.app.models import models_digest
from tutti.app.opinion_figures import figures_apart
from tutti.app.opinions import opinions_over
from tutti.app.robustness import robustness_of
from tutti.app.second_opinion import second_opinion
from tutti.app.tiers import parity, run_event, run_fast
from tutti.app.trials import admit, judged
from tutti.ledger.kinds import DataSource
from tutti.model.errors import ConfigError, LedgerError
from tutti.model.market import MarketBlock
from tutti.model.opinion import Abstention
from tutti.sandbox.result import BacktestResult, SourceFile, Tier, thinned
from tutti.universe.instruments import Universe, is_perpetual

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tutti.adapters.feeds.bars import BarData
    from tutti.adapters.feeds.funding import Funding
    from tutti.agents.timeline import OpinionTimeline
    from tutti.app.build import Plan
    from tutti.app.model_use import ModelUse
    from tutti.app.settings import Config
    from tutti.ledger.trials import TrialRegister
    from tutti.model.instrument import InstrumentId

    Progress = Callable[[int, int, str], None]

_CHART_POINTS = 3000
_LEDGER = "ledger.sqlite"
_RUN = "run.json"
_PREFIX = "backtest-"
_MOST_NAMED = 3
_LEFT = (
    _LEDGER,
    f"{_LEDGER}-wal",
    f"{_LEDGER}-shm",
    "ledger.head",
    "ledger.lock",
    "segments",
    "report.html",
    "orders.csv",
    "fills.csv",
    "trades.csv",
    "equity.csv",
    "prices.csv",
    "robustness.json",
    "attribution.json",
    "montecarlo.json",
    "second_opinion.json",
    "knowledge.json",
    _RUN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Bars to run over, and where they came from; ``funding`` are those files that hold funding."""

    block: MarketBlock
    files: tuple[DataSource, ...]
    findings: tuple[str, ...]
    funding: tuple[str, ...] = ()


def run_backtest(  # noqa: PLR0913 - one parameter for each choice of the caller
    config: Config,
    bars: Sequence[str],
    start: int | None,
    end: int | None,
    tier: str,
    out: Path,
    progress: Progress,
    *,
    repair: bool = False,
    timeframe: str | None = None,
    funding: Sequence[str] | None = None,
    nautilus: Path | None = None,
    register: TrialRegister | None = None,
    use: ModelUse | None = None,
) -> BacktestResult:
    """Run ``config`` over bar files and return everything that came of it.

    Parameters
    ----------
    bars : sequence of str
        Files or globs.
    start, end : int or None
        ns UTC, end excluded.
    tier : str
        ``event``, ``fast`` or ``both``.
    out : Path
        Folder; the event tier leaves its ledger there. An earlier backtest in it is replaced.
    progress : callable
        Told (symbol-bars done, in all, what is being done).
    repair : bool
        Drop impossible rows instead of refusing the file.
    funding : sequence of str or None
        Funding files; None looks beside the bars, an empty one uses none.
    nautilus : Path, optional
        A Python that has NautilusTrader, for a second opinion among the result's studies.
    register : TrialRegister, optional
        Where the run is counted before anybody sees its result.
    use : ModelUse, optional
        How agents may ask language models; without it nobody is asked, and what is on record
        counts.

    Raises
    ------
    ConfigError, DataError
        If the configuration, the files or the folder can't be used.
    GateClosed
        If the bars reach into a sealed period that isn't open to ``config``, or asking would cost
        more than was agreed to.
    """
    source = read_source(bars, start, end, repair=repair, timeframe=timeframe, funding=funding)
    return run_source(
        config, source, tier, out, progress, nautilus=nautilus, register=register, use=use
    )


def read_source(
    bars: Sequence[str],
    start: int | None,
    end: int | None,
    *,
    repair: bool,
    timeframe: str | None,
    funding: Sequence[str] | None,
) -> Source:
    """Read bars and funding, checked.

    Raises
    ------
    ConfigError, DataError
        If there are none, or they can't be true.
    """
    data = read_bars(bars, timeframe=timeframe, start=start, end=end, repair=repair)
    paths = funding_beside(file.path for file in data.files) if funding is None else funding
    payments = _of_bars(read_funding(list(paths), repair=repair) if paths else (), data)
    files = _sources(data) + tuple(
        DataSource(path=each.file, sha256=each.sha256, rows=len(each.ts),
                   instrument=str(each.instrument))
        for each in payments
    )  # fmt: skip
    return Source(
        block=with_funding(data.block, payments),
        files=files,
        findings=(*map(str, data.findings), *_without_funding(data, payments)),
        funding=tuple(each.file for each in payments),
    )


def _of_bars(payments: Sequence[Funding], data: BarData) -> tuple[Funding, ...]:
    # a pattern may mean more than is needed, but files of which none is needed are a mistake
    ours = tuple(each for each in payments if each.instrument in data.instruments)
    if payments and not ours:
        first = payments[0]
        listed = ", ".join(map(str, data.instruments))
        raise ConfigError(
            f"{first.file}: holds the funding of {first.instrument}, and the bars are of {listed};"
            " rename it like the bars, in a folder funding/VENUE where they have a venue"
        )
    return ours


def _without_funding(data: BarData, payments: Sequence[Funding]) -> tuple[str, ...]:
    paid = {each.instrument for each in payments}
    free = [each for each in data.instruments if is_perpetual(each) and each not in paid]
    if not free:
        return ()
    listed = ", ".join(map(str, free[:_MOST_NAMED])) + (" ..." if len(free) > _MOST_NAMED else "")
    return (
        f"no_funding: no funding rates of {len(free)} perpetual{'s' if len(free) > 1 else ''}"
        f" ({listed}): holding costs and earns nothing here; name files of rates with --funding",
    )


def run_source(  # noqa: PLR0913 - as above
    config: Config,
    source: Source,
    tier: str,
    out: Path,
    progress: Progress,
    *,
    versions: dict[str, str] | None = None,
    nautilus: Path | None = None,
    register: TrialRegister | None = None,
    use: ModelUse | None = None,
    opinions: OpinionTimeline | None = None,
) -> BacktestResult:
    """Run ``config`` over bars that were read; see `run_backtest`.

    Parameters
    ----------
    opinions : OpinionTimeline, optional
        What awaited agents said; else they are asked.
    """
    if tier not in {"event", "fast", "both"}:
        raise ConfigError(f"tier must be event, fast or both, was {tier!r}")
    if tier == "fast" and nautilus is not None:
        raise ConfigError(
            "a second opinion replays orders, and the fast tier keeps none; use --tier event"
        )
    block = source.block
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    plan = plan_of(config, universe.instruments, block.step)
    run_id = run_name(config, source, versions)
    admit(register, config, block, source.files, run_id)
    if opinions is None:
        opinions = opinions_over(config, plan, block, use, progress)
    _clear(out)
    progress(0, block.close.size, "fast tier" if tier == "fast" else "event tier")
    began = time.perf_counter()
    outcomes = {}
    if tier != "fast":
        outcomes["event"] = run_event(
            config, plan, block, source.files, run_id, out, progress, versions, opinions=opinions
        )
    if tier != "event":
        outcomes["fast"] = run_fast(config, plan, block, progress, opinions=opinions)
    seconds = time.perf_counter() - began
    chosen = outcomes.get("event") or outcomes["fast"]
    progress(0, 0, "baselines")
    baselines = baselines_of(plan, block, chosen, config.seed)
    n_bars = int(np.isfinite(block.close).sum())
    closes_at, closes = thinned(block.known_at, block.close, _CHART_POINTS)
    apart = figures_apart(config, plan, block, opinions)
    held = baselines["buy_and_hold"].equity
    honest = judged(
        register, config, block, source.files, chosen.trace.equity, run_id=run_id, market=held
    )
    result = BacktestResult(
        run_id=run_id,
        ledger_hash=chosen.ledger_hash,
        tier=cast("Tier", tier),
        instruments=block.instruments,
        ts=block.known_at,
        step=block.step,
        equity=chosen.trace.equity,
        gross_exposure=shares(chosen.trace.gross, chosen.trace.equity),
        net_exposure=shares(chosen.trace.net, chosen.trace.equity),
        closes_at=closes_at,
        closes=closes,
        fills=chosen.fills,
        orders=chosen.orders,
        trades=chosen.trades,
        refusals=chosen.refusals,
        metrics=metrics_of(block, chosen),
        baselines=baselines,
        parity=parity(outcomes["event"], outcomes["fast"]) if len(outcomes) > 1 else None,
        n_bars=n_bars,
        n_decisions=chosen.n_decisions,
        n_orders=chosen.n_orders,
        n_fills=len(chosen.fills),
        n_refusals=chosen.n_refusals,
        starting_balance=float(sum(plan.balances.values())),
        final_equity=float(chosen.trace.equity[-1]),
        funding=chosen.funding,
        seconds=seconds,
        bars_per_second=n_bars * len(outcomes) / seconds,
        seed=config.seed,
        data_files=tuple(
            SourceFile(
                path=each.path,
                sha256=each.sha256,
                rows=each.rows,
                kind="funding" if each.path in source.funding else "bars",
            )
            for each in source.files
        ),
        findings=(
            *source.findings,
            *((f"trading halted: {chosen.halted}",) if chosen.halted else ()),
            *chosen.doubts,
            *_silences(opinions),
        ),
        configuration=resolved(config),
        configuration_hash=config_hash(config),
        terms=terms_of_trade(config, plan),
        honest=honest.to_dict(),
        studies={
            "robustness": robustness_of(plan, block, chosen, held),
            **({} if apart is None else {"knowledge": apart}),
        },
        versions={
            "tutti": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": numba.__version__,
            "polars": pl.__version__,
        },
    )
    if nautilus is None:
        return result
    progress(0, 0, "second opinion")
    opinion = second_opinion(plan, block, result, nautilus, config.quote_currency)
    return replace(result, studies={**result.studies, "second_opinion": opinion.to_dict()})


def _silences(opinions: OpinionTimeline | None) -> tuple[str, ...]:
    # how often agents that were awaited had nothing to say: it looks like calm otherwise
    answers: dict[str, Counter[str]] = {}
    for heard in opinions.answers if opinions is not None else ():
        reason = heard.answer.reason if isinstance(heard.answer, Abstention) else ""
        answers.setdefault(heard.answer.agent, Counter())[reason] += 1
    told = []
    for name, reasons in answers.items():
        n_asked, n_said = reasons.total(), reasons.pop("", 0)
        if reasons:
            reason, n = reasons.most_common(1)[0]
            told.append(
                f"agent {name}: {n_asked - n_said:,} of {n_asked:,} answers were abstentions, most "
                f"often ({n:,}): {reason}"
            )
    return tuple(told)


def run_name(config: Config, source: Source, versions: Mapping[str, str] | None = None) -> str:
    """Return the id of a run: the same configuration, and models, on the same data have the same."""
    digest = hashlib.sha256(config_hash(config).encode())
    digest.update(models_digest(config).encode())
    for file in source.files:
        digest.update(file.sha256.encode())
    digest.update(f"{source.block.ts[0]} {source.block.ts[-1]} {source.block.step}".encode())
    digest.update((versions or {"tutti": __version__})["tutti"].encode())
    return f"{_PREFIX}{digest.hexdigest()[:12]}"


def _sources(data: BarData) -> tuple[DataSource, ...]:
    return tuple(
        DataSource(
            path=str(each.path),
            sha256=each.sha256,
            rows=each.rows,
            instrument=str(each.instrument),
        )
        for each in data.files
    )


def terms_overrides(
    config: Config, instruments: Sequence[InstrumentId]
) -> dict[str, dict[str, object]]:
    """Return the contract terms that the configuration gives: its venues' fees, then its own."""
    given: dict[str, dict[str, object]] = {name: {} for name in config.instruments}
    for instrument in instruments:
        venue = config.venue(instrument.venue)
        fees = {"maker_fee": venue.maker_fee, "taker_fee": venue.taker_fee}
        own = config.instrument(str(instrument)).model_dump()
        given[str(instrument)] = {
            key: value for key, value in (*fees.items(), *own.items()) if value is not None
        }
    return given


def terms_of_trade(config: Config, plan: Plan) -> dict[str, dict[str, dict[str, object]]]:
    """Return contract terms and venues' costs as JSON values: all that a second engine needs."""
    venues = {}
    for name in plan.venues:
        rules = config.venue(name).model_dump(mode="json", exclude={"maker_fee", "taker_fee"})
        venues[name] = rules | {"starting_balance": str(plan.balances[name])}
    instruments = {}
    for each in plan.instruments:
        terms = asdict(each)
        del terms["id"]
        instruments[str(each.id)] = {key: str(value) for key, value in terms.items()} | {
            "half_spread_bps": config.half_spread_bps(str(each.id))
        }
    return {"instruments": instruments, "venues": venues}


def _clear(out: Path) -> None:
    # what a backtest left can be made again; what anything else left can not
    if not (out / _LEDGER).exists() and not (out / _RUN).exists():
        return
    if is_being_written(out):
        raise ConfigError(f"{out}: another process writes there; choose another folder with --out")
    # the fast tier leaves no ledger, and studies of its result all the same
    if not (out / _RUN).exists() and not _is_cut_short(out):
        raise ConfigError(
            f"{out} holds a ledger that no backtest left; choose another folder with --out"
        )
    for name in _LEFT:
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _is_cut_short(out: Path) -> bool:
    # a backtest that was interrupted before it could write its results
    try:
        with SqliteLedgerReader(out) as ledger:
            return not ledger.run_id or ledger.run_id.startswith(_PREFIX)
    except LedgerError:
        return False
