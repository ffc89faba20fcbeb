"""The hard limits: as an operator writes them, and as the kernels take them."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray
from tutti.risk.care import CareRules

if TYPE_CHECKING:
    from collections.abc import Mapping

_YEAR_S = 366 * 86_400.0
_NO_OWN: FloatArray = np.empty(0)


class Limits(NamedTuple):
    """Hard limits as the kernels take them; see ``RiskSettings``. Infinity switches one off.

    ``own_fraction`` (multiples of equity) and ``own_notional`` (quote currency) are of single
    instruments, shape (n,), on top of those for all; shape (0,) where no instrument has any.
    """

    max_instrument_fraction: float
    max_venue_fraction: float
    max_gross_fraction: float
    max_drawdown: float
    base_notional: float
    max_notional_multiple: float
    max_daily_loss: float
    max_agent_daily_loss: float
    liquidation_margin: float
    max_positions: int
    max_data_age_ns: int
    max_clock_skew_ns: int
    max_consecutive_errors: int
    max_bar_move: float
    pause_ns: int
    own_fraction: FloatArray = _NO_OWN
    own_notional: FloatArray = _NO_OWN


class OwnLimits(NamedTuple):
    """What one instrument is limited to, whatever holds for all.

    Parameters
    ----------
    max_fraction : float
        Multiple of equity; infinity for no limit, 0 for an instrument that opens nothing.
    max_notional : float
        Quote currency; the same.
    """

    max_fraction: float = math.inf
    max_notional: float = math.inf


def with_own(limits: Limits, n: int, own: Mapping[int, OwnLimits]) -> Limits:
    """Return ``limits`` with those of single instruments.

    Parameters
    ----------
    n : int
        Number of instruments.
    own : mapping of int to OwnLimits
        By column; an empty one changes nothing.

    Raises
    ------
    ConfigError
        If one is negative or NaN.
    """
    if not own:
        return limits
    fraction, notional = np.full(n, math.inf), np.full(n, math.inf)
    for i, each in own.items():
        for name, value in each._asdict().items():
            # written so that NaN is refused
            if not value >= 0.0:
                raise ConfigError(f"{name} must be 0 or positive, was {value!r}; write 0.05 or 500")
        fraction[i], notional[i] = each
    return limits._replace(own_fraction=fraction, own_notional=notional)


_TINY, _HUGE = sys.float_info.min, sys.float_info.max
_RANGES = (
    (
        ("max_instrument_fraction", "max_venue_fraction", "max_gross_fraction"),
        _TINY, math.inf, "positive, such as 0.1 for 10 % of equity (.inf for no limit)",
    ),
    (("max_notional_multiple",), _TINY, math.inf, "positive, such as 3 (.inf for no limit)"),
    (("base_notional",), _TINY, _HUGE, "positive and finite, in quote currency"),
    (("max_drawdown",), 0.0, 1.0, "0 (none) or a fraction up to 1, such as 0.2 for 20 %"),
    (
        ("max_daily_loss", "max_agent_daily_loss"),
        0.0, math.inf, "0 (none) or a positive amount of quote currency, such as 500",
    ),
    (("max_positions", "max_consecutive_errors"), 1, 2**31, "a whole number from 1"),
    (("max_bar_move",), _TINY, math.inf, "positive, such as 0.1 for 10 % (.inf for no limit)"),
    (("max_data_age_s",), 1e-9, _YEAR_S, "positive, in seconds, such as 300"),
    (
        ("max_clock_skew_s", "stale_after_s", "cooldown_s", "pause_s"),
        0.0, _YEAR_S, "0 or a positive number of seconds, at most a year",
    ),
    (
        ("take_profit", "stale_move"),
        0.0, _HUGE, "0 (none) or a positive fraction, such as 0.04 for 4 %",
    ),
    (
        ("stop_loss", "liquidation_margin"),
        0.0, 1.0, "0 (none) or a fraction up to 1, such as 0.05 for 5 %",
    ),
)  # fmt: skip
"""Keys, lowest and highest value, and what to write instead."""


def _or_none(value: float) -> float:
    return float(value) if value > 0.0 else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSettings:
    """Limits and care of positions, checked when made.

    Parameters
    ----------
    max_instrument_fraction, max_venue_fraction, max_gross_fraction : float
        Exposure of one instrument, of one venue, of the account, as multiples of equity; ``inf``
        for no limit.
    max_drawdown : float
        Fall from peak equity, in [0, 1], at which everything is closed until an operator resets; 0
        for none.
    base_notional : float
        Quote currency.
    max_notional_multiple : float
        A position is at most this multiple of ``base_notional``; ``inf`` for no limit.
    max_daily_loss, max_agent_daily_loss : float
        Quote currency, since 00:00 UTC: in total, after which positions are only reduced, and of
        one agent's positions, after which it leads no entry; 0 for none.
    max_positions : int
        Instruments held, or being entered, at one time.
    max_data_age_s : float
        Seconds since the last close became known, beyond which nothing is sent.
    max_clock_skew_s : float
        Seconds by which a close may seem to come from the future.
    max_bar_move : float
        Fraction by which a close may differ from the one before; beyond it nothing is opened in
        the instrument for ``pause_s`` seconds.
    max_consecutive_errors : int
        Errors in a row that halt trading.
    take_profit, stop_loss : float
        Fractions of the average price of a position; 0 for none.
    stale_after_s : float
        Age in seconds at which a position must have moved by ``stale_move``; 0 for none.
    stale_move : float
        Fraction of the average price.
    cooldown_s : float
        Seconds that an instrument rests after a position was closed; 0 for none.
    liquidation_margin : float
        Margin ratio of a venue below which its perpetuals are closed at once; 0 for none.

    Raises
    ------
    ConfigError
        If a value is out of its range; the message names the key.

    Notes
    -----
    500 a day, 3 x base of 150, 4 hours, 0.5 %, 5 % margin and 5 errors are those of the Agent
    Symphony specification (sections 2.3, 3.3 and 7.2).
    """

    max_instrument_fraction: float = 0.1
    max_venue_fraction: float = 1.0
    max_gross_fraction: float = 1.0
    max_drawdown: float = 0.2
    base_notional: float = 150.0
    max_notional_multiple: float = 3.0
    max_daily_loss: float = 1000.0
    max_agent_daily_loss: float = 500.0
    max_positions: int = 50
    max_data_age_s: float = 300.0
    max_clock_skew_s: float = 1.0
    max_consecutive_errors: int = 5
    max_bar_move: float = 0.1
    pause_s: float = 3600.0
    take_profit: float = 0.04
    stop_loss: float = 0.02
    stale_after_s: float = 14_400.0
    stale_move: float = 0.005
    liquidation_margin: float = 0.05
    cooldown_s: float = 14_400.0

    def __post_init__(self) -> None:
        for names, low, high, wanted in _RANGES:
            for name in names:
                value = getattr(self, name)
                # written so that NaN is refused
                if not (low <= value <= high):
                    raise ConfigError(f"risk.{name} must be {wanted}; was {value!r}")

    def limits(self) -> Limits:
        """Return the hard limits as the kernels take them."""
        return Limits(
            max_instrument_fraction=float(self.max_instrument_fraction),
            max_venue_fraction=float(self.max_venue_fraction),
            max_gross_fraction=float(self.max_gross_fraction),
            max_drawdown=_or_none(self.max_drawdown),
            base_notional=float(self.base_notional),
            max_notional_multiple=float(self.max_notional_multiple),
            max_daily_loss=_or_none(self.max_daily_loss),
            max_agent_daily_loss=_or_none(self.max_agent_daily_loss),
            liquidation_margin=float(self.liquidation_margin),
            max_positions=int(self.max_positions),
            max_data_age_ns=round(self.max_data_age_s * SECOND),
            max_clock_skew_ns=round(self.max_clock_skew_s * SECOND),
            max_consecutive_errors=int(self.max_consecutive_errors),
            max_bar_move=float(self.max_bar_move),
            pause_ns=round(self.pause_s * SECOND),
        )

    def care_rules(self) -> CareRules:
        """Return the rules for open positions as the kernels take them."""
        return CareRules(
            take_profit=float(self.take_profit),
            stop_loss=float(self.stop_loss),
            stale_after_ns=round(self.stale_after_s * SECOND),
            stale_move=float(self.stale_move),
            liquidation_margin=float(self.liquidation_margin),
            cooldown_ns=round(self.cooldown_s * SECOND),
        )
