"""Agents that have to be awaited are made and seated as their settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tutti.agents.llm.news import NewsAgent
from tutti.agents.llm.regime import RegimeSpeaker
from tutti.agents.llm.silent import SilentAgent
from tutti.agents.text.semantic_synth import SemanticSynth
from tutti.app.config import Config, override
from tutti.app.seats import seats_of
from tutti.app.voices import Voices, no_models, voices_of
from tutti.kernel.clock import SECOND
from tutti.model.errors import AgentError, ConfigError, ModelRefused
from tutti.model.instrument import InstrumentId
from tutti.testing.models import ScriptedModel

if TYPE_CHECKING:
    from pathlib import Path

BTC = InstrumentId("BTC-USDT", "SIM")


def _voices(agents: list[dict[str, Any]], **changes: Any) -> Voices:
    given = {key.replace("__", "."): value for key, value in changes.items()}
    config = override(Config(), {"agents": agents, "conductor.weights": {}, **given})
    return voices_of(config, seats_of(config), [BTC], lambda _: ScriptedModel(["{}"]))


def test_nobody_is_seated_where_nobody_has_to_be_awaited() -> None:
    assert _voices([{"name": "vpin"}]).seats == ()


def test_agent_is_seated_with_its_pace_and_instruments() -> None:
    (seat,) = _voices(
        [
            {
                "name": "wire", "kind": "news", "model": "a:b", "cadence_s": 900, "timeout_s": 7,
                "time_to_live_s": 1800, "instruments": ["BTC-USDT.SIM"],
            },
            {"name": "off", "kind": "news", "model": "a:b", "enabled": False},
        ]
    ).seats  # fmt: skip
    assert isinstance(seat.agent, NewsAgent)
    assert (seat.name, seat.cadence, seat.timeout_s) == ("wire", 900 * SECOND, 7.0)
    assert seat.time_to_live == 1800 * SECOND
    assert seat.instruments == frozenset({BTC})


def test_agent_without_a_model_is_silent_and_says_why() -> None:
    (seat,) = _voices([{"name": "news"}]).seats
    assert isinstance(seat.agent, SilentAgent)
    assert "set model of agent news" in seat.agent.reason


def test_sentiment_needs_no_model() -> None:
    (seat,) = _voices([{"name": "mood", "kind": "semantic_synth"}]).seats
    assert isinstance(seat.agent, SemanticSynth)


def test_conductor_sits_behind_the_agents() -> None:
    seats = _voices(
        [{"name": "mood", "kind": "semantic_synth"}],
        conductor__model="a:b", conductor__scope="reference",
        conductor__reference="BTC-USDT.SIM", conductor__cadence_s=60,
    ).seats  # fmt: skip
    assert [seat.name for seat in seats] == ["mood", "conductor"]
    assert isinstance(seats[1].agent, RegimeSpeaker)
    assert (seats[1].cadence, seats[1].instruments) == (60 * SECOND, frozenset({BTC}))


def test_agent_with_the_conductors_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="is called conductor, as one of the agents is"):
        _voices([{"name": "conductor", "kind": "news"}], conductor__model="a:b")


@pytest.mark.parametrize("kind", ["news", "semantic_synth"])
def test_setting_that_an_agent_does_not_know_is_named(kind: str) -> None:
    agents: list[dict[str, Any]] = [
        {"name": "vpin"},
        {"name": "odd", "kind": kind, "model": "a:b", "params": {"volume": 11}},
    ]
    with pytest.raises(ConfigError, match=r"agents\[1\]: .*odd.*'volume'"):
        _voices(agents)


@pytest.mark.usefixtures("installed")
def test_agent_of_a_package_sees_what_others_are_shown() -> None:
    voices = _voices([{"name": "pundit"}, {"name": "scholar"}])
    pundit, scholar = (seat.agent for seat in voices.seats)
    assert scholar.source is voices.snapshots  # type: ignore[attr-defined]
    assert not hasattr(pundit, "source")


async def test_agents_are_shown_the_files_that_the_configuration_names(tmp_path: Path) -> None:
    path = tmp_path / "news.parquet"
    pl.DataFrame(
        {
            "id": ["1"], "symbol": ["BTC"], "kind": ["news"], "source": ["wire"], "title": ["up"],
            "text": [""], "url": [""], "ts": [5], "known_at": [5],
        }
    ).write_parquet(path)  # fmt: skip
    voices = _voices(
        [{"name": "mood", "kind": "semantic_synth"}], text__files=[str(path)],
        text__readings=[],
    )  # fmt: skip
    with pytest.raises(AgentError, match="nothing is known"):
        await voices.snapshots.snapshot(BTC, 10)


async def test_model_that_may_not_be_asked_says_so() -> None:
    settings = Config.model_validate({"agents": [{"name": "news", "model": "a:b"}]}).agents[0]
    with pytest.raises(ModelRefused, match="nobody asks a:b here"):
        await no_models(settings).answer(None)  # type: ignore[arg-type]
