"""The agent that says which regime a market is in."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tutti.agents.llm.regime import RegimeSpeaker
from tutti.agents.llm.speaker import SpeakerSettings
from tutti.kernel.clock import HOUR
from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from tutti.model.market import Snapshot


def _asked(stage: Any, snapshot: Snapshot, *lines: str) -> tuple[Opinion | Abstention, Any]:
    model = stage.model(lines)
    settings = SpeakerSettings(name="regime", model="test:model", time_to_live=HOUR)
    agent = RegimeSpeaker(settings, source=stage.source(snapshot), model=model)
    return asyncio.run(agent.infer(snapshot)), model


def _said(**changes: Any) -> str:
    said = {"regime": "BEAR_VOLATILE", "confidence": 0.7, "rationale": "Volatility ranks high."}
    return json.dumps({**said, **changes})


def test_regime_is_told_as_a_bias_from_figures_alone(stage: Any) -> None:
    answer, model = _asked(stage, stage.snapshot(), _said())
    assert isinstance(answer, Opinion)
    assert (answer.bias, answer.confidence) == (-0.5, 0.7)
    assert answer.rationale == "BEAR_VOLATILE: Volatility ranks high."
    assert answer.time_to_live == HOUR
    assert answer.knowledge == "contaminated"
    assert model.heard[0].prompt.startswith("regime@1 ")
    assert "rsi_14 55.12" in model.heard[0].user
    assert '"BULL_TRENDING"' in model.heard[0].schema


def test_regime_names_what_it_was_shown(stage: Any) -> None:
    snapshot = stage.snapshot(
        stage.text("Rates rise", id="wire:1"),
        stage.text("to the moon", kind="social"),
        readings=(stage.reading("fed_funds_percent", 5.33, kind="macro"),),
    )
    answer, model = _asked(stage, snapshot, _said())
    assert isinstance(answer, Opinion)
    assert len(answer.sources) == 2
    assert "moon" not in model.heard[0].user


@pytest.mark.parametrize("broken", [_said(regime="CRAB"), _said(confidence=2), "no"])
def test_regime_that_does_not_fit_is_asked_for_once_more(broken: str, stage: Any) -> None:
    answer, model = _asked(stage, stage.snapshot(), broken, _said())
    assert isinstance(answer, Opinion)
    assert "Your last answer was refused" in model.heard[1].user
    answer, _ = _asked(stage, stage.snapshot(), broken, broken)
    assert isinstance(answer, Abstention)
