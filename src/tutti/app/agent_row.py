"""All that is reported of one agent, as a value and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tutti.agents.calibration import ConfidenceMap
from tutti.agents.monitor import Window
from tutti.agents.worth import Share
from tutti.app.agent_scores import Corrected, Scores
from tutti.kernel.clock import iso


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AgentRow:
    """All that is reported of one agent.

    Parameters
    ----------
    weight, next_weight : float
        As it is, and one step closer to what its worth asks for; see `worth` in the configuration.
    n_opinions : int
        Given, whether they took a side or not.
    horizon : int
        Bars over which they are judged.
    skill : float
        Mean of bias times the next bar's return in standard deviations.
    information_ratio : float
        A year, over the whole record.
    windows : tuple of Window
        The same, window by window.
    """

    name: str
    weight: float
    next_weight: float
    n_opinions: int
    horizon: int
    scores: Scores
    corrected: Corrected
    maps: tuple[ConfidenceMap, ...]
    skill: float
    worth: Share
    left_out: Share
    alone: Share
    gained: float
    information_ratio: float
    windows: tuple[Window, ...]
    cost_usd: float
    n_calls: int

    @property
    def is_alert(self) -> bool:
        """Whether the newest window that says something ended too many bad ones in a row."""
        told = [each for each in self.windows if not math.isnan(each.ratio)]
        return bool(told) and told[-1].is_alert

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; None for what isn't known."""
        scores = self.scores
        return told(
            {
                "name": self.name,
                "weight": self.weight,
                "next_weight": self.next_weight,
                "brier": scores.brier.value,
                "brier_error": scores.brier.standard_error,
                "log_loss": scores.log_loss.value,
                "n_opinions": self.n_opinions,
                "n": scores.n,
                "n_effective": scores.n_effective,
                "horizon_bars": self.horizon,
                "hit_rate": scores.hit_rate.value,
                "hit_rate_error": scores.hit_rate.standard_error,
                "hit_rate_by_chance": scores.by_chance,
                "calibration_slope": scores.slope,
                "calibration_error": scores.error,
                "reliability": [
                    {
                        "low": each.low,
                        "high": each.high,
                        "n": each.n,
                        "stated": each.stated,
                        "came": each.came,
                        "came_interval": [each.came_low, each.came_high],
                    }
                    for each in scores.bins
                ],
                "corrected": {
                    "n": self.corrected.n,
                    "brier_before": self.corrected.before,
                    "brier_after": self.corrected.after,
                },
                "skill": self.skill,
                "worth": self.worth.value,
                "worth_interval": [self.worth.low, self.worth.high],
                "worth_is_told": self.worth.is_told,
                "leave_one_out": self.left_out.value,
                "leave_one_out_interval": [self.left_out.low, self.left_out.high],
                "sharpe_alone": self.alone.value,
                "gained_a_year": self.gained,
                "information_ratio": self.information_ratio,
                "windows": [
                    {"end": iso(each.end), "ratio": each.ratio, "bad": each.bad}
                    for each in self.windows
                ],
                "alert": self.is_alert,
                "cost_usd": self.cost_usd,
                "calls": self.n_calls,
            }
        )


def told(values: dict[str, Any]) -> dict[str, Any]:
    """Return JSON values with None for what isn't finite, at any depth."""
    return {key: _told(value) for key, value in values.items()}


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return told(value)
    if isinstance(value, list):
        return [_told(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
