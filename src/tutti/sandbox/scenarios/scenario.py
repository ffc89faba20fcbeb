"""A scenario: effects, and when they begin."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import iso
from tutti.model.errors import ConfigError
from tutti.sandbox.scenarios.effects import NAMES, Effect

if TYPE_CHECKING:
    from tutti.model.market import MarketBlock


class DoesNotApply(ConfigError):
    """Scenario that has nothing to act on in a run: no such venue, currency or contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens to a market.

    Parameters
    ----------
    name : str
    about : str
        What it stands for, in a line.
    effects : tuple of Effect
        At least one.
    at : float
        When it begins, as a fraction of the bars, [0, 1); ``start`` goes before it.
    start : int or None
        When it begins, ns UTC.
    """

    name: str
    about: str
    effects: tuple[Effect, ...]
    at: float = 0.5
    start: int | None = None

    def __post_init__(self) -> None:
        if not self.effects:
            raise ConfigError(f"scenario {self.name}: has no effects; name at least one")
        if not 0.0 <= self.at < 1.0:
            raise ConfigError(f"scenario {self.name}: at must be in [0, 1), was {self.at!r}")

    def begins(self, block: MarketBlock) -> int:
        """Return when it begins on these bars, ns UTC.

        Raises
        ------
        DoesNotApply
            If that is not within them.
        """
        if self.start is None:
            return int(block.ts[int(self.at * len(block))])
        if not block.ts[0] <= self.start < block.known_at[-1]:
            raise DoesNotApply(
                f"scenario {self.name}: starts at {iso(self.start)}, and the bars last from "
                f"{iso(int(block.ts[0]))} to {iso(int(block.known_at[-1]))}; choose others, or "
                "write at: 0.5 for their middle"
            )
        return self.start

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values, in the words of a file."""
        return {
            "name": self.name,
            "about": self.about,
            "at": self.at if self.start is None else None,
            "start": None if self.start is None else iso(self.start),
            "effects": [{NAMES[type(each)]: _plain(each)} for each in self.effects],
        }


def _plain(effect: Effect) -> dict[str, Any]:
    values = asdict(effect)
    return {
        name: value["text"] if isinstance(value, dict) else value for name, value in values.items()
    }
