"""Train the network: ``python train.py --bars 'BTC-USDT-PERP_1h.parquet' --until DAY``."""

import argparse
from pathlib import Path

import numpy as np
import torch
from model import LENGTH, NEEDS, Network, TradeModel, inputs, windows

from tutti.agents.models.training import forward_return, walk_forward
from tutti.app.model_data import frames_of
from tutti.kernel.clock import HOUR, parse_instant

HORIZON, EPOCHS, BATCH = 24, 3, 256


def trained(sequences, returns, seed=7):
    torch.manual_seed(seed)
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.1)
    x = torch.from_numpy(sequences.copy())
    y = torch.from_numpy((returns > 0).astype(np.float32))
    # what moved most teaches most
    weight = torch.from_numpy((np.abs(returns) / np.abs(returns).mean()).astype(np.float32))
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                network(x[rows]), y[rows], weight=weight[rows]
            )
            loss.backward()
            optimiser.step()
    return network.eval()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bars", nargs="+", required=True)
    options.add_argument("--until", required=True, help="nothing from this day on is learnt")
    options.add_argument("--out", type=Path, default=Path(__file__).with_name("weights.pt"))
    given = options.parse_args()
    torch.set_num_threads(1)
    end = parse_instant(given.until)
    frames = frames_of(given.bars, TradeModel.timeframe, NEEDS, end=end)
    sequences, returns = [], []
    for name, frame in frames.items():
        # a row of the walk is a whole window, named by its last bar
        whole = windows(inputs(frame))
        rows = frame.iloc[LENGTH - 1 :].assign(number=np.arange(len(whole)))
        labels = forward_return(rows, HORIZON)

        def fit(learnt, moves, whole=whole):
            network = trained(whole[learnt["number"].to_numpy()], moves)

            def edge(others):
                with torch.inference_mode():
                    x = torch.from_numpy(whole[others["number"].to_numpy()].copy())
                    return torch.sigmoid(network(x)).numpy() - 0.5

            return edge

        found = walk_forward(
            rows, labels, fit, train=4000, test=2000, embargo=24 * HOUR, expanding=True
        ).score
        print(
            f"{name}: {found.n} rows out of sample, rank correlation "
            f"{found.rank_correlation:+.3f}, hit rate {found.hit_rate:.3f}"
        )
        known = np.isfinite(labels.outcomes)
        sequences.append(whole[known])
        returns.append(labels.outcomes[known])
    network = trained(np.concatenate(sequences), np.concatenate(returns))
    torch.save(network.state_dict(), given.out)
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
