"""What ``tutti backtest --second-opinion`` says: two engines side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.cli.output import Output

_ROWS = (("fees paid", "fees"), ("funding received", "funding"), ("final equity", "final_equity"))
_LEAST = 1e-3  # bps: what is smaller is told, but not by examples


def tell_second_opinion(opinion: Mapping[str, Any], output: Output) -> None:
    """Print fills, fees and equity of both engines, and every cause of a difference."""
    ours, theirs = opinion["ours"], opinion["theirs"]
    rows = [("fills", f"{ours['fills']:,}", f"{theirs['fills']:,}",
             f"{theirs['fills'] - ours['fills']:+,}")]  # fmt: skip
    rows += [
        (name, f"{ours[key]:,.6f}", f"{theirs[key]:,.6f}", f"{theirs[key] - ours[key]:+.1e}")
        for name, key in _ROWS
    ]
    output.table(["second opinion", "tutti", opinion["engine"], "difference"], rows, numbers_from=1)
    output.say(
        f"{opinion['fills_matched']:,} of {opinion['fills_total']:,} fills matched; equity never"
        f" more than {opinion['equity_diff_bps']:.2g} bps apart",
        style="green" if opinion["agrees"] else "red",
    )
    differences = opinion["differences"]
    if differences:
        output.table(
            ["difference", "count", "final equity", "bps", "what it is"],
            [
                (
                    each["cause"],
                    f"{each['count']:,}" if each["count"] else "",
                    f"{each['amount']:+.2e}",
                    f"{each['bps']:+.2g}",
                    each["explanation"],
                )
                for each in differences
            ],
        )
    for each in differences:
        if abs(each["bps"]) > _LEAST or each["cause"] == "valuation":
            for example in each["examples"]:
                output.say(f"{each['cause']}: {example}")
    if any(opinion["mapped"].values()):
        given = ", ".join(
            f"{name.replace('_', ' ')} {amount:,.2f}" for name, amount in opinion["mapped"].items()
        )
        output.say(f"given to it, because it has no such model: {given}")
