"""What each agent's opinions earn, tick by tick, as `tutti.agents.worth.gains` has it over a record.

A position decided at the close of an instrument's bar is entered at the open of its next one, pays
for the change, and earns to the open after that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tutti.model.market import FloatArray
    from tutti.model.opinion import Views


class AgentEarnings:
    """Gains of A agents that each trade N instruments alone, on capital shared equally by these.

    Parameters
    ----------
    n_agents : int
    cost : ndarray of float64, shape (N,)
        Of trading, a fraction of the notional.
    """

    def __init__(self, n_agents: int, cost: FloatArray) -> None:
        self._cost = cost
        shape = (n_agents, len(cost))
        self._decided = np.zeros(shape)
        self._held = np.zeros(shape)
        self._opened = np.full(len(cost), np.nan)

    def step(self, opens: FloatArray, views: Views) -> tuple[FloatArray, float]:
        """Return what each agent gained up to the open of a tick's bars, and holding everything.

        Parameters
        ----------
        opens : ndarray of float64, shape (N,)
            First price of each bar, NaN where there is none: nothing happens to such a column.
        views : Views
            What was said at the bars' end, shape (A, N); NaN for an abstention.

        Returns
        -------
        (ndarray of float64, float)
            Shape (A,), fractions of the capital; and that of all instruments held equally.
        """
        there = np.isfinite(opens)
        move = np.where(there, opens / self._opened - 1.0, 0.0)
        move = np.nan_to_num(move)
        traded = np.where(there, np.abs(self._decided - self._held), 0.0)
        gained = (self._held * move - traded * self._cost).mean(axis=1)
        self._held = np.where(there, self._decided, self._held)
        said = np.nan_to_num(views.bias * views.confidence)
        self._decided = np.where(there, said, self._decided)
        self._opened = np.where(there, opens, self._opened)
        return np.asarray(gained), float(move.mean())

    @property
    def is_held(self) -> FloatArray:
        """Whether each agent holds anything, bool of shape (A,)."""
        return np.asarray((self._held != 0.0).any(axis=1))
