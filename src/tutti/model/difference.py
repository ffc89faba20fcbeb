"""What we believe of a venue against what it says, and what became of it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class DifferenceKind(StrEnum):
    """What differs."""

    ORDER = "order"
    FILLED = "filled"
    POSITION = "position"
    BALANCE = "balance"


class Resolution(StrEnum):
    """What was done about a difference.

    ``APPLIED``: the venue's word was taken and booked like any other event of it. ``ADOPTED``: what
    no order of ours explains is ours from now on. ``QUARANTINED``: the instrument is locked until a
    person, or the venue, explains it. ``UNRESOLVED``: nobody can tell what became of an order; its
    instrument is locked, and the venue is asked again. ``NOTED``: it is on record, nothing more.
    ``SETTLED``: both sides agree again.
    """

    APPLIED = "applied"
    ADOPTED = "adopted"
    QUARANTINED = "quarantined"
    UNRESOLVED = "unresolved"
    NOTED = "noted"
    SETTLED = "settled"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that we and a venue see differently.

    Parameters
    ----------
    subject : str
        Id of the order, id of the instrument, or currency.
    ours, theirs : str
        A state, or a quantity: base units filled, signed base units held, or an amount.
    """

    venue: str
    kind: DifferenceKind
    subject: str
    ours: str
    theirs: str
    resolution: Resolution
    detail: str = ""

    def __str__(self) -> str:
        text = f"{self.kind} {self.subject}: {self.ours} here, {self.theirs} at {self.venue}"
        return f"{text}; {self.resolution}"
