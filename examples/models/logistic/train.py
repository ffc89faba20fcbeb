"""Train the logistic regression: ``python train.py --bars 'BTC-USDT-PERP_1h.parquet' --until DAY``."""

import argparse
import json
from pathlib import Path

import numpy as np
import sklearn
from model import NEEDS, TradeModel, inputs
from sklearn.linear_model import LogisticRegression

from tutti.agents.models.training import forward_return, walk_forward
from tutti.app.model_data import frames_of
from tutti.kernel.clock import HOUR, parse_instant

HORIZON = 24


def fitted(rows, returns):
    regression = LogisticRegression(C=0.1)
    # what moved most teaches most
    return regression.fit(inputs(rows), np.where(returns > 0, 1, -1), sample_weight=np.abs(returns))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bars", nargs="+", required=True)
    options.add_argument("--until", required=True, help="nothing from this day on is learnt")
    options.add_argument("--out", type=Path, default=Path(__file__).with_name("weights.json"))
    given = options.parse_args()
    end = parse_instant(given.until)
    frames = frames_of(given.bars, TradeModel.timeframe, NEEDS, end=end)

    def fit(rows, returns):
        regression = fitted(rows, returns)
        return lambda others: regression.predict_proba(inputs(others))[:, 1] - 0.5

    rows, returns = [], []
    for name, frame in frames.items():
        labels = forward_return(frame, HORIZON)
        found = walk_forward(
            frame, labels, fit, train=3000, test=500, embargo=24 * HOUR, expanding=True
        ).score
        print(
            f"{name}: {found.n} rows out of sample, rank correlation "
            f"{found.rank_correlation:+.3f}, hit rate {found.hit_rate:.3f}"
        )
        known = np.isfinite(labels.outcomes)
        rows.append(frame[known])
        returns.append(labels.outcomes[known])
    whole = fitted(_stacked(rows), np.concatenate(returns))
    saved = {
        "trained_until": given.until,
        "instruments": list(frames),
        "horizon_bars": HORIZON,
        "scikit_learn": sklearn.__version__,
        "coefficients": whole.coef_[0].tolist(),
        "intercept": float(whole.intercept_[0]),
    }
    given.out.write_text(json.dumps(saved, indent=1) + "\n")
    print(f"wrote {given.out}")


def _stacked(frames):
    import pandas as pd

    return pd.concat(frames)


if __name__ == "__main__":
    main()
