"""How far an opinion may go, given what it rests on, whatever the model says.

A text from outside may be a lie, or an order to the model that the model obeys. So the force of an
opinion, ``|bias| * confidence``, is capped by how many independent publishers it names::

    0 publishers    no opinion
    1               one_source
    2               two_sources
    3 or more       most

A second and third publisher count only where the words of their own texts lean the way of the
opinion, as a lexicon has it that nobody can give orders to: otherwise a text could have the model
name innocent reports beside it, and borrow their weight.

Where anybody can write (`social`), writers are not independent of one another and one person can
be a crowd: all of it counts as one publisher. Figures (`on_chain`, `macro`) come from providers
that were chosen in the configuration; one of them counts as two publishers.

The confidence is what is cut, so that the direction stays what the model said.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from tutti.model.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Largest force of an opinion by the number of publishers, each in [0, 1] and rising.

    Raises
    ------
    ConfigError
        If they are out of range or out of order.
    """

    one_source: float = 0.25
    two_sources: float = 0.4
    most: float = 0.6

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= 1:
                raise ConfigError(f"{field.name} must be in [0, 1], was {value!r}")
        if not self.one_source <= self.two_sources <= self.most:
            raise ConfigError(
                "needs one_source <= two_sources <= most, was "
                f"{self.one_source:g}, {self.two_sources:g}, {self.most:g}"
            )

    def cap(self, publishers: int) -> float:
        """Return the largest force of an opinion that names this many publishers."""
        return (0.0, self.one_source, self.two_sources, self.most)[max(0, min(publishers, 3))]


def bounded(bias: float, confidence: float, cap: float) -> float:
    """Return the confidence, cut so that ``|bias| * confidence`` is at most ``cap``."""
    return min(confidence, cap / abs(bias)) if abs(bias) > cap else confidence
