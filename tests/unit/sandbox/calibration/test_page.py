"""The page about costs is whole, offline, and says how far to trust the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.unit.sandbox.calibration.test_toxicity import flow, moving_with

from tutti.kernel.clock import SECOND
from tutti.sandbox.calibration.fit import Calibration, carried_over, coefficient_by_step, fit
from tutti.sandbox.calibration.page import render_costs, write_costs_page
from tutti.sandbox.calibration.recording import read_recording
from tutti.sandbox.calibration.toxicity import toxicity
from tutti.sandbox.calibration.verification import CostsCheck

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.sandbox.calibration.conftest import Files


@pytest.fixture(scope="module")
def calibration(files: Files) -> Calibration:
    recording = read_recording(files.trades, files.quotes, files.book)
    own = fit(recording, 10 * SECOND)
    return Calibration(
        fits=(own,),
        carried=(),
        taker_fees=(0.0005,),
        by_step=(coefficient_by_step(recording, (5 * SECOND, 10 * SECOND)),),
    )


def test_page_has_values_with_errors_and_the_test_out_of_sample(calibration: Calibration) -> None:
    text = render_costs(calibration)
    own = calibration.fits[0]
    assert text.startswith("<!doctype html>")
    assert (
        f"{own.impact_coefficient.value:.2f} ± {own.impact_coefficient.standard_error:.2f}" in text
    )
    for part in ("Out of sample", "The whole cost", "Is it a square root?", "Latency", "SHA-256"):
        assert part in text
    assert "What carries over</h2>" not in text
    assert "Toxic flow" not in text
    assert own.files[2].sha256 in text


def test_page_with_more_to_say_says_it(calibration: Calibration, tmp_path: Path) -> None:
    own = replace(calibration.fits[0], thin=12)
    both = (own, replace(own, delay=None, orders=None))
    more = replace(
        calibration,
        fits=both,
        carried=carried_over(both),
        taker_fees=(0.001, 0.001),
        by_step=({}, {}),
    )
    tested = CostsCheck(
        name="x", in_sample=False, half_spread_bps=1.0, impact_coefficient=0.5,
        result=own.held_out,
    )  # fmt: skip
    net = np.random.default_rng(1).normal(0.0, 1.0, 300)
    toxic = toxicity(flow(2 + net / 2, 2 - net / 2, moving_with(net, 1.0)))
    path = write_costs_page(tmp_path / "new" / "costs.html", more, [tested], [toxic])
    text = path.read_text(encoding="utf-8")
    for part in (
        "What carries over</h2>",
        "never seen",
        "Toxic flow",
        "12 orders were larger than the recorded book",
    ):
        assert part in text
    assert "Is it a square root?" not in text
