"""Writes what other libraries make of the same returns: the golden values of ``tutti.stats``.

Run it in an environment of its own, since these libraries need half a gigabyte::

    python -m venv golden
    golden/bin/pip install arch==8.0.0 empyrical-reloaded==0.7.1 purgedcv==0.1.11 \
        quantstats==0.0.86 skfolio==1.12.2
    golden/bin/python benchmarks/golden_statistics.py > tests/unit/stats/golden.json
"""

import importlib.metadata
import json
import warnings

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")

_LIBRARIES = ("arch", "empyrical-reloaded", "purgedcv", "quantstats", "skfolio")
_DAYS = 365


def _inputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(20240101)
    # 601 so that the 5 % quantile is one of the returns, however a library interpolates
    noise = rng.standard_t(4, 601)
    returns = 0.0012 + 0.01 * (noise + 0.3 * np.roll(noise, 1))
    market = rng.normal(0.0, 0.01, (300, 1))
    trials = 0.5 * market + rng.normal(0.0, 0.01, (300, 8)) + np.linspace(-0.002, 0.0006, 8)
    return {"returns": returns.round(8), "trials": trials.round(8)}


def _performance(returns: np.ndarray) -> dict[str, dict[str, float]]:
    import empyrical as ep
    import quantstats.stats as qs

    dated = pd.Series(returns, pd.date_range("2023-01-01", periods=len(returns)))
    worst = qs.drawdown_details(qs.to_drawdown_series(dated)).sort_values("max drawdown").iloc[0]
    return {
        "quantstats": {
            "sharpe": qs.sharpe(dated, periods=_DAYS),
            "sortino": qs.sortino(dated, periods=_DAYS),
            "volatility": qs.volatility(dated, periods=_DAYS),
            "max_drawdown": -qs.max_drawdown(dated),
            "max_drawdown_days": float(worst["days"]),
            "tail_ratio": qs.tail_ratio(dated),
            "profit_factor": qs.profit_factor(dated),
            "hit_rate": qs.win_rate(dated),
        },
        "empyrical": {
            "cagr": ep.annual_return(returns, annualization=_DAYS),
            "sharpe": ep.sharpe_ratio(returns, annualization=_DAYS),
            "sortino": ep.sortino_ratio(returns, annualization=_DAYS),
            "calmar": ep.calmar_ratio(returns, annualization=_DAYS),
            "volatility": ep.annual_volatility(returns, annualization=_DAYS),
            "max_drawdown": -ep.max_drawdown(returns),
            "tail_ratio": ep.tail_ratio(returns),
            "value_at_risk": -ep.value_at_risk(returns, 0.05),
            "conditional_value_at_risk": -ep.conditional_value_at_risk(returns, 0.05),
        },
    }


def _inference(returns: np.ndarray, trials: np.ndarray) -> dict[str, float]:
    from arch.covariance.kernel import Bartlett
    from purgedcv import min_track_record_length
    from skfolio import measures

    sharpes = trials.mean(axis=0) / trials.std(axis=0, ddof=1)
    pair = np.column_stack([returns, returns**2])
    long_run = Bartlett(pair, bandwidth=5, df_adjust=0).cov.long_run
    return {
        "probabilistic_sharpe": float(measures.probabilistic_sharpe_ratio(returns, 0.03)),
        "deflated_sharpe": float(measures.deflated_sharpe_ratio(returns, sharpes)),
        "expected_max_sharpe": float(
            measures.expected_max_sharpe_ratio(8, float(sharpes.std(ddof=1)))
        ),
        "min_track_record_length": min_track_record_length(0.1, 0.04, 0.05, -0.6, 7.0),
        "long_run_covariance": np.asarray(long_run).tolist(),
    }


def _superiority(trials: np.ndarray) -> dict[str, object]:
    from arch.bootstrap import SPA, StepM

    flat = np.zeros(len(trials))
    settings = {"block_size": 10, "reps": 500, "bootstrap": "stationary", "studentize": False}
    spa = SPA(flat, -trials, seed=np.random.default_rng(7), **settings)
    spa.compute()
    step = StepM(flat, -trials, size=0.35, seed=np.random.default_rng(7), **settings)
    step.compute()
    return {
        "p_values": spa.pvalues.tolist(),
        "variance": spa._loss_diff_var.tolist(),
        "superior_at_35": step.superior_models,
    }


def _overfitting(trials: np.ndarray) -> dict[str, float]:
    from purgedcv import probability_of_backtest_overfitting

    found = probability_of_backtest_overfitting(trials[:240].T, n_splits=8)
    return {"pbo": found.pbo, "degradation": found.slope, "n_combinations": found.n_combos}


def _splits() -> dict[str, object]:
    from skfolio.model_selection import CombinatorialPurgedCV, WalkForward

    rows = np.zeros((60, 1))
    purged = CombinatorialPurgedCV(n_folds=6, n_test_folds=2, purged_size=2, embargo_size=3)
    walk = WalkForward(train_size=20, test_size=10, purged_size=3)
    return {
        "combinatorial": [
            [train.tolist(), np.concatenate(tests).tolist()] for train, tests in purged.split(rows)
        ],
        "path_ids": purged.get_path_ids().tolist(),
        "walk_forward": [[a.tolist(), b.tolist()] for a, b in walk.split(rows)],
    }


def main() -> None:
    """Print the golden values as JSON."""
    inputs = _inputs()
    returns, trials = inputs["returns"], inputs["trials"]
    golden = {
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "inputs": {name: values.tolist() for name, values in inputs.items()},
        "performance": _performance(returns),
        "inference": _inference(returns, trials),
        "superiority": _superiority(trials),
        "overfitting": _overfitting(trials),
        "splits": _splits(),
    }
    print(json.dumps(golden, default=float))


if __name__ == "__main__":
    main()
