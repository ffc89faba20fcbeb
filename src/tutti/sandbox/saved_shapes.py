"""What the files that a backtest left must hold for its report to be told again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypeAlias, TypedDict

import msgspec

from tutti.model.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Figure: TypeAlias = float | None
"""None where it is not finite: JSON has no word for that."""

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class ParityShape(TypedDict):
    """See `sandbox.result.Parity`."""

    max_rel_equity_diff: Figure
    fills_equal: bool
    n_fills_event: Count
    n_fills_fast: Count


class SourceShape(TypedDict):
    """See `sandbox.result.SourceFile`."""

    path: str
    sha256: str
    rows: Count
    kind: NotRequired[str]


class RunShape(TypedDict):
    """``run.json``; what it means is said at `sandbox.result.BacktestResult`."""

    run_id: str
    ledger_hash: str
    tier: Literal["event", "fast", "both"]
    instruments: list[str]
    start: str
    end: str
    n_bars: Count
    n_decisions: Count
    n_orders: Count
    n_fills: Count
    n_refusals: Count
    refusals: dict[str, Count]
    starting_balance: float
    final_equity: Figure
    metrics: dict[str, Figure]
    baselines: dict[str, dict[str, Figure]]
    parity: ParityShape | None
    honest: NotRequired[dict[str, str | bool | float | None]]
    seed: int
    configuration_hash: str
    findings: list[str]
    seconds: float
    bars_per_second: Figure
    step: Annotated[int, msgspec.Meta(gt=0)]
    funding: Figure
    versions: dict[str, str]
    data_files: list[SourceShape]
    configuration: dict[str, Any]
    terms: NotRequired[dict[str, Any]]
    files: NotRequired[dict[str, str]]


class StretchShape(TypedDict):
    """What was earned in a part of the time, or a state of the market."""

    name: str
    days: Count
    total_return: float
    sharpe: Figure
    sharpe_se: Figure


class CostsShape(TypedDict):
    """What the result would have been at other costs."""

    total_return_at: dict[str, dict[Literal["fees", "slippage", "both"], Figure]]
    break_even_bps: Figure


class CapacityShape(TypedDict):
    """How large it could have been traded."""

    most_profit: Figure
    break_even: Figure


class RobustnessShape(TypedDict):
    """``robustness.json``."""

    costs: CostsShape
    capacity: CapacityShape
    regimes: list[StretchShape]
    parts: list[StretchShape]


class AttributionShape(TypedDict):
    """``attribution.json``."""

    total: Figure
    components: dict[str, Figure]
    by: dict[str, list[dict[str, str | float | None]]]
    residual: Figure


class ShareShape(TypedDict):
    """A share with its interval."""

    value: float
    low: float
    high: float


class MonteCarloShape(TypedDict):
    """``montecarlo.json``."""

    method: str
    signals: str
    n_paths: Count
    seed: int
    probability_of_loss: ShareShape
    probability_of_ruin: ShareShape
    ruin_at: float
    ts: list[int]
    levels: list[float]
    fan: list[list[Figure]]
    recorded: list[Figure]


class StampShape(TypedDict):
    """Figures of the opinions with one stamp."""

    n_opinions: Count
    hit_rate: Figure
    total_return: Figure
    sharpe: Figure
    max_drawdown: Figure


class KnowledgeShape(TypedDict):
    """``knowledge.json``."""

    stamps: dict[str, StampShape]


class EngineShape(TypedDict):
    """What one engine made of the orders."""

    fills: Count
    fees: float
    funding: float
    final_equity: float


class DifferenceShape(TypedDict):
    """A cause for which two engines differ."""

    cause: str
    count: int | None
    amount: float
    bps: float
    explanation: str
    examples: list[str]


class SecondOpinionShape(TypedDict):
    """``second_opinion.json``."""

    engine: str
    ours: EngineShape
    theirs: EngineShape
    fills_matched: Count
    fills_total: Count
    equity_diff_bps: float
    agrees: bool
    differences: list[DifferenceShape]
    mapped: dict[str, float]


STUDIES: Mapping[str, type] = {
    "robustness": RobustnessShape,
    "attribution": AttributionShape,
    "montecarlo": MonteCarloShape,
    "second_opinion": SecondOpinionShape,
    "knowledge": KnowledgeShape,
}
"""What a study's file must hold, by its kind."""


def read_run(path: Path) -> dict[str, Any]:
    """Return what a ``run.json`` says.

    Raises
    ------
    DataError
        If it can't be read, or says something else than a finished backtest does.
    """
    return _read(path, RunShape, "run the backtest again")


def read_study(path: Path, kind: str) -> dict[str, Any]:
    """Return a study of a run, one of `STUDIES`.

    Raises
    ------
    DataError
        If it can't be read, or isn't such a study.
    """
    remedy = "delete it, and make the study again where it is wanted"
    study = _read(path, STUDIES[kind], remedy)
    if kind == "attribution":
        lacking = next(
            (
                name
                for names, lines in study["by"].items()
                for name in names.split(",")
                if any(name not in line for line in lines)
            ),
            None,
        )
        if lacking is not None:
            raise DataError(f"{path}: not a {kind} study: a line lacks {lacking}; {remedy}")
    if kind == "montecarlo":
        curves = [study["recorded"], *study["fan"]]
        if len(study["fan"]) != len(study["levels"]) or any(
            len(curve) != len(study["ts"]) for curve in curves
        ):
            raise DataError(f"{path}: not a {kind} study: its curves differ in length; {remedy}")
    return study


def _read(path: Path, shape: type, remedy: str) -> dict[str, Any]:
    try:
        # strict: what our own files never hold, NaN and numbers without end, is no JSON either
        found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        msgspec.convert(found, shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: can't be read ({error}); {remedy}") from error
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror}); {remedy}") from error
    return found
