"""``tutti stats``: what a series of returns proves, and what a set of trials does."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.boundary import OK
from tutti.cli.options import AsJson
from tutti.cli.output import Output
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tutti.model.market import FloatArray
    from tutti.stats.inference import Moments

app = typer.Typer(
    help="Judge returns: what they prove after so many trials.",
    invoke_without_command=True,
)


_Periods = Annotated[
    float | None,
    typer.Option(
        "--per-year",
        metavar="P",
        min=0.000001,
        help="Returns in a year: all ratios, given and told, are then those of a year.",
    ),
]


@app.callback()
def stats(  # noqa: PLR0913 - one parameter for each option
    context: typer.Context,
    *,
    returns: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV or Parquet, a return in each row.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the returns, where there are several.")
    ] = None,
    sharpe: Annotated[
        float | None, typer.Option(help="Instead of returns: their Sharpe ratio.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", help="With --sharpe: how many returns.")
    ] = None,
    skewness: Annotated[float, typer.Option(help="With --sharpe.")] = 0.0,
    kurtosis: Annotated[float, typer.Option(help="With --sharpe; 3 is normal.")] = 3.0,
    trials: Annotated[
        float, typer.Option(metavar="N", help="Independent trials that these are the best of.")
    ] = 1.0,
    trial_variance: Annotated[
        float | None,
        typer.Option(metavar="V", help="Of the trials' Sharpe ratios; else that of luck alone."),
    ] = None,
    benchmark: Annotated[float, typer.Option(help="Sharpe ratio to be better than.")] = 0.0,
    confidence: Annotated[float, typer.Option(help="Of the track record.")] = 0.95,
    per_year: _Periods = None,
    as_json: AsJson = False,
) -> int | None:
    """Judge returns: what they prove after so many trials."""
    if context.invoked_subcommand is not None:
        return None
    if (returns is None) == (sharpe is None):
        raise ConfigError("give --returns FILE, or --sharpe with --count, or a command; see --help")
    for option, value in (("--benchmark", benchmark), ("--per-year", per_year)):
        if value is not None and not math.isfinite(value):
            raise ConfigError(f"{option} must be a finite number, was {value}")
    if returns is not None and count is not None:
        raise ConfigError("--count goes with --sharpe; --returns has as many as its file holds")
    unit = 1.0 if per_year is None else math.sqrt(per_year)
    series, of = _given(returns, column, sharpe, count, (skewness, kurtosis), unit)
    variance = 1.0 / (of.n - 1) if trial_variance is None else trial_variance / unit**2
    try:
        document = _judged(of, unit, trials, variance, benchmark / unit, confidence)
    except OverflowError as error:
        raise ConfigError(
            "numbers this large are no figures of returns; look at --sharpe, --skewness, --per-year"
        ) from error
    document |= {"per_year": per_year, "source": None if returns is None else str(returns)}
    document |= _described(series, per_year)
    output = Output(as_json=as_json)
    output.table(("figure", "value"), [(key, _shown(value)) for key, value in document.items()])
    output.finish(document)
    return OK


@app.command()
def overfitting(  # noqa: PLR0913 - one parameter for each option
    *,
    matrix: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV or Parquet, a column of returns each trial.")
    ],
    benchmark: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column to beat; else doing nothing.")
    ] = None,
    blocks: Annotated[int, typer.Option(metavar="S", help="For the halves; even.")] = 16,
    samples: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="Of the bootstrap.")
    ] = 1000,
    block_length: Annotated[
        float | None, typer.Option(metavar="L", help="Mean, of the bootstrap; else the root.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> int:
    """Tell whether the best of many trials is only the luckiest."""
    from dataclasses import asdict

    import numpy as np  # not for --help

    from tutti.app.returns_file import read_matrix
    from tutti.stats.inference import deflated_sharpe, moments
    from tutti.stats.overfitting import overfitting as overfitting_of
    from tutti.stats.selection import effective_trials, sharpe_spread
    from tutti.stats.superiority import superiority

    names, values = read_matrix(matrix)
    if benchmark is not None:
        if benchmark not in names:
            raise ConfigError(f"{matrix}: no column {benchmark!r}; there are {', '.join(names)}")
        kept = [k for k, name in enumerate(names) if name != benchmark]
        against = values[:, [names.index(benchmark)]]
        names, values = tuple(names[k] for k in kept), values[:, kept] - against
    try:
        found = overfitting_of(values, n_blocks=blocks)
        tested = superiority(
            values, np.random.default_rng(seed), n_samples=samples, mean_block=block_length
        )
        deviation = values.std(axis=0, ddof=1)
        sharpes = np.divide(
            values.mean(axis=0), deviation, out=np.zeros(len(names)), where=deviation > 0.0
        )
        best = int(np.argmax(sharpes))
        n_effective = effective_trials(values)
        of = moments(values[:, best])
        dsr = deflated_sharpe(of, n_effective, sharpe_spread(sharpes, of.n))
    except ValueError as error:
        raise DataError(f"{matrix}: {error}") from error
    told = asdict(tested) | {"superior": [names[k] for k in tested.superior]}
    document = (
        asdict(found)
        | {"n_effective": n_effective, "best": names[best], "best_sharpe": float(sharpes[best])}
        | {"best_dsr": dsr}
        | told
        | {"seed": seed, "benchmark": benchmark, "source": str(matrix)}
    )
    output = Output(as_json=as_json)
    output.table(("figure", "value"), [(key, _shown(value)) for key, value in document.items()])
    output.say(_conclusion(document), style="green" if tested.superior else "yellow")
    output.finish(document)
    return OK


def _given(
    returns: Path | None,
    column: str | None,
    sharpe: float | None,
    count: int | None,
    shape: tuple[float, float],
    unit: float,
) -> "tuple[FloatArray | None, Moments]":
    from tutti.app.returns_file import read_returns  # heavy, not for --help
    from tutti.stats.inference import Moments, moments

    try:
        if returns is not None:
            series = read_returns(returns, column)
            return series, moments(series)
        if count is None:
            raise ConfigError("--sharpe needs --count, the number of returns that it is made of")
        skewness, kurtosis = shape
        of = Moments(n=count, sharpe=sharpe / unit, skewness=skewness, kurtosis=kurtosis)  # type: ignore[operator]
    except ValueError as error:
        place = "" if returns is None else f"{returns}: "
        raise DataError(f"{place}{error}") from error
    return None, of


def _judged(
    of: "Moments",
    unit: float,
    trials: float,
    variance: float,
    benchmark: float,
    confidence: float,
) -> dict[str, Any]:
    from tutti.stats import inference

    try:
        luck = inference.expected_max_sharpe(trials, variance)
        length = inference.min_track_record_length(of, benchmark, confidence=confidence)
        deflated = inference.min_track_record_length(of, luck, confidence=confidence)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return {
        "sharpe": of.sharpe * unit,
        "sharpe_se": inference.sharpe_error(of) * unit,
        "psr": inference.probabilistic_sharpe(of, benchmark),
        "dsr": inference.deflated_sharpe(of, trials, variance),
        "expected_max_sharpe": luck * unit,
        "min_track_record_length": _finite(length),
        "min_track_record_deflated": _finite(deflated),
        "n_returns": of.n,
        "skewness": of.skewness,
        "kurtosis": of.kurtosis,
        "trials": trials,
        "trial_variance": variance * unit**2,
        "benchmark": benchmark * unit,
        "confidence": confidence,
    }


def _described(series: "FloatArray | None", per_year: float | None) -> dict[str, Any]:
    if series is None:
        return {}
    import numpy as np

    from tutti.stats.dependence import corrected_error, corrected_sharpe
    from tutti.stats.drawdowns import worst_drawdown
    from tutti.stats.performance import cagr, calmar, hit_rate, profit_factor, sortino
    from tutti.stats.tails import conditional_value_at_risk, tail_ratio, value_at_risk

    periods = 1.0 if per_year is None else per_year
    equity = np.concatenate([[1.0], np.cumprod(1.0 + series)])
    worst = worst_drawdown(equity)
    figures = {
        "sharpe_corrected": corrected_sharpe(series, periods),
        "sharpe_corrected_se": corrected_error(series) * math.sqrt(periods),
        "sortino": sortino(series, periods),
        "total_return": float(equity[-1] - 1.0),
        "max_drawdown": worst.depth,
        "max_drawdown_length": float(worst.length),
        "hit_rate": hit_rate(series),
        "profit_factor": profit_factor(series),
        "tail_ratio": tail_ratio(series),
        "var_95": value_at_risk(series),
        "cvar_95": conditional_value_at_risk(series),
    }
    if per_year is not None:
        figures |= {"cagr": cagr(equity, per_year), "calmar": calmar(equity, per_year)}
    return {name: _finite(value) for name, value in figures.items()}


def _conclusion(document: dict[str, Any]) -> str:
    if not document["superior"]:
        return (
            f"After {document['n_trials']} trials none is better than what luck gives the best of "
            f"them (p = {document['spa']:.3f})."
        )
    listed = ", ".join(document["superior"])
    return f"Better than luck explains, at the 5 % level: {listed} (p = {document['spa']:.3f})."


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)
