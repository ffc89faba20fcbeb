"""Calibrates the cost model on files of recordings, and compares it with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tutti.adapters.feeds.files import find_files
from tutti.app.costs_file import read_costs
from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.calibration.depth import read_depth
from tutti.sandbox.calibration.fit import Calibration, carried_over, coefficient_by_step, fit
from tutti.sandbox.calibration.recording import matching, read_recording
from tutti.sandbox.calibration.toxicity import read_flow, toxicity
from tutti.sandbox.calibration.verification import CostsCheck, verify
from tutti.universe.instruments import infer_instrument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tutti.sandbox.calibration.fit import Fit
    from tutti.sandbox.calibration.recording import Recording
    from tutti.sandbox.calibration.toxicity import Toxicity

    Progress = Callable[[int, int, str], None]

SUFFIXES = (".parquet", ".csv")
_KINDS = frozenset({"trades", "quotes", "book"})
_STEPS = (0.5, 1.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Files or patterns of recordings, by what they hold.

    Parameters
    ----------
    instrument : str or None
        ``SYMBOL.VENUE`` of a single recording, where its name and folder don't say it.
    """

    trades: Sequence[str] = ()
    quotes: Sequence[str] = ()
    books: Sequence[str] = ()
    depth: Sequence[str] = ()
    instrument: str | None = None


def calibrate(files: Files, step_s: float, progress: Progress) -> Calibration:
    """Fit the cost model to every recording that the patterns mean.

    The streams of one recording are found by their names: same venue folder, same file name; one
    file of each kind needs no such name. A table of depth is a recording by itself.

    Raises
    ------
    ConfigError
        If nothing is named, or no trades have quotes of the same name.
    DataError
        If a recording can't be used.
    """
    if not (math.isfinite(step_s) and step_s > 0.0):
        raise ConfigError(f"--step must be seconds above 0, was {step_s!r}; write for example 10")
    readers = _readers(files)
    if files.instrument is not None and len(readers) > 1:
        raise ConfigError(f"--instrument names one recording, and there are {len(readers)}")
    fits, fees, by_step = [], [], []
    for done, read in enumerate(readers):
        progress(done, len(readers), "recordings")
        recording = _named(read(), files.instrument)
        found = fit(recording, round(step_s * SECOND))
        fits.append(found)
        fees.append(_taker_fee(found))
        by_step.append(coefficient_by_step(recording, [round(k * step_s * SECOND) for k in _STEPS]))
    progress(len(readers), len(readers), "recordings")
    return Calibration(
        fits=tuple(fits),
        carried=carried_over(fits),
        taker_fees=tuple(fees),
        by_step=tuple(by_step),
    )


def _readers(files: Files) -> list[Callable[[], Recording]]:
    alone = [partial(read_depth, path) for path in _found(files.depth)]
    if not files.trades or not files.quotes:
        if alone and not files.trades and not files.quotes:
            return list(alone)
        raise ConfigError("--trades and --quotes are needed together, or --depth alone; name files")
    prints, tops, books = map(_found, (files.trades, files.quotes, files.books))
    streams = [(path, matching(tops, path), matching(books, path)) for path in prints]
    if len(prints) == len(tops) == 1 and len(books) <= 1:
        # one of each belong together, whatever their names
        _refuse_two_venues(prints[0], tops[0], *books)
        streams = [(prints[0], tops[0], books[0] if books else None)]
    usable = [partial(read_recording, path, top, book) for path, top, book in streams if top]
    if not usable:
        raise ConfigError(
            f"--quotes: none is of the recording {prints[0].parent.name}/{prints[0].name}; the "
            "files of one recording have the same name, in folders of the same name"
        )
    return [*usable, *alone]


def _refuse_two_venues(*paths: Path) -> None:
    # a perpetual's trades against spot quotes look like one market: prices hardly differ
    venues = {path.parent.name: path for path in paths if path.parent.parent.name in _KINDS}
    if len(venues) > 1:
        (here, one), (there, other), *_ = venues.items()
        raise ConfigError(
            f"{one} is of {here}, and {other} of {there}: not one market; name the streams of one "
            "recording"
        )


def _named(recording: Recording, instrument: str | None) -> Recording:
    if instrument is None:
        return recording
    try:
        return replace(recording, instrument=InstrumentId.parse(instrument))
    except ValueError as error:
        raise ConfigError(f"--instrument: {error}") from error


def _found(patterns: Sequence[str]) -> list[Path]:
    return find_files(patterns, SUFFIXES) if patterns else []


def check_costs(path: Path, fits: Sequence[Fit]) -> tuple[CostsCheck, ...]:
    """Test the values of a costs file on recordings of its venues.

    An instrument that the file doesn't have is tested with its own spread.

    Raises
    ------
    ConfigError
        If the file can't be used, or names none of the recordings' venues.
    """
    costs = read_costs(path)
    known = {
        file["sha256"]
        for recording in _mapping(costs, "evidence").get("recordings", ())
        for file in recording["files"]
    }
    venues, instruments = _mapping(costs, "venues"), _mapping(costs, "instruments")
    found = []
    for each in fits:
        venue = venues.get(each.instrument.venue)
        if venue is None:
            continue
        own = {"half_spread_bps": each.half_spread_bps.value}
        half = instruments.get(str(each.instrument), own)["half_spread_bps"]
        coefficient = venue["impact_coefficient"]
        found.append(
            CostsCheck(
                name=each.name,
                in_sample=any(file.sha256 in known for file in each.files),
                half_spread_bps=half,
                impact_coefficient=coefficient,
                result=verify(each.samples, half, coefficient),
            )
        )
    if not found:
        raise ConfigError(
            f"{path}: measured at {', '.join(venues) or 'no venue'}, and the recordings are of "
            f"{', '.join(sorted({each.instrument.venue for each in fits}))}"
        )
    return tuple(found)


def toxicities(patterns: Sequence[str], progress: Progress) -> tuple[Toxicity, ...]:
    """Compare VPIN on true and on guessed sides, for every file of signed flow."""
    paths = find_files(patterns, SUFFIXES[:1])
    found = []
    for done, path in enumerate(paths):
        progress(done, len(paths), "signed flow")
        found.append(toxicity(read_flow(path)))
    progress(len(paths), len(paths), "signed flow")
    return tuple(found)


def _taker_fee(found: Fit) -> float:
    return float(infer_instrument(found.instrument, []).taker_fee)


def _mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = values.get(key)
    return inner if isinstance(inner, dict) else {}
