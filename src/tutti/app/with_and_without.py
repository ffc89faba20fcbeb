"""The same period with and without an agent, a model or sentiment: what difference it makes.

Each question is answered by two runs over the same bars. Their daily returns are compared in pairs
(`tutti.sandbox.ab`), so that what the market did to both cancels; several questions asked at once
are corrected for that (Holm, 1979, A simple sequentially rejective multiple test procedure).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.outcome import outcomes
from tutti.app.agent_row import told
from tutti.app.backtest import run_source, terms_overrides
from tutti.app.build import plan_of
from tutti.app.evaluate import POLICY, signals_of
from tutti.app.model_spend import Spend, spend_in
from tutti.app.model_use import ModelUse
from tutti.app.opinions import opinions_over
from tutti.app.panels import with_added, without
from tutti.model.errors import ConfigError
from tutti.sandbox.ab import FEWEST, Paired, paired
from tutti.sandbox.result import BacktestResult, summary, write_result
from tutti.sandbox.signals import SIDES, Confusion, confusion
from tutti.stats.account import daily_returns
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tutti.agents.timeline import OpinionTimeline
    from tutti.app.backtest import Source
    from tutti.app.config import Config
    from tutti.ledger.trials import TrialRegister
    from tutti.model.market import FloatArray, MarketBlock

    Progress = Callable[[int, int, str], None]

CONFIGURED = "configured"
_LEVEL = 0.05
_SHOWN = (
    "run_id", "configuration_hash", "final_equity", "metrics", "honest", "n_orders", "n_fills",
    "n_refusals",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Side:
    """One panel's run.

    Parameters
    ----------
    sharpe, sharpe_low, sharpe_high : float
        A year, and the interval that holds it in 95 of 100 cases.
    signals : Confusion
        The policy's signals against what the market did over the horizon.
    spend : Spend
        On language models.
    """

    name: str
    agents: tuple[str, ...]
    result: BacktestResult
    sharpe: float
    sharpe_low: float
    sharpe_high: float
    signals: Confusion
    spend: Spend
    folder: Path

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        shown = summary(self.result)
        hits = self.signals.hit_rate
        return told(
            {
                "name": self.name,
                "agents": list(self.agents),
                **{key: shown[key] for key in _SHOWN if key in shown},
                "sharpe": self.sharpe,
                "sharpe_interval": [self.sharpe_low, self.sharpe_high],
                "hit_rate": hits.value,
                "hit_rate_error": hits.standard_error,
                "hit_rate_by_chance": self.signals.by_chance,
                "coverage": self.signals.coverage,
                "confusion": {
                    said: dict(zip(SIDES, row, strict=True))
                    for said, row in zip(SIDES, self.signals.counts.tolist(), strict=True)
                },
                "cost_usd": float(self.spend.usd),
                "calls": self.spend.calls,
                "run": str(self.folder),
            }
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Comparison:
    """What something adds: its run with it, less the one without.

    Parameters
    ----------
    added : tuple of str
        Agents that only ``with_it`` has.
    pair : Paired
        With it less without it.
    p_adjusted : float
        The p-value of the difference in mean return, corrected for as many questions as were asked.
    """

    name: str
    added: tuple[str, ...]
    with_it: Side
    without_it: Side
    pair: Paired
    p_adjusted: float

    @property
    def is_told(self) -> bool:
        """Whether chance explains the difference in fewer than 5 of 100 cases."""
        return self.p_adjusted < _LEVEL

    @property
    def verdict(self) -> str:
        """What the difference says, in words."""
        if self.pair.n_idle == self.pair.n_returns:
            return "neither run ever held anything: lower policy.entry_threshold, or take more bars"
        if np.array_equal(self.with_it.result.equity, self.without_it.result.equity):
            return f"{self.name} changed nothing: both runs are the same"
        if not self.is_told:
            return f"nothing tells the run with {self.name} from the one without: chance does this"
        return f"{self.name} {'helps' if self.pair.mean.value > 0.0 else 'harms'}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        ours, theirs = self.with_it, self.without_it
        return told(
            {
                "name": self.name,
                "added": list(self.added),
                "with": ours.name,
                "without": theirs.name,
                "difference": {
                    "final_equity": ours.result.final_equity - theirs.result.final_equity,
                    "hit_rate": ours.signals.hit_rate.value - theirs.signals.hit_rate.value,
                    "cost_usd": float(ours.spend.usd - theirs.spend.usd),
                    **self.pair.to_dict(),
                    "p_adjusted": self.p_adjusted,
                },
                "is_told": self.is_told,
                "verdict": self.verdict,
            }
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WithAndWithout:
    """Answers to one or more questions over the same bars."""

    sides: tuple[Side, ...]
    comparisons: tuple[Comparison, ...]
    horizon: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "horizon_bars": self.horizon,
            "runs": [each.to_dict() for each in self.sides],
            "comparisons": [each.to_dict() for each in self.comparisons],
        }


def panels_of(
    config: Config, left_out: Sequence[str], added: Sequence[str]
) -> tuple[dict[str, Config], list[tuple[str, str, str]]]:
    """Return configurations by name, and for each question (name, with it, without it).

    Raises
    ------
    ConfigError
        If nothing is asked, or a name means nobody.
    """
    if not left_out and not added:
        raise ConfigError(
            "--without is missing: name an agent, a kind, a model, sentiment or llm; or one to "
            "add, --with"
        )
    arms = {CONFIGURED: config}
    asked = []
    for name in dict.fromkeys(left_out):
        arms[f"without {name}"] = without(config, name)
        asked.append((name, CONFIGURED, f"without {name}"))
    for name in dict.fromkeys(added):
        arms[f"with {name}"] = with_added(config, name)
        asked.append((name, f"with {name}", CONFIGURED))
    return arms, asked


def run_with_and_without(  # noqa: PLR0913 - what a comparison is of
    config: Config,
    source: Source,
    left_out: Sequence[str],
    added: Sequence[str],
    out: Path,
    progress: Progress,
    *,
    seed: int,
    tier: str = "event",
    horizon: int = 1,
    n_samples: int = 2000,
    mean_block: float | None = None,
    use: ModelUse | None = None,
    register: TrialRegister | None = None,
) -> WithAndWithout:
    """Run the configured panel and those with less or more on it, and compare them in pairs.

    Parameters
    ----------
    left_out, added : sequence of str
        What is left out of the panel, or added to it, one question each; see `tutti.app.panels`.
    out : Path
        Empty or absent; each run leaves its backtest in a folder there.
    seed : int
        Of the samples.
    horizon : int
        Bars over which signals are held against the market.
    mean_block : float, optional
        Mean length of the samples' blocks, in days.
    use : ModelUse, optional
        How language models may be asked, and where their calls are kept, to say what they cost.
    register : TrialRegister, optional
        Each run is a trial.

    Raises
    ------
    ConfigError
        If a name means nobody, the bars are too few, or the folder holds something.
    GateClosed
        If language models would cost more than was agreed to.
    """
    arms, asked = panels_of(config, left_out, added)
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty; choose another folder with --out")
    _enough(source)
    sides = {
        name: _side(name, each, source, out, progress, tier, horizon, use or ModelUse(), register)
        for name, each in arms.items()
    }
    rng = np.random.default_rng(seed)
    comparisons = [
        _compared(name, sides[ours], sides[theirs], rng, n_samples, mean_block)
        for name, ours, theirs in asked
    ]
    adjusted = holm([each.pair.mean.p_value for each in comparisons])
    return WithAndWithout(
        sides=tuple(sides.values()),
        comparisons=tuple(
            replace(each, p_adjusted=p) for each, p in zip(comparisons, adjusted, strict=True)
        ),
        horizon=horizon,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for as many tests as there are, in their order."""
    order = np.argsort(p_values, kind="stable")
    found = [0.0] * len(p_values)
    worst = 0.0
    for rank, k in enumerate(order.tolist()):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[k]))
        found[k] = worst
    return found


def _side(  # noqa: PLR0913 - what a run takes
    name: str,
    config: Config,
    source: Source,
    out: Path,
    progress: Progress,
    tier: str,
    horizon: int,
    use: ModelUse,
    register: TrialRegister | None,
) -> Side:
    block = source.block
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    plan = plan_of(config, universe.instruments, block.step)
    opinions = opinions_over(config, plan, block, use, progress)
    folder = out / name.replace(" ", "-").replace(":", "-").replace("/", "-")
    result = run_source(
        config, source, tier, folder,
        lambda done, total, what: progress(done, total, f"{name}: {what}"), register=register, opinions=opinions,
    )  # fmt: skip
    write_result(result, folder)
    agents = tuple(each.name for each in config.agents if each.enabled)
    honest = {key: math.nan if value is None else value for key, value in result.honest.items()}
    return Side(
        name=name,
        agents=agents,
        result=result,
        sharpe=honest["sharpe"],
        sharpe_low=honest["sharpe_low"],
        sharpe_high=honest["sharpe_high"],
        signals=_signals(name, config, block, horizon, opinions),
        spend=_spend(use.records, source, agents, config),
        folder=folder,
    )


def _signals(
    name: str, config: Config, block: MarketBlock, horizon: int, opinions: OpinionTimeline | None
) -> Confusion:
    threshold = config.policy.entry_threshold
    score = signals_of(config, block, confidence=threshold, opinions=opinions)[POLICY]
    # who is not sure enough to enter is flat, and a missing bar is no signal
    signals = np.where(np.isfinite(block.close), np.nan_to_num(score), np.nan)
    return confusion(name, signals, outcomes(block.open, horizon).move, horizon=horizon)


def _spend(records: Path, source: Source, agents: Sequence[str], config: Config) -> Spend:
    ends = source.block.known_at
    spent = spend_in(records, int(ends[0]), int(ends[-1]), config)
    found = [spent[name] for name in agents if name in spent]
    return Spend(
        usd=sum((each.usd for each in found), Spend().usd),
        calls=sum(each.calls for each in found),
    )


def _compared(
    name: str,
    ours: Side,
    theirs: Side,
    rng: np.random.Generator,
    n_samples: int,
    mean_block: float | None,
) -> Comparison:
    with_it, per_year = _gains(ours.result)
    without_it, _ = _gains(theirs.result)
    pair = paired(
        without_it, with_it, rng, per_year=per_year, n_samples=n_samples, mean_block=mean_block
    )
    return Comparison(
        name=name,
        added=tuple(each for each in ours.agents if each not in theirs.agents),
        with_it=ours,
        without_it=theirs,
        pair=pair,
        p_adjusted=pair.mean.p_value,
    )


def _gains(result: BacktestResult) -> tuple[FloatArray, float]:
    return daily_returns(result.ts, result.equity, result.step)


def _enough(source: Source) -> None:
    block = source.block
    count = len(daily_returns(block.known_at, np.ones(len(block)), block.step)[0])
    if count < FEWEST:
        raise ConfigError(
            f"a comparison needs at least {FEWEST} days, and the bars have {count}; choose more "
            "with --bars, --start and --end"
        )
