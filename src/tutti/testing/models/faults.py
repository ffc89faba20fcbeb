"""Faults of model servers on command: what goes wrong, with which model, how often."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tutti.model.errors import ConfigError
from tutti.testing.listed import listed, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np


class ModelFaultKind(StrEnum):
    """What can go wrong with a request.

    ``latency`` answers late, ``hang`` never answers, ``drop`` closes the connection, ``cut`` closes
    it in the middle of the answer, ``status`` fails with an HTTP status in the dialect's own words,
    ``html`` answers 200 with a web page, ``malformed`` answers with JSON that has nothing of what
    belongs there, ``not_json`` gives an answer that breaks the schema by being no JSON,
    ``truncated`` ends the answer half-way as if the output tokens were used up, ``empty`` says
    nothing, ``refusal`` refuses in the dialect's own way.
    """

    LATENCY = "latency"
    HANG = "hang"
    DROP = "drop"
    CUT = "cut"
    STATUS = "status"
    HTML = "html"
    MALFORMED = "malformed"
    NOT_JSON = "not_json"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    REFUSAL = "refusal"


@dataclass(slots=True, kw_only=True)
class ModelFault:
    """One thing that goes wrong; counts itself down.

    Parameters
    ----------
    model, dialect : str
        Which requests it meets, with wildcards.
    count : int
        How often; -1 for as long as it is there.
    after : int
        Matches that are let through first.
    seconds : float
        Of latency; a hang with seconds ends by closing the connection.
    chance : float
        In [0, 1], drawn from the server's generator.
    status : int
        Of ``status``.
    retry_after_s : float
        Sent as a header where positive.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    kind: ModelFaultKind
    model: str = "*"
    dialect: str = "*"
    count: int = -1
    after: int = 0
    seconds: float = 0.0
    chance: float = 1.0
    status: int = 503
    retry_after_s: float = 0.0
    n_done: int = field(default=0)

    def __post_init__(self) -> None:
        self.kind = ModelFaultKind(self.kind)
        if not 0.0 <= self.chance <= 1.0:
            raise ConfigError(f"a fault's chance must be in [0, 1], was {self.chance!r}")

    def fits(self, dialect: str, model: str) -> bool:
        """Return whether it concerns this request, and isn't used up."""
        if self.count >= 0 and self.n_done >= self.count + self.after:
            return False
        return fnmatchcase(dialect, self.dialect) and fnmatchcase(model, self.model)

    def to_dict(self) -> dict[str, Any]:
        """Return it as the control endpoint takes it, with how often it was met."""
        return asdict(self)


class ModelFaultPlan:
    """The faults of one server; changeable at any time.

    Parameters
    ----------
    generator : numpy.random.Generator
        Decides about chances.
    """

    def __init__(self, faults: Iterable[ModelFault], generator: np.random.Generator) -> None:
        self.faults = list(faults)
        self._generator = generator

    def add(self, *faults: ModelFault) -> None:
        """Add some."""
        self.faults.extend(faults)

    def replace(self, faults: Iterable[ModelFault]) -> None:
        """Put these in the place of all others; nothing heals everything."""
        self.faults = list(faults)

    def met(self, dialect: str, model: str) -> list[ModelFault]:
        """Return what goes wrong with a request, each counted."""
        met = []
        for fault in self.faults:
            if not fault.fits(dialect, model):
                continue
            if fault.chance < 1.0 and self._generator.random() >= fault.chance:
                continue
            fault.n_done += 1
            if fault.n_done > fault.after:
                met.append(fault)
        return met


def parse_faults(text: str, *, source: str = "faults") -> list[ModelFault]:
    """Return the faults of a JSON list of objects.

    Raises
    ------
    ConfigError
        If it is no such list, or a fault is not understood.
    """
    return listed(text, source, "fault", ModelFault, ", ".join(ModelFaultKind))


def read_faults(path: Path) -> list[ModelFault]:
    """Return the faults of a file.

    Raises
    ------
    ConfigError
        If it can't be read or understood.
    """
    return parse_faults(text_of(path, "faults"), source=str(path))
