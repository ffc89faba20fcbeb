"""Every trial that was ever run, and periods that none may see: values, rules and the port.

A backtest is a draw in a lottery as long as nobody counts the draws. So each one leaves a `Trial`,
and what it proves is judged by how many others were drawn on the same data. A `Seal` keeps a period
out of all trials; an `Opening` lets one candidate in, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tutti.model.errors import GateClosed
from tutti.model.market import FloatArray

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

FOREVER = 2**63 - 1
"""End of a seal that has none, ns UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a trial looked at.

    Parameters
    ----------
    instruments : tuple of str
    files : tuple of str
        SHA-256 of the files, so that a file under another name is the same.
    """

    instruments: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def shares(self, other: Dataset) -> bool:
        """Return whether any instrument or file is in both."""
        return not (
            frozenset(self.instruments).isdisjoint(other.instruments)
            and frozenset(self.files).isdisjoint(other.files)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One configuration tried on one stretch of data, and what came of it.

    Parameters
    ----------
    run_id : str
        The same configuration on the same data has the same.
    kind : str
        What ran it: ``backtest``, ``sweep`` ...
    configuration : str
        SHA-256 of it, in hexadecimal.
    strategy : str
        For people.
    start, end : int
        From the first bar's start to the last one's end, ns UTC.
    sharpe : float
        Of one return; NaN where it is undefined.
    n_returns : int
        Returns that ``sharpe`` is made of.
    periods_per_year : float
        Such returns in a year.
    total_return, max_drawdown : float
        Fractions.
    first_day : int
        Day of the first of ``daily``, in days since 1970.
    daily : ndarray of float64, shape (days,)
        Returns of successive UTC days: trials alike in these count as one.
    """

    run_id: str
    kind: str
    configuration: str
    strategy: str
    dataset: Dataset
    start: int
    end: int
    sharpe: float
    n_returns: int
    periods_per_year: float
    total_return: float
    max_drawdown: float
    first_day: int
    daily: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTrial:
    """A trial as the register lists it.

    Parameters
    ----------
    seq : int
        Number of its row.
    ts : int
        When it was recorded, ns UTC.
    like : int or None
        Row of the first trial that it resembles; its own where it resembles none; None for one
        that never traded.
    instruments : tuple of str
    sharpe : float or None
        Of one return.
    """

    seq: int
    ts: int
    like: int | None
    run_id: str
    kind: str
    configuration: str
    strategy: str
    instruments: tuple[str, ...]
    start: int
    end: int
    sharpe: float | None
    n_returns: int
    periods_per_year: float
    total_return: float
    max_drawdown: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What has been tried on the same data.

    Parameters
    ----------
    n_trials : int
        Trials of different results.
    n_leaders : int
        Those of them that resemble no earlier one.
    likeness : tuple of float
        Correlation of each of the others with the one that it resembles most.
    sharpes : tuple of float
        Sharpe ratios of one return, one for each different result that has one.
    """

    n_trials: int
    n_leaders: int
    likeness: tuple[float, ...]
    sharpes: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A period that no trial may see.

    Parameters
    ----------
    dataset : Dataset
        What is sealed; one without instruments and files seals everything.
    start, end : int
        ns UTC, end excluded.
    """

    name: str
    dataset: Dataset
    start: int
    end: int

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a seal needs a name")
        if self.start >= self.end:
            raise ValueError(f"the end of a seal must be after its start {self.start}")

    def covers(self, dataset: Dataset, start: int, end: int) -> bool:
        """Return whether a run over these data from ``start`` to ``end`` would see inside."""
        is_everything = not self.dataset.instruments and not self.dataset.files
        same = is_everything or self.dataset.shares(dataset)
        return same and start < self.end and end > self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Leave for one candidate to be tried on a sealed period, once.

    Parameters
    ----------
    seal : str
        Name of it.
    configuration : str
        SHA-256 of the candidate's.
    strategy, reason : str
        For people.
    run_id : str
        The run that used it; empty as long as none has.
    """

    seal: str
    configuration: str
    strategy: str
    reason: str = ""
    run_id: str = ""


class TrialRegister(Protocol):
    """Keeps trials, seals and openings, and never lets one go."""

    @property
    def where(self) -> str:
        """Place of the register, for people."""
        ...

    def ready(self) -> None:
        """Raise LedgerError if it can't be written to: asked before a run, not after it."""
        ...

    def record(self, trials: Sequence[Trial]) -> None:
        """Append the trials, all or none; they are on the disk when it returns.

        Raises
        ------
        LedgerError
            If the register can't be written.
        """
        ...

    def standing(self, dataset: Dataset, start: int, end: int) -> Standing:
        """Return what was tried on any of these data over at least half of the shorter span."""
        ...

    def trials(self, *, newest_first: bool = False) -> Iterator[RecordedTrial]:
        """Yield all trials."""
        ...

    def seals(self) -> list[Seal]:
        """Return all seals, oldest first."""
        ...

    def openings(self) -> list[Opening]:
        """Return all openings, oldest first, with the runs that used them."""
        ...

    def seal(self, seal: Seal) -> None:
        """Keep a seal; raise ConfigError if there is one of that name."""
        ...

    def open(self, opening: Opening) -> None:
        """Keep an opening, checked by `refuse_second_opening`."""
        ...


def refuse_sealed(  # noqa: PLR0913 - what a run is
    seals: Collection[Seal],
    openings: Collection[Opening],
    *,
    dataset: Dataset,
    start: int,
    end: int,
    configuration: str,
    run_id: str,
) -> None:
    """Refuse a run that would see a sealed period which isn't open to it.

    The very run that used an opening may be made again: it shows nothing new.

    Raises
    ------
    GateClosed
        If there is no opening for its configuration, or another run has used it.
    """
    for seal in seals:
        if not seal.covers(dataset, start, end):
            continue
        mine = [
            each
            for each in openings
            if each.seal == seal.name and each.configuration == configuration
        ]
        if not mine:
            raise GateClosed(
                f"these bars reach into {seal.name!r}, which is sealed: take bars that end before it, "
                f"or open it once for this candidate with tutti trials open {seal.name}"
            )
        if mine[0].run_id not in {"", run_id}:
            raise GateClosed(
                f"{seal.name!r} was opened for this candidate and used by {mine[0].run_id}: "
                "a second look at other bars or with another version isn't a test any more"
            )


def refuse_second_opening(
    seals: Collection[Seal], openings: Collection[Opening], opening: Opening
) -> None:
    """Refuse an opening of a seal that is not there, or was opened for that candidate before.

    Raises
    ------
    GateClosed
    """
    if opening.seal not in {seal.name for seal in seals}:
        known = ", ".join(seal.name for seal in seals) or "none"
        raise GateClosed(f"no seal is called {opening.seal!r}; there are: {known}")
    for each in openings:
        if (each.seal, each.configuration) == (opening.seal, opening.configuration):
            used = f" and used by {each.run_id}" if each.run_id else " and not used yet"
            raise GateClosed(
                f"{opening.seal!r} was opened for this candidate before{used}: it opens once"
            )
