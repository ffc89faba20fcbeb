"""No study looks into a sealed period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti


@pytest.mark.parametrize(
    "study",
    [
        ("montecarlo", "--paths", "3", "--workers", "1"),
        ("lookahead", "--cuts", "1"),
        ("null", "--seeds", "3", "--workers", "1"),
    ],
    ids=lambda study: study[0],
)
@pytest.mark.parametrize("register", ["trials.sqlite", "off"])
def test_study_of_sealed_bars_is_refused(
    tutti: Tutti,
    bars: Path,
    config: Path,
    study: tuple[str, ...],
    register: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUTTI_TRIALS", "trials.sqlite")
    sealed = tutti("trials", "seal", "h", "--start", "2024-01-01", "--bars", bars)
    assert sealed.code == 0, sealed.err
    answer = tutti(
        "sandbox", *study, "--bars", bars, "--config", config, "--register", register, "--json"
    )
    assert answer.code == 3
    assert "'h', which is sealed" in answer.err
