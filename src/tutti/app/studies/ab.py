"""Two or more configurations on the same bars: which is better, by how much, and is it chance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.app.backtest import run_source
from tutti.app.studies.attribute import RunAttribution, attribute_block
from tutti.model.errors import ConfigError
from tutti.sandbox.ab import FEWEST, Paired, paired
from tutti.sandbox.result import BacktestResult, summary, write_result
from tutti.stats.account import daily_returns
from tutti.stats.superiority import Superiority, superiority

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tutti.app.backtest import Source
    from tutti.app.config import Config
    from tutti.ledger.trials import TrialRegister
    from tutti.model.market import FloatArray

    Progress = Callable[[int, int, str], None]

_SHOWN = (
    "run_id", "configuration_hash", "final_equity", "metrics", "baselines", "honest", "n_orders",
    "n_fills", "n_refusals", "refusals",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One of the configurations and what came of it."""

    name: str
    result: BacktestResult
    attribution: RunAttribution
    folder: Path

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        shown = summary(self.result)
        return {
            "name": self.name,
            **{key: shown[key] for key in _SHOWN if key in shown},
            "components": self.attribution.to_dict()["components"],
            "run": str(self.folder),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AbStudy:
    """A configuration and its alternatives on the same bars.

    Parameters
    ----------
    first : Arm
        A, what the others are held against.
    others : tuple of Arm
        B, and more.
    pairs : tuple of Paired
        Each of the others against A.
    best : Superiority
        Whether the best of them beats A by more than the choice among them explains.
    """

    first: Arm
    others: tuple[Arm, ...]
    pairs: tuple[Paired, ...]
    best: Superiority

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values; ``b`` and ``difference`` are those of the first alternative."""
        alternatives = [
            {
                **arm.to_dict(),
                "difference": {
                    "final_equity": arm.result.final_equity - self.first.result.final_equity,
                    **pair.to_dict(),
                    "components": {
                        name: float(theirs - ours)
                        for (name, theirs), ours in zip(
                            arm.attribution.attribution.parts._asdict().items(),
                            self.first.attribution.attribution.parts,
                            strict=True,
                        )
                    },
                },
            }
            for arm, pair in zip(self.others, self.pairs, strict=True)
        ]
        best = asdict(self.best)
        best["superior"] = [self.others[k].name for k in self.best.superior]
        return {
            "a": self.first.to_dict(),
            "b": {key: value for key, value in alternatives[0].items() if key != "difference"},
            "difference": alternatives[0]["difference"],
            "alternatives": alternatives,
            "superiority": best,
        }


def run_ab(  # noqa: PLR0913 - what a comparison is of
    configs: Mapping[str, Config],
    source: Source,
    out: Path,
    progress: Progress,
    *,
    seed: int,
    n_samples: int = 2000,
    mean_block: float | None = None,
    register: TrialRegister | None = None,
) -> AbStudy:
    """Run each configuration over the bars in the event tier, and hold the others against the first.

    Parameters
    ----------
    configs : mapping of str to Config
        By name, A first; at least two.
    out : Path
        Empty or absent; each leaves its backtest in a folder there.
    seed : int
        Of the samples.
    mean_block : float, optional
        Mean length of the samples' blocks, in days.
    register : TrialRegister, optional
        Each run is a trial.

    Raises
    ------
    ConfigError
        If the bars are too few for a comparison, or the folder holds something.
    """
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty; choose another folder with --out")
    _enough(source)
    arms = [_arm(name, config, source, out, progress, register) for name, config in configs.items()]
    gains = [_gains(arm.result) for arm in arms]
    rng = np.random.default_rng(seed)
    pairs = tuple(
        paired(
            gains[0][0], theirs, rng,
            per_year=per_year, n_samples=n_samples, mean_block=mean_block,
        )
        for theirs, per_year in gains[1:]
    )  # fmt: skip
    excess = np.column_stack([theirs - gains[0][0] for theirs, _ in gains[1:]])
    block = mean_block or max(pair.mean_block for pair in pairs)
    return AbStudy(
        first=arms[0],
        others=tuple(arms[1:]),
        pairs=pairs,
        best=superiority(excess, rng, n_samples=n_samples, mean_block=block),
    )


def _enough(source: Source) -> None:
    block = source.block
    flat = np.ones(len(block))
    count = len(daily_returns(block.known_at, flat, block.step)[0])
    if count < FEWEST:
        raise ConfigError(
            f"a comparison needs at least {FEWEST} days, and the bars have {count}; "
            "choose more with --bars, --start and --end"
        )


def _arm(
    name: str,
    config: Config,
    source: Source,
    out: Path,
    progress: Progress,
    register: TrialRegister | None,
) -> Arm:
    folder = out / name
    result = run_source(
        config, source, "event", folder,
        lambda done, total, what: progress(done, total, f"{name}: {what}"), register=register,
    )  # fmt: skip
    write_result(result, folder)
    return Arm(
        name=name,
        result=result,
        attribution=attribute_block(folder, source.block, config),
        folder=folder,
    )


def _gains(result: BacktestResult) -> tuple[FloatArray, float]:
    return daily_returns(result.ts, result.equity, result.step)


def named(paths: Sequence[Path]) -> list[str]:
    """Return a short name for each file of configuration: its own, or with its folder's.

    Raises
    ------
    ConfigError
        If two are the same file.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise ConfigError("--a and --b name one file twice; compare different configurations")
    stems = [path.stem for path in paths]
    return [
        stem if stems.count(stem) == 1 else f"{path.resolve().parent.name}-{stem}-{k}"
        for k, (stem, path) in enumerate(zip(stems, paths, strict=True))
    ]
