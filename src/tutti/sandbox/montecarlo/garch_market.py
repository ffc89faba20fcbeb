"""Markets drawn from a model of the recorded one: GARCH volatility, correlation, jumps, wicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.model.market import MarketBlock
from tutti.sandbox.montecarlo.garch import find_jumps, fit_garch, simulate, variances

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.model.market import FloatArray
    from tutti.sandbox.montecarlo.garch import Garch
    from tutti.sandbox.montecarlo.resample import Recording

_RIDGE = 1e-9


class GarchMarket:
    """Model fitted to a recording.

    Shocks are normal with the correlation of the recorded ones. Jumps come in whole rows of the
    recorded jumps, as often as recorded, so what crashed together goes on doing so. The wicks and
    the traded notional of a bar are those of a recorded bar drawn at random, wicks as large for the
    volatility of the time as they were then; funding stays where it was.

    Parameters
    ----------
    recording : Recording

    Raises
    ------
    DataError
        If an instrument has too few bars.
    """

    def __init__(self, recording: Recording) -> None:
        block = recording.block
        self._block = block
        self._start = recording.reference[0]
        reference = recording.reference
        returns = np.log(block.close / reference)
        known = np.isfinite(returns)
        n = returns.shape[1]
        self.models: list[Garch] = []
        jumps = np.zeros(returns.shape)
        residuals = np.full(returns.shape, np.nan)
        deviations = np.full(returns.shape, np.nan)
        for i in range(n):
            mine = returns[known[:, i], i]
            found = find_jumps(mine)
            calm = mine - found
            model = fit_garch(calm[found == 0.0])
            expected = np.sqrt(variances(np.where(found == 0.0, mine - model.mean, 0.0), model))
            self.models.append(model)
            jumps[known[:, i], i] = found
            residuals[known[:, i], i] = np.where(
                found == 0.0, (mine - model.mean) / expected, np.nan
            )
            deviations[known[:, i], i] = expected
        self.jumps = jumps[(jumps != 0.0).any(axis=1)]
        self.jump_rate = len(self.jumps) / len(returns)
        self._root = np.linalg.cholesky(_correlation(residuals))
        top = np.maximum(block.open, block.close)
        bottom = np.minimum(block.open, block.close)
        whole = known.all(axis=1)
        rows = np.flatnonzero(whole if whole.any() else known.any(axis=1))
        self._up = np.nan_to_num(np.log(block.high / top) / deviations)[rows]
        self._down = np.nan_to_num(np.log(bottom / block.low) / deviations)[rows]
        self._notional = np.nan_to_num(block.volume * block.close)[rows]

    @property
    def correlation(self) -> FloatArray:
        """Correlation of the shocks, shape (n, n)."""
        matrix: FloatArray = self._root @ self._root.T
        return matrix

    def market(self, random: np.random.Generator, chunk: int) -> Iterator[MarketBlock]:
        """Yield a market of the recording's length, ``chunk`` ticks at a time."""
        models = self.models
        omega, alpha, beta = (
            np.array([getattr(each, name) for each in models])
            for name in ("omega", "alpha", "beta")
        )
        variance = np.array([each.variance for each in models])
        mean = np.array([each.mean for each in models])
        last = np.log(self._start)
        for start in range(0, len(self._block), chunk):
            stop = min(start + chunk, len(self._block))
            shape = (stop - start, len(models))
            shocks, deviations = np.empty(shape), np.empty(shape)
            draws = random.standard_normal(shape) @ self._root.T
            simulate(draws, omega, alpha, beta, variance, shocks, deviations)
            jumping = random.random(shape[0]) < self.jump_rate
            moves = mean + shocks
            if jumping.any():
                moves[jumping] += self.jumps[
                    random.integers(0, len(self.jumps), int(jumping.sum()))
                ]
            closes = last + np.cumsum(moves, axis=0)
            opens = np.concatenate([last[None], closes[:-1]])
            last = closes[-1]
            rows = random.integers(0, len(self._up), shape[0])
            high = np.maximum(opens, closes) + self._up[rows] * deviations
            low = np.minimum(opens, closes) - self._down[rows] * deviations
            price = np.exp(closes)
            yield MarketBlock(
                instruments=self._block.instruments,
                ts=self._block.ts[start:stop],
                step=self._block.step,
                open=np.exp(opens),
                high=np.exp(high),
                low=np.exp(low),
                close=price,
                volume=self._notional[rows] / price,
                funding=self._block.funding[start:stop],
            )


def _correlation(residuals: FloatArray) -> FloatArray:
    """Return the correlation over the rows that all have, made positive definite."""
    whole = residuals[np.isfinite(residuals).all(axis=1)]
    n = residuals.shape[1]
    if len(whole) <= n:
        return np.eye(n)
    matrix = np.atleast_2d(np.corrcoef(whole, rowvar=False))
    values, vectors = np.linalg.eigh(matrix)
    fixed = (vectors * np.maximum(values, _RIDGE)) @ vectors.T
    scale = np.sqrt(np.diag(fixed))
    correlation: FloatArray = fixed / np.outer(scale, scale)
    return correlation
