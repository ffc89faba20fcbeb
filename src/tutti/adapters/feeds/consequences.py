"""What each finding means for a backtest: how heavy it weighs, what it does, what helps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tutti.adapters.feeds.findings import Code
from tutti.kernel.clock import DAY, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.adapters.feeds.findings import Finding

_DAY_S = DAY // SECOND
_MANY_MISSING = 0.05
_SOME_MISSING = 0.001
_LONG_HOLE_S = 7 * _DAY_S


class Weight(StrEnum):
    """Whether a backtest on the data proves anything."""

    INVALIDATES = "invalidates"
    DISTORTS = "distorts"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a finding means.

    Parameters
    ----------
    consequence : str
        What a backtest on this data would do, one line.
    remedy : str
        What to do about it, one line.
    """

    weight: Weight
    consequence: str
    remedy: str


def judge(finding: Finding) -> Judgement:
    """Return what a finding means for a backtest."""
    always = _ALWAYS.get(finding.code)
    return _JUDGEMENTS[finding.code](finding) if always is None else always


def _refused(finding: Finding) -> Judgement:
    share = finding.measures.get("share", 0.0)
    return Judgement(
        weight=Weight.INVALIDATES,
        consequence=(
            f"a backtest refuses the file; --repair would drop {_rows(finding.count)} ({share:.2%}),"
            " and nothing trades where they were"
        ),
        remedy="get the rows anew from the source; --repair where a few are lost for good",
    )


def _gaps(finding: Finding) -> Judgement:
    share, longest = finding.measures["share"], finding.measures["longest_s"]
    # where trades are rare, minutes without one are no holes, however many there are
    if longest >= _LONG_HOLE_S or (share >= _MANY_MISSING and longest >= _DAY_S):
        weight = Weight.INVALIDATES
    elif share >= _SOME_MISSING or longest >= _DAY_S:
        weight = Weight.DISTORTS
    else:
        weight = Weight.NOTE
    return Judgement(
        weight=weight,
        consequence=(
            f"nothing trades for up to {_span(longest)}: a position is held through it, stops"
            " can't act, and the move over the hole comes as one bar; indicators skip it"
        ),
        remedy=(
            "keep --start and --end on one side of the long holes, or get the missing bars;"
            " they are never filled"
        ),
    )


def _overlap(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.DISTORTS,
        consequence=(
            f"{_bars(finding.count)} overlap the one before: that time is counted twice,"
            " and an order may fill before the bar that decided it was over"
        ),
        remedy="remove the bars that lie off the grid, or split the file by timeframe",
    )


def _frozen(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.DISTORTS,
        consequence=(
            f"{finding.measures['share']:.2%} of the bars show no market: volatility and"
            " drawdown come out too small there, and no order fills while volume is 0"
        ),
        remedy="leave these stretches out with --start and --end, or use another source",
    )


def _dead(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.INVALIDATES,
        consequence=(
            "no order fills while volume is 0; with participation: 0 every order would fill at"
            f" {finding.measures['price']:g} whatever the market did, and a spread against it"
            " would look like free money"
        ),
        remedy="leave the file out: nobody trades there",
    )


def _wicks(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.DISTORTS,
        consequence=(
            f"in {_bars(finding.count)} a resting limit or a liquidation is reached up to"
            f" {finding.measures['farthest']:.1%} away, at prices that may have traded for a"
            " moment or not at all; volatility and impact jump with them"
        ),
        remedy="compare the bar with another venue; drop it where only this one has it",
    )


def _price_jump(finding: Finding) -> Judgement:
    before, after = finding.measures["before"], finding.measures["after"]
    return Judgement(
        weight=Weight.INVALIDATES,
        consequence=(
            f"a long position held over it makes {after / before - 1.0:+.0%} at one open that"
            " nobody could make, and every indicator sees a move that never was"
        ),
        remedy="adjust the prices before it (split, redenomination), or start after it",
    )


def _volume_unit(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.INVALIDATES,
        consequence=(
            f"on one side volume is {finding.measures['factor']:.3g} times too large: orders fill"
            " whatever their size there, impact is next to nothing, VPIN and volume signals jump"
        ),
        remedy="divide the volume by the price where it is in quote units; then check again",
    )


def _tick_change(finding: Finding) -> Judgement:
    before, after = finding.measures["step_before"], finding.measures["step_after"]
    return Judgement(
        weight=Weight.NOTE,
        consequence=(
            "the price step is read off the first bars: fills of the other part are rounded to"
            f" {max(before, after):g} or {min(before, after):g} where the venue had the other"
        ),
        remedy="set instruments.<id>.price_step, or run the two parts apart",
    )


def _market_switch(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.INVALIDATES,
        consequence=(
            f"the last {finding.measures['share']:.1%} of the bars are another contract: the basis"
            " between the two counts as profit or loss, and fees, funding and volume limits are"
            " of the wrong one"
        ),
        remedy="cut the file there with --end, and get the rest from the right market",
    )


def _duplicate_feed(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.INVALIDATES,
        consequence=(
            f"{finding.measures['share']:.1%} of its bars are another market's: beside it, one bet"
            " is made twice and a spread between the two is always 0; alone, the costs of the"
            " wrong venue are charged"
        ),
        remedy="keep the file whose name is right, and leave this one out",
    )


def _alias(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.INVALIDATES,
        consequence=(
            f"{finding.measures['share']:.1%} of its bars are those of another symbol of the same"
            " venue: what sets the two apart, such as a stablecoin's de-peg, can't show, and"
            " profit is counted in the wrong currency"
        ),
        remedy="use the file of the symbol that really trades, and leave this one out",
    )


def _different_market(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.INVALIDATES,
        consequence=(
            "fees, funding, leverage and price step of the market in the name are applied to"
            f" prices of another, {finding.measures['basis_bps']:.3g} bps apart"
        ),
        remedy="name the file for what it holds, or get the market that it is named for",
    )


def _day_stamps(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.NOTE,
        consequence=(
            f"{_rows(finding.count)} are seen a day after the date that they bear: later than they"
            " were read, never earlier by more than a zone"
        ),
        remedy="say in a sidecar file how long after its stamp a row could be read",
    )


def _known_too_early(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.INVALIDATES,
        consequence=f"agents read {_rows(finding.count)} before what they tell of had happened",
        remedy="correct known_at in the file, or remove the column and write a sidecar with a lag",
    )


def _from_the_future(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.DISTORTS,
        consequence=f"{_rows(finding.count)} bear a time after they arrived: one of the clocks is wrong",
        remedy="look which: a stamp in another zone would make every row of the source early or late",
    )


def _repeated_text(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.NOTE,
        consequence=f"{_rows(finding.count)} are read once, when they first became known",
        remedy="nothing; remove them where the file is counted by rows",
    )


def _silence(finding: Finding) -> Judgement:
    days = finding.measures["days"]
    return Judgement(
        weight=Weight.DISTORTS if days >= _LONG_HOLE_S / _DAY_S else Weight.NOTE,
        consequence=(
            f"for up to {days:.3g} days agents go on with what is old, or see nothing and abstain"
        ),
        remedy="get the missing rows, or keep --start and --end on one side of the hole",
    )


def _left_out(finding: Finding) -> Judgement:
    return Judgement(
        weight=Weight.NOTE,
        consequence=f"{_rows(finding.count)} are seen by nobody",
        remedy="do what the message says, or name other files",
    )


_ALWAYS: dict[Code, Judgement] = {
    Code.NEWEST_FIRST: Judgement(
        weight=Weight.DISTORTS,
        consequence="a backtest refuses the file; --repair turns it round and loses nothing",
        remedy="sort the file by time, or use --repair",
    ),
    Code.UNREADABLE: Judgement(
        weight=Weight.INVALIDATES,
        consequence="a backtest stops at this file",
        remedy="do what the message says, or leave the file out",
    ),
    Code.NO_VOLUME: Judgement(
        weight=Weight.DISTORTS,
        consequence=(
            "no order fills; with participation: 0 all fill, impact is charged as if each order"
            " were the whole volume of its bar, and agents that read volume abstain"
        ),
        remedy="trade what the index stands for, or set venues.default.participation: 0",
    ),
    Code.SAME_BARS_TWICE: Judgement(
        weight=Weight.INVALIDATES,
        consequence="a backtest refuses the two together",
        remedy="name only one of them, or cut them so that they don't overlap",
    ),
    Code.NO_BARS: Judgement(
        weight=Weight.NOTE,
        consequence="the file is left out",
        remedy="change --start or --end if it was wanted",
    ),
}

_JUDGEMENTS: dict[Code, Callable[[Finding], Judgement]] = {
    Code.MISSING_TIMESTAMP: _refused,
    Code.NOT_FINITE: _refused,
    Code.NOT_POSITIVE: _refused,
    Code.NEGATIVE_VOLUME: _refused,
    Code.HIGH_BELOW_LOW: _refused,
    Code.OUTSIDE_RANGE: _refused,
    Code.DUPLICATE_TIMESTAMP: _refused,
    Code.BACKWARD_TIMESTAMP: _refused,
    Code.GAPS: _gaps,
    Code.OVERLAP: _overlap,
    Code.FROZEN_PRICES: _frozen,
    Code.DEAD_MARKET: _dead,
    Code.WICKS: _wicks,
    Code.PRICE_JUMP: _price_jump,
    Code.VOLUME_UNIT: _volume_unit,
    Code.TICK_CHANGE: _tick_change,
    Code.MARKET_SWITCH: _market_switch,
    Code.DUPLICATE_FEED: _duplicate_feed,
    Code.ALIAS: _alias,
    Code.DIFFERENT_MARKET: _different_market,
    Code.DAY_STAMPS: _day_stamps,
    Code.KNOWN_TOO_EARLY: _known_too_early,
    Code.FROM_THE_FUTURE: _from_the_future,
    Code.REPEATED_TEXT: _repeated_text,
    Code.ROWS_LEFT_OUT: _left_out,
    Code.OTHER_TABLE: _left_out,
    Code.SILENCE: _silence,
}


def _span(seconds: float) -> str:
    for unit, name in ((_DAY_S, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:g} seconds"


def _bars(count: int) -> str:
    return "1 bar" if count == 1 else f"{count:,} bars"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
