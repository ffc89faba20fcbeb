"""Weights that follow worth, as the configuration has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.agents.following import FollowRules, WeightFollower
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.app.settings import Config
    from tutti.engine.analysis import Weighting
    from tutti.model.instrument import Instrument

_BPS = 1e-4
_ENOUGH = 20


def follower_of(
    config: Config, instruments: Sequence[Instrument], weighting: Weighting
) -> WeightFollower | None:
    """Return what pools opinions with weights that follow worth; None where they stay.

    Parameters
    ----------
    instruments : sequence of Instrument
        The columns, with their fees.
    """
    settings = config.worth
    if not settings.follows or not len(weighting.weights):
        return None
    window = round(settings.window_s * SECOND)
    return WeightFollower(
        weights=weighting.weights,
        regime_weights=weighting.regime_weights,
        active=weighting.active,
        method=weighting.method,
        cost=np.array(
            [
                float(each.taker_fee) + config.half_spread_bps(str(each.id)) * _BPS
                for each in instruments
            ]
        ),
        rules=FollowRules(
            every=round(settings.every_s * SECOND),
            window=window,
            span=next((each for each in (DAY, HOUR) if window >= _ENOUGH * each), MINUTE),
            max_step=settings.max_step,
            least=settings.least,
            most=settings.most,
        ),
    )
