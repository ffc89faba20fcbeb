"""How often a venue is asked, and how long it is waited for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a venue is asked.

    Parameters
    ----------
    orders_s : float
        Seconds between two looks at each order that works, streams or not.
    holdings_s : float
        Seconds between two looks at positions and balances.
    order_timeout_s : float
        How long an answer to an order is waited for.
    late_s : float
        How long after that an order may still turn up: until then not to find it says nothing.
    switch : bool
        Use the venue's dead man's switch.
    """

    orders_s: float = 5.0
    holdings_s: float = 15.0
    order_timeout_s: float = 10.0
    late_s: float = 2.0
    switch: bool = True
