"""Measured costs as a document: the values that a configuration uses, and what they rest on."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any, Final

from tutti.kernel.clock import SECOND, iso
from tutti.sandbox.calibration.estimates import Estimate, pooled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.sandbox.calibration.fit import Carried, Delay, Fit
    from tutti.sandbox.calibration.verification import Verification

KIND: Final = "tutti-costs"
VERSION: Final = 1
"""Of the form of the file: a reader refuses one that it doesn't know."""

_DIGITS = 6


def costs_document(fits: Sequence[Fit], carried: Sequence[Carried]) -> dict[str, Any]:
    """Return the content of a costs file, as JSON values.

    ``venues`` and ``instruments`` are what a configuration takes; ``evidence`` says how each value
    was come by, with standard errors, sample sizes and the error out of sample. ``id`` is a hash of
    all of it. A spread is its instrument's and no other's: one venue's differ a thousandfold.
    """
    venues = sorted({each.instrument.venue for each in fits})
    instruments = sorted({str(each.instrument) for each in fits})
    spreads = {
        name: pooled([each.half_spread_bps for each in fits if str(each.instrument) == name])
        for name in instruments
    }
    coefficients = {
        venue: pooled([each.impact_coefficient for each in fits if each.instrument.venue == venue])
        for venue in venues
    }
    body = {
        "venues": {
            venue: {"impact_coefficient": _round(max(coefficients[venue].value, 0.0))}
            for venue in venues
        },
        "instruments": {
            name: {"half_spread_bps": _round(spread.value)} for name, spread in spreads.items()
        },
        "evidence": {
            "half_spread_bps": {name: _told(each) for name, each in spreads.items()},
            "impact_coefficient": {name: _told(each) for name, each in coefficients.items()},
            "recordings": [_recording(each) for each in fits],
            "carried_over": [_carried(each) for each in carried],
        },
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return {"kind": KIND, "version": VERSION, "id": f"costs-{digest[:12]}", **body}


def _recording(each: Fit) -> dict[str, Any]:
    return {
        "name": each.name,
        "instrument": str(each.instrument),
        "from": iso(each.start),
        "to": iso(each.end),
        "bars": each.bars,
        "bar_s": each.step / SECOND,
        "method": each.method,
        "half_spread_bps": _told(each.half_spread_bps),
        "impact_coefficient": _told(each.impact_coefficient),
        "free_exponent": _told(each.exponent),
        "free_coefficient": _told(each.free_coefficient),
        "held_out": _verified(each.held_out),
        "orders_of_the_market": None if each.orders is None else _verified(each.orders),
        "delay_ms": None if each.delay is None else _delay(each.delay),
        "mid_moved_bps": {
            f"{latency:g} ms": _told(estimate) for latency, estimate in each.moved_bps
        },
        "too_large_for_the_book": each.thin,
        "files": [
            {"kind": file.kind, "path": file.path, "sha256": file.sha256, "rows": file.rows}
            for file in each.files
        ],
    }


def _carried(each: Carried) -> dict[str, Any]:
    return {
        "tested": each.tested,
        "fitted_on": list(each.fitted_on),
        "impact_coefficient": _told(each.impact_coefficient),
        "result": _verified(each.result),
    }


def _delay(delay: Delay) -> dict[str, Any]:
    return {
        "over_the_fastest": _told(delay.excess_ms),
        "p99_over_the_fastest": _round(delay.worst_ms),
        "fastest_by_the_two_clocks": _round(delay.offset_ms),
    }


def _told(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": _round(estimate.value),
        "standard_error": _round(estimate.standard_error),
        "n": estimate.n,
    }


def _verified(found: Verification) -> dict[str, Any]:
    return {
        "orders": found.n,
        "bars": found.bars,
        "replayed_bps": _round(found.replayed),
        "modelled_bps": _round(found.modelled),
        "bias_bps": _round(found.bias),
        "bias_standard_error": _round(found.bias_error),
        "mean_absolute_error_bps": _round(found.mean_absolute_error),
        "root_mean_square_error_bps": _round(found.root_mean_square_error),
        "of_spread_alone_bps": _round(found.spread_only),
        "explained": _round(found.explained),
        "by_size": [
            {
                "share_of_bar_volume": _round(row.size),
                "orders": row.n,
                "replayed_bps": _round(row.replayed),
                "standard_error": _round(row.replayed_error),
                "modelled_bps": _round(row.modelled),
            }
            for row in found.sizes
        ],
    }


def _round(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")
