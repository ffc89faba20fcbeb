"""What moved an account's money, and the prices it was marked at."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from tutti.model.market import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Fill, or forced close, of one instrument.

    Parameters
    ----------
    ts : int
        Within its bar, ns UTC.
    instrument : int
        Column.
    quantity : Decimal
        Base units, signed, not 0.
    price, fee : Decimal
        Quote currency; a rebate is negative.
    reference : Decimal or None
        Price at which it was decided; None for a forced close, which nobody decided.
    lead : str
        Who a position that it opens is booked to.
    """

    ts: int
    instrument: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    reference: Decimal | None
    lead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Funding of one instrument; ``amount`` is what the account received."""

    ts: int
    instrument: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What an account was marked at.

    Parameters
    ----------
    ts : ndarray of int64, shape (t,)
        Starts of the bars, ns UTC, rising.
    close : ndarray of float64, shape (t, n)
        NaN where there is no bar.
    open : ndarray of float64, shape (t, n), or None
        None where it was not kept: what the market moved between a decision and its fill can't be
        told from what the fill cost then.
    regime : ndarray of int64, shape (t, n), or None
        Codes of ``model.opinion.Regime`` as of each close; -1 where it isn't known.
    """

    ts: IntArray
    close: FloatArray
    open: FloatArray | None = None
    regime: IntArray | None = None

    def __post_init__(self) -> None:
        for name in ("close", "open", "regime"):
            array = getattr(self, name)
            if array is not None and array.shape[:1] != self.ts.shape:
                raise ValueError(f"{name} must have {len(self.ts)} rows, has {len(array)}")

    def row(self, ts: int) -> int:
        """Return the bar that ``ts`` (ns UTC) lies in; the first or the last for one outside."""
        return min(max(int(np.searchsorted(self.ts, ts, side="right")) - 1, 0), len(self.ts) - 1)
