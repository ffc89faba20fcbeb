"""Profit by who, what, where, when and which way, and by what it is made of; it adds up."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DIMENSIONS = ("agent", "instrument", "venue", "regime", "side")
COMPONENTS = ("signal", "timing", "slippage", "cost", "funding")
_NOTHING = Decimal(0)


class Key(NamedTuple):
    """Who, what, where, when and which way."""

    agent: str
    instrument: str
    venue: str
    regime: str
    side: str


class Parts(NamedTuple):
    """What a profit is made of, quote currency, losses negative.

    Parameters
    ----------
    signal : Decimal
        What the same trades would have earned at the prices at which they were decided, for
        nothing: the paper portfolio.
    timing : Decimal
        What the market moved between a decision and the open at which its order could trade.
    slippage : Decimal
        What the fill was worse than that open: spread, impact, rounding; better, for a limit order.
    cost : Decimal
        Fees, less rebates.
    funding : Decimal
        Received, less paid.
    """

    signal: Decimal = _NOTHING
    timing: Decimal = _NOTHING
    slippage: Decimal = _NOTHING
    cost: Decimal = _NOTHING
    funding: Decimal = _NOTHING

    def plus(self, other: Parts) -> Parts:
        """Return the sum, part by part."""
        return Parts(*(mine + yours for mine, yours in zip(self, other, strict=True)))

    @property
    def total(self) -> Decimal:
        """All parts together."""
        return sum(self, _NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a breakdown: its names, one for each dimension, and what it earned."""

    names: tuple[str, ...]
    parts: Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """A profit taken apart.

    Parameters
    ----------
    cells : tuple of (Key, Parts)
        The finest breakdown; every other one is a sum over it.
    has_timing : bool
        False where opens were not known and timing is contained in slippage.

    Notes
    -----
    Signal less timing, slippage and cost is the implementation shortfall of what was traded:
    Perold (1988), "The implementation shortfall: paper versus reality", Journal of Portfolio
    Management 14(3), with the delay told apart from the execution as in Wagner and Edwards (1993),
    "Best execution", Financial Analysts Journal 49(1). What was decided and never filled (Perold's
    opportunity cost) earned nothing and is not in here.
    """

    cells: tuple[tuple[Key, Parts], ...]
    has_timing: bool = True

    @property
    def parts(self) -> Parts:
        """What the whole profit is made of."""
        return _summed(parts for _, parts in self.cells)

    @property
    def total(self) -> Decimal:
        """The whole profit, quote currency."""
        return self.parts.total

    def by(self, *dimensions: str) -> tuple[Line, ...]:
        """Return the breakdown by one or several of `DIMENSIONS`, the largest effect first.

        Raises
        ------
        ValueError
            If there is no such dimension.
        """
        for name in dimensions:
            if name not in DIMENSIONS:
                raise ValueError(f"there is no {name!r}; there are {', '.join(DIMENSIONS)}")
        places = [DIMENSIONS.index(name) for name in dimensions]
        grouped: dict[tuple[str, ...], list[Parts]] = {}
        for key, parts in self.cells:
            grouped.setdefault(tuple(key[place] for place in places), []).append(parts)
        lines = [Line(names=names, parts=_summed(each)) for names, each in grouped.items()]
        return tuple(sorted(lines, key=lambda line: (-abs(line.parts.total), line.names)))

    def to_dict(self, breakdowns: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
        """Return it as JSON values, with a list of lines for each breakdown; by default, for each dimension."""
        chosen = breakdowns or [(name,) for name in DIMENSIONS]
        return {
            "total": float(self.total),
            "components": _plain(self.parts, has_timing=self.has_timing),
            "by": {
                ",".join(names): [
                    dict(zip(names, line.names, strict=True))
                    | {"total": float(line.parts.total)}
                    | _plain(line.parts, has_timing=self.has_timing)
                    for line in self.by(*names)
                ]
                for names in chosen
            },
        }


def _summed(parts: Iterable[Parts]) -> Parts:
    columns = list(zip(*parts, strict=True)) or [()] * len(COMPONENTS)
    return Parts(*(sum(column, _NOTHING) for column in columns))


def _plain(parts: Parts, *, has_timing: bool) -> dict[str, float | None]:
    values: dict[str, float | None] = {
        name: float(value) for name, value in parts._asdict().items()
    }
    if not has_timing:
        values["timing"] = None
    return values
