"""Train the trees: ``python train.py --bars 'BTC-USDT-PERP_1h.parquet' --until DAY``."""

import argparse
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from model import NEEDS, TradeModel

from tutti.agents.models.training import triple_barrier, walk_forward
from tutti.app.model_data import frames_of
from tutti.kernel.clock import HOUR, parse_instant

HORIZON, BARRIER, ROUNDS = 24, 0.015, 40
SETTINGS = {
    "objective": "multiclass",
    "num_class": 3,
    "num_leaves": 7,
    "min_data_in_leaf": 200,
    "learning_rate": 0.05,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def trained(rows, touched):
    data = lightgbm.Dataset(
        rows[list(NEEDS)].to_numpy(), label=touched + 1, feature_name=list(NEEDS)
    )
    return lightgbm.train(SETTINGS, data, num_boost_round=ROUNDS)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bars", nargs="+", required=True)
    options.add_argument("--until", required=True, help="nothing from this day on is learnt")
    options.add_argument("--out", type=Path, default=Path(__file__).with_name("trees.txt"))
    given = options.parse_args()
    end = parse_instant(given.until)
    frames = frames_of(given.bars, TradeModel.timeframe, NEEDS, end=end)

    def fit(rows, touched):
        trees = trained(rows, touched)

        def lead(others):
            below, _, above = trees.predict(others[list(NEEDS)].to_numpy(), num_threads=1).T
            return above - below

        return lead

    rows, touched = [], []
    for name, frame in frames.items():
        labels = triple_barrier(frame, HORIZON, up=BARRIER, down=BARRIER)
        found = walk_forward(
            frame, labels, fit, train=4000, test=1000, embargo=24 * HOUR, expanding=True
        ).score
        print(
            f"{name}: {found.n} rows out of sample, rank correlation "
            f"{found.rank_correlation:+.3f}, hit rate {found.hit_rate:.3f}"
        )
        known = np.isfinite(labels.outcomes)
        rows.append(frame[known])
        touched.append(labels.outcomes[known])
    trained(pd.concat(rows), np.concatenate(touched)).save_model(given.out)
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
