"""One offline HTML page: modelled beside replayed cost, and how far to trust either."""

from __future__ import annotations

import math
from html import escape
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.clock import SECOND, iso
from tutti.sandbox.calibration.fit import SPLIT, label
from tutti.sandbox.charts import Line
from tutti.sandbox.log_chart import Points, log_chart
from tutti.sandbox.page import message, page, section, table, tiles
from tutti.sandbox.result import write_atomically
from tutti.sandbox.wording import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.sandbox.calibration.estimates import Estimate
    from tutti.sandbox.calibration.fit import Calibration, Carried, Delay, Fit
    from tutti.sandbox.calibration.toxicity import Toxicity
    from tutti.sandbox.calibration.verification import CostsCheck, SizeRow, Verification

_FOOTER = (
    "Costs in basis points of price against the mid at the order's arrival, fees apart. Walked "
    "orders were never sent, so nobody could react to them. Times are UTC."
)
_GOOD = 0.5
_SHARES = (0.01, 0.1, 1.0)


def write_costs_page(
    path: Path,
    found: Calibration,
    tested: Sequence[CostsCheck] = (),
    toxicities: Sequence[Toxicity] = (),
) -> Path:
    """Write the page to ``path`` and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = render_costs(found, tested, toxicities).encode()
    return write_atomically(path, lambda file: file.write(text))


def render_costs(
    found: Calibration, tested: Sequence[CostsCheck] = (), toxicities: Sequence[Toxicity] = ()
) -> str:
    """Return the page as one HTML document.

    Parameters
    ----------
    tested : sequence of CostsCheck
        Values of a costs file on the same recordings.
    """
    fits = found.fits
    names = ", ".join(sorted({str(each.instrument) for each in fits}))
    sections = (
        _verdict(fits),
        _tiles(fits),
        _values(found),
        _tested(tested),
        "".join(_recording(each) for each in fits),
        _carried(found.carried),
        _whole(found),
        _shape(found),
        _latency(fits),
        _toxicity(toxicities),
        _files(fits),
    )
    return page("Modelled and replayed cost", names, sections, footer=_FOOTER)


def _verdict(fits: Sequence[Fit]) -> str:
    explained = [each.held_out.explained for each in fits]
    typical = median(explained)
    small = [_smallest_off(each.held_out) for each in fits]
    large = [_largest_off(each.held_out) for each in fits]
    text = (
        f"Out of sample the model explains {_percent(min(explained))} to {_percent(max(explained))}"
        " of the variance of what orders cost. For the smallest orders it is off by "
        f"{_signed(median(small))} bps, for the largest by {_signed(median(large))} bps (medians "
        "over the recordings, modelled less replayed). Minutes of recording say nothing of other "
        "days: see what carries over."
    )
    lead = "" if typical >= _GOOD else "The square root is a rough likeness. "
    return message(lead, text, is_bad=typical < _GOOD)


def _smallest_off(found: Verification) -> float:
    return found.sizes[0].modelled - found.sizes[0].replayed


def _largest_off(found: Verification) -> float:
    return found.sizes[-1].modelled - found.sizes[-1].replayed


def _tiles(fits: Sequence[Fit]) -> str:
    errors = [each.held_out.mean_absolute_error for each in fits]
    biases = [each.held_out.bias for each in fits]
    return tiles(
        (
            ("Recordings", f"{len(fits)}"),
            ("Orders replayed", f"{sum(len(each.samples) for each in fits):,}"),
            ("Bars", f"{sum(each.bars for each in fits):,}"),
            ("Median bias, bps", _signed(median(biases))),
            ("Median absolute error, bps", f"{median(errors):.2f}"),
        )
    )


def _values(found: Calibration) -> str:
    rows = [
        (
            label(each),
            f"{each.bars} x {each.step / SECOND:g} s",
            _told(each.half_spread_bps, 4),
            _told(each.impact_coefficient, 2),
            _told(each.exponent, 2),
            f"{1e4 * fee:g}",
        )
        for each, fee in zip(found.fits, found.taker_fees, strict=True)
    ]
    head = (
        "Recording",
        "Bars",
        "Half spread, bps",
        "Impact coefficient",
        "Exponent if free",
        "Taker fee, bps",
    )
    note = (
        "Each value ± its standard error, which counts that neighbouring bars are alike. The model "
        "fixes the exponent at 0.5. Fees are those that the venue publishes for its lowest tier: "
        "no recording of a market tells them. Where Tutti does not know the venue it assumes 10."
    )
    return section("Values", table(head, rows), note)


def _tested(tested: Sequence[CostsCheck]) -> str:
    if not tested:
        return ""
    rows = [
        (
            each.name,
            "made of it, too" if each.in_sample else "never seen",
            f"{each.impact_coefficient:.2f}",
            *_verified(each.result),
        )
        for each in tested
    ]
    head = ("Recording", "Costs file", "Coefficient", *_VERIFIED)
    return section("The costs file on these recordings", table(head, rows))


_VERIFIED = ("Replayed", "Modelled", "Bias", "Abs. error", "Explained")


def _verified(found: Verification) -> tuple[str, ...]:
    return (
        f"{found.replayed:.3f}",
        f"{found.modelled:.3f}",
        f"{_signed(found.bias)} ± {found.bias_error:.3f}",
        f"{found.mean_absolute_error:.3f}",
        _percent(found.explained),
    )


def size_chart(each: Fit) -> str:
    """Return a figure of what orders cost by their size, replayed out of sample and modelled."""
    held = each.held_out
    modelled = Line(
        label="modelled",
        values=np.array([row.modelled for row in held.sizes]),
        style="strategy",
    )
    points = [_points(f"replayed: {each.method}", held.sizes, "replayed")]
    if each.orders is not None:
        points.append(_points("orders of the market", each.orders.sizes, "orders"))
    return log_chart(
        points,
        [(np.array([row.size for row in held.sizes]), modelled)],
        title=f"Cost of orders by size, modelled and replayed, {label(each)}",
        x_label=f"size of the order, as a share of the mean volume of a bar of "
        f"{each.step / SECOND:g} s ({each.volume_per_bar:,.4g})",
        y_label="cost in bps",
    )


def _recording(each: Fit) -> str:
    held = each.held_out
    rows = [
        (
            f"{100 * row.size:.3g} %",
            f"{row.n:,}",
            f"{row.replayed:.3f} ± {row.replayed_error:.3f}",
            f"{row.modelled:.3f}",
            _signed(row.modelled - row.replayed),
        )
        for row in held.sizes
    ]
    head = ("Size", "Orders", "Replayed, bps", "Modelled, bps", "Difference")
    begin, end = iso(each.start), iso(each.end)
    note = (
        f"{each.instrument}, {begin[:10]} {begin[11:19]} to {end[11:19]}, {each.method}. Fitted on the first "
        f"{100 * SPLIT:.0f} % of the bars, shown on the rest: bias {_signed(held.bias)} ± "
        f"{held.bias_error:.2g} bps, mean absolute error {held.mean_absolute_error:.2f} bps "
        f"(half the spread alone: {held.spread_only:.2f} root mean square, with impact "
        f"{held.root_mean_square_error:.2f})."
    )
    if each.orders is not None:
        note += (
            f" {each.orders.n:,} orders of the market: {each.orders.replayed:.3f} bps, modelled "
            f"{each.orders.modelled:.3f}."
        )
    if each.thin:
        note += f" {each.thin:,} orders were larger than the recorded book and are left out."
    return section(label(each), size_chart(each) + table(head, rows), note)


def _points(name: str, rows: Sequence[SizeRow], style: str) -> Points:
    return Points(
        label=name,
        x=np.array([row.size for row in rows]),
        y=np.array([row.replayed for row in rows]),
        error=np.array([row.replayed_error for row in rows]),
        style=style,
    )


def _carried(carried: Sequence[Carried]) -> str:
    if not carried:
        return ""
    rows = [
        (
            each.tested,
            _told(each.impact_coefficient, 2),
            *_verified(each.result),
        )
        for each in carried
    ]
    note = (
        "Each recording with its own spread, and the impact coefficient of all the others: another "
        "day, instrument or venue. This is the error to expect where nothing was recorded."
    )
    head = ("Tested on", "Coefficient", *_VERIFIED)
    return section("What carries over", table(head, rows), note)


def _whole(found: Calibration) -> str:
    rows = []
    for each, fee in zip(found.fits, found.taker_fees, strict=True):
        at_one = float(each.samples.unit_bps.sum() / np.sqrt(each.samples.size).sum())
        impact = [each.impact_coefficient.value * at_one * math.sqrt(share) for share in _SHARES]
        fixed = 1e4 * fee + each.half_spread_bps.value
        rows.append(
            (
                label(each),
                f"{1e4 * fee:g}",
                f"{each.half_spread_bps.value:.3f}",
                *(f"{part:.2f} ({100 * part / (fixed + part):.0f} %)" for part in impact),
            )
        )
    shares = (f"Impact of {100 * share:g} %" for share in _SHARES)
    note = (
        "Basis points, and impact's part of the whole, for market orders of a share of a bar's "
        "volume. Where fees are nine tenths of the cost, no calibration of the rest matters much."
    )
    return section("The whole cost", table(("", "Taker fee", "Half spread", *shares), rows), note)


def _shape(found: Calibration) -> str:
    steps = sorted({step for fitted in found.by_step for step in fitted})
    if not steps:
        return ""
    rows = [
        (
            label(each),
            *(_told(fitted[step], 2) if step in fitted else NONE for step in steps),
            _told(each.exponent, 2),
        )
        for each, fitted in zip(found.fits, found.by_step, strict=True)
    ]
    note = (
        "By the square-root law the coefficient does not depend on the length of a bar. It grows "
        "where it is fitted on larger orders, which a book makes dearer than the square root says; "
        "an order sliced over an hour is cheaper than the same order walked through a book at once."
    )
    head = ("", *(f"{step / SECOND:g} s bars" for step in steps), "Exponent if free")
    return section("Is it a square root?", table(head, rows), note)


def _latency(fits: Sequence[Fit]) -> str:
    rows = [
        (
            label(each),
            *_delays(each.delay),
            *(_told(estimate, 3) for _, estimate in each.moved_bps),
        )
        for each in fits
    ]
    latencies = (f"Move in {latency:g} ms, bps" for latency, _ in fits[0].moved_bps)
    note = (
        "Time from the exchange to the recorder over the fastest message: how long that one took, "
        "no recording tells; below 0 by the clocks, they disagree. latency_ms is not set "
        "from it: with bars, any latency above 0 fills a whole bar later. A price that moves either "
        "way while an order travels is a risk, not a cost, unless the strategy chases it."
    )
    head = (
        "",
        "Median, ms",
        "99th perc.",
        "Fastest by clocks",
        *latencies,
    )
    return section("Latency", table(head, rows), note)


def _delays(delay: Delay | None) -> tuple[str, str, str]:
    if delay is None:
        return (NONE, NONE, NONE)
    return (_told(delay.excess_ms, 1), f"{delay.worst_ms:,.0f}", f"{delay.offset_ms:,.0f}")


def _toxicity(toxicities: Sequence[Toxicity]) -> str:
    if not toxicities:
        return ""
    rows = [
        (
            str(each.instrument),
            f"{each.bars:,}",
            f"{each.true_mean:.2f} ± {each.true_spread:.2f}",
            f"{each.bulk_mean:.2f} ± {each.bulk_spread:.2f}",
            f"{each.correlation:+.2f}",
            _percent(each.side_right),
            f"{each.flow_correlation:+.2f}",
            _percent(each.alarms_shared),
        )
        for each in toxicities
    ]
    note = (
        f"VPIN over {toxicities[0].window} one-minute bars, from the true side of every trade and "
        "from sides guessed by bulk volume classification, as the agent vpin sees it. Mean and "
        "deviation over time; correlation of the two; how often the guess has the net side of a bar "
        "right (half is chance); correlation of single bars' net flow; of the worst tenth of the "
        "time, how much both name (a tenth is chance)."
    )
    head = (
        "",
        "Bars",
        "True",
        "Guessed",
        "Correlation",
        "Side right",
        "Net flow",
        "Alarms shared",
    )
    return section("Toxic flow: true sides and guessed ones", table(head, rows), note)


def _files(fits: Sequence[Fit]) -> str:
    rows = "".join(
        f'<tr><td class="wrap">{escape(file.path)}</td><td>{file.rows:,}</td>'
        f'<td class="text wrap"><code>{file.sha256}</code></td></tr>'
        for each in fits
        for file in each.files
    )
    head = '<tr><th>File</th><th>Rows</th><th class="text">SHA-256</th></tr>'
    return section("Recordings", f'<div class="scroll"><table>{head}{rows}</table></div>')


def _told(estimate: Estimate, digits: int) -> str:
    if not math.isfinite(estimate.value):
        return NONE
    if not math.isfinite(estimate.standard_error):
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} ± {estimate.standard_error:.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else NONE


def _signed(value: float) -> str:
    return f"{value:+.3f}"
