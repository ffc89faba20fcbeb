"""From a signal and what is held to a target: open, hold, close or turn round."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tutti.kernel.jit import lean_njit
from tutti.model.arrays import EQUITY, Book, Signals, Terms
from tutti.model.errors import ConfigError
from tutti.model.order import Reason

_NONE = Reason.NONE.code
_ENTRY = Reason.ENTRY.code
_SIGNAL_EXIT = Reason.SIGNAL_EXIT.code
_FLIP = Reason.FLIP.code
_RESIZE = Reason.RESIZE.code


class TargetRules(NamedTuple):
    """How signals become targets, as the kernels take it; see ``TargetSettings``."""

    entry_threshold: float
    exit_threshold: float
    rebalance_band: float
    max_positions: int
    exit_on_neutral: bool
    sizes_are_fractions: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """How signals become targets.

    Parameters
    ----------
    entry_threshold : float
        Confidence from which a position is opened or turned round, in [0, 1].
    exit_threshold : float
        Confidence from which a signal against the position closes it, in [0, 1], not above
        ``entry_threshold``.
    rebalance_band : float
        Relative difference from the desired size beyond which a held position is resized; 0 for
        never.
    max_positions : int
        Instruments held or being bought at one time.
    exit_on_neutral : bool
        A score of 0 closes the position; a missing one never does.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    entry_threshold: float = 0.65
    exit_threshold: float = 0.5
    rebalance_band: float = 0.0
    max_positions: int = 50
    exit_on_neutral: bool = True

    def __post_init__(self) -> None:
        for name in ("entry_threshold", "exit_threshold"):
            value: float = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"policy.{name} must be in [0, 1], was {value!r}")
        if self.exit_threshold > self.entry_threshold:
            raise ConfigError(
                f"policy.exit_threshold must not exceed entry_threshold {self.entry_threshold!r}, "
                f"was {self.exit_threshold!r}: lower it"
            )
        if not 0.0 <= self.rebalance_band < math.inf:
            raise ConfigError(
                f"policy.rebalance_band must be 0 (never resize) or a positive fraction, "
                f"was {self.rebalance_band!r}"
            )
        if self.max_positions < 1:
            raise ConfigError(
                f"policy.max_positions must be at least 1, was {self.max_positions!r}"
            )

    def rules(self, *, sizes_are_fractions: bool) -> TargetRules:
        """Return the settings as the kernels take them, for a policy that sizes so."""
        return TargetRules(
            entry_threshold=float(self.entry_threshold),
            exit_threshold=float(self.exit_threshold),
            rebalance_band=float(self.rebalance_band),
            max_positions=int(self.max_positions),
            exit_on_neutral=bool(self.exit_on_neutral),
            sizes_are_fractions=bool(sizes_are_fractions),
        )


@lean_njit
def desired_weight(size: float, equity: float, rules: TargetRules) -> float:
    """Return the size as a fraction of equity; 0 where it is missing or can't be."""
    weight = size if rules.sizes_are_fractions else size / equity
    # false for NaN, zero and infinity alike
    return weight if 0.0 < weight < math.inf else 0.0


@lean_njit
def target_at(  # noqa: PLR0913, a kernel takes its arrays one by one
    i: int,
    t: int,
    signals: Signals,
    book: Book,
    terms: Terms,
    price: float,
    rules: TargetRules,
    may_enter: bool,  # noqa: FBT001, kernels take no keywords
) -> tuple[float, int]:
    """Return the target of instrument ``i`` at tick ``t``, and why.

    Parameters
    ----------
    signals : Signals
        Row ``t`` is read.
    price : float
        Close that a position is valued at, positive.
    may_enter : bool
        Whether exposure may be opened or added at all: trading mode, and the signal's lead not
        paused (``tutti.risk.breakers.may_lead``).

    Returns
    -------
    weight : float
        Signed fraction of equity; for reason 0 that of the position as it is (0 when flat).
    reason : int
        Code of ``Reason``; 0 leaves the position alone.

    Notes
    -----
    Equity must be positive; the caller closes everything when it is not. A held position is not
    resized by a signal in its own direction unless ``rebalance_band`` says so: each resize costs
    fees, and sizes move with every bar. A spot instrument is never sold short: there a signal to
    sell closes, or does nothing.
    """
    equity = book.account[EQUITY]
    lots = book.lots[i]
    current = lots * terms.lot[i] * price / equity if lots != 0 else 0.0
    score = signals.score[t, i]
    if math.isnan(score):
        return current, _NONE
    confidence = signals.confidence[t, i]
    desired = 0.0
    tradable = score > 0.0 or (score < 0.0 and terms.is_perpetual[i] != 0)
    if confidence >= rules.entry_threshold and may_enter and tradable:
        desired = math.copysign(desired_weight(signals.size[t, i], equity, rules), score)
    if lots == 0:
        return (desired, _ENTRY) if desired != 0.0 else (0.0, _NONE)
    if score * lots > 0.0:
        band = rules.rebalance_band
        if band > 0.0 and desired != 0.0 and abs(desired - current) > band * abs(desired):
            return desired, _RESIZE
        return current, _NONE
    if score == 0.0:
        return (0.0, _SIGNAL_EXIT) if rules.exit_on_neutral else (current, _NONE)
    if desired != 0.0:
        return desired, _FLIP
    if confidence >= rules.exit_threshold:
        return 0.0, _SIGNAL_EXIT
    return current, _NONE
