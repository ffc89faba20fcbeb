"""Contract terms as the arrays that kernels take."""

from __future__ import annotations

from decimal import ROUND_CEILING
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.arrays import Terms
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.instrument import Instrument
    from tutti.model.market import FloatArray


def terms_of(instruments: Sequence[Instrument], venues: Sequence[str]) -> Terms:
    """Return the terms of ``instruments``, one column each.

    Parameters
    ----------
    venues : sequence of str
        Names of the venues; their order gives the indices in ``Terms.venue``.

    Raises
    ------
    ConfigError
        If an instrument trades at a venue that isn't listed.
    """
    index = {name: v for v, name in enumerate(venues)}
    for instrument in instruments:
        if instrument.id.venue not in index:
            known = ", ".join(venues)
            raise ConfigError(f"{instrument.id} trades at no venue of this run ({known}); add it")

    def column(name: str) -> FloatArray:
        return np.array([float(getattr(each, name)) for each in instruments], dtype=np.float64)

    min_lots = [
        int((each.min_quantity / each.quantity_step).to_integral_value(ROUND_CEILING))
        for each in instruments
    ]
    return Terms(
        lot=column("quantity_step"),
        tick=column("price_step"),
        min_lots=np.array(min_lots, dtype=np.int64),
        min_notional=column("min_notional"),
        maker_fee=column("maker_fee"),
        taker_fee=column("taker_fee"),
        is_perpetual=np.array([each.is_perpetual for each in instruments], dtype=np.int64),
        max_leverage=column("max_leverage"),
        maintenance_margin=column("maintenance_margin"),
        venue=np.array([index[each.id.venue] for each in instruments], dtype=np.int64),
    )
