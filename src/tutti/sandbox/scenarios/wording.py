"""A stressed run beside its baseline, in words and formatted figures, for page and terminal alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.kernel.clock import iso
from tutti.sandbox.wording import money, number, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.sandbox.scenarios.figures import Change, Figures, Stressed

_MINUTE = slice(16)


def figure_rows(found: Stressed) -> list[tuple[str, str, str]]:
    """Return name, baseline and stressed value of each figure."""
    before, after = found.baseline, found.stressed
    return [
        ("final equity", money(before.final_equity), money(after.final_equity)),
        *_worth_rows(before, after),
        *(
            (f"  {name}", money(before.components[name]), money(after.components[name]))
            for name in before.components
        ),
        ("change while it lasted", percent(before.during.change), percent(after.during.change)),
        ("  of buying and holding", percent(before.holding.change), percent(after.holding.change)),
        (
            "deepest fall while it lasted",
            percent(-before.during.max_drawdown),
            percent(-after.during.max_drawdown),
        ),
        (
            "deepest fall at all",
            percent(-before.metrics["max_drawdown"]),
            percent(-after.metrics["max_drawdown"]),
        ),
        ("Sharpe ratio", number(before.metrics["sharpe"]), number(after.metrics["sharpe"])),
        (
            "slippage, bps",
            number(before.metrics["slippage_bps"]),
            number(after.metrics["slippage_bps"]),
        ),
        ("fills", f"{before.n_fills:,}", f"{after.n_fills:,}"),
        ("liquidations", f"{before.liquidations:,}", f"{after.liquidations:,}"),
    ]


def period(found: Stressed) -> str:
    """Return when it lasted, how much it changed, and whether the bars ended before it did."""
    cut = "; THE BARS END BEFORE IT DOES" if found.is_cut_short else ""
    return f"{iso(found.starts)} to {iso(found.ends)}, {found.changed_bars:,} bars changed{cut}"


def differing_counts(found: Stressed) -> list[str]:
    """Return a line for each kind of count that the scenario changed."""
    lines = []
    for what in ("orders", "unfilled", "refusals"):
        before, after = (
            _counted(getattr(figures, what)) for figures in (found.baseline, found.stressed)
        )
        if before != after:
            lines.append(f"{what}: {before}; stressed: {after}")
    return lines


def breaker(change: Change, *, without: bool = False) -> str:
    """Return when a breaker acted, and why; ``without`` the scenario, or under it."""
    told = "breaker without it" if without else "breaker"
    return f"{told} at {iso(change.ts)}: {change.mode}: {change.reason}"


def moments(found: Stressed) -> str:
    """Return what the scenario did at other moments, in a line; empty where it was not asked."""
    if not found.moments:
        return ""
    ranked = sorted(found.moments, key=lambda each: each.during.change)
    middle, worst = ranked[len(ranked) // 2], ranked[0]
    flat = sum(each.exposure == 0.0 for each in ranked)
    liquidated = sum(each.liquidations > 0 for each in ranked)
    return (
        f"at {len(ranked)} moments: worst {percent(worst.during.change)} "
        f"({percent(worst.unstressed.change)} without it) on {iso(worst.ts)[_MINUTE]}, "
        f"median {percent(middle.during.change)}, best {percent(ranked[-1].during.change)}; "
        f"liquidated in {liquidated}, nothing held in {flat}"
    )


def moment_rows(found: Stressed) -> list[tuple[str, ...]]:
    """Return a row for each moment: when, exposure, change with and without, holding, fall."""
    return [
        (
            iso(each.ts)[_MINUTE],
            percent(each.exposure, 0).removeprefix("+"),
            percent(each.during.change),
            percent(each.unstressed.change),
            percent(each.holding.change),
            percent(-each.during.max_drawdown),
            f"{each.liquidations:,}",
        )
        for each in found.moments
    ]


def tiers(found: Stressed) -> str:
    """Return how far the tiers are apart; empty where they weren't compared."""
    if found.parity is None:
        return ""
    fills = "equal" if found.parity["fills_equal"] else "DIFFER"
    return f"tiers: fills {fills}, equity within {found.parity['max_rel_equity_diff']:.1e}"


def _worth_rows(before: Figures, after: Figures) -> list[tuple[str, str, str]]:
    if after.worth is None or after.final_worth is None:
        return []
    return [
        ("  at its worth", money(before.final_equity), money(after.final_worth)),
        (
            "change of its worth while it lasted",
            percent(before.during.change),
            percent(after.worth.change),
        ),
        (
            "deepest fall of its worth",
            percent(-before.during.max_drawdown),
            percent(-after.worth.max_drawdown),
        ),
    ]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"
