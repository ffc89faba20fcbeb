"""An agent lives through every fault of its model's server, and a replay has the same outcome."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

import pytest

from tutti.agents.llm.catalogue import SpeakerSettings, make_llm_agent
from tutti.agents.panel import Panel
from tutti.app.llm import LanguageModels, open_records
from tutti.app.settings import AgentSettings, Config
from tutti.kernel.clock import LiveClock
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion
from tutti.testing.agents import World
from tutti.testing.agents.world import NOW
from tutti.testing.models import ModelFault, ModelFaultKind, ModelServer, Question, serve

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.agents.llm.recorded import Mode

BTC = InstrumentId("BTC-USDT-PERP", "SIM")
LIMIT = 60_000
PATIENCE_S = 2.0
WORDS = {
    ModelFaultKind.LATENCY: "",
    ModelFaultKind.HANG: "no answer in 2 s",
    ModelFaultKind.DROP: "the connection broke",
    ModelFaultKind.CUT: "the connection broke",
    ModelFaultKind.STATUS: "503 The server answered with 503",
    ModelFaultKind.HTML: "something that is no answer",
    ModelFaultKind.MALFORMED: "something that is no answer",
    ModelFaultKind.NOT_JSON: "no answer that fits",
    ModelFaultKind.TRUNCATED: "used up its 400 output tokens",
    ModelFaultKind.EMPTY: "said nothing",
    ModelFaultKind.REFUSAL: "refused: I can't help with that",
}


def says(asked: Question) -> str:
    drawn = hashlib.sha256(asked.user.encode()).digest()[0]
    told = {"bias": round(drawn / 127.5 - 1, 3), "confidence": 0.5, "rationale": "what it reads"}
    return json.dumps(told | {"horizon_hours": 24, "sources": ["t1"]})


async def ask(
    folder: Path, url: str, mode: Mode, fallback: tuple[str, ...] = (), n: int = 3
) -> list[Opinion | Abstention]:
    """Return what a news agent says of a few instants, asked as a service asks it."""
    config = Config.model_validate({"llm": {"providers": {"mine": {"url": url}}}})
    settings = AgentSettings.model_validate(
        {
            "name": "news",
            "model": "mine:small",
            "fallback": fallback,
            "timeout_s": PATIENCE_S,
            "budget": {"tokens_per_day": LIMIT},
        }
    )
    with open_records(folder / "llm.sqlite", mode) as records:
        models = LanguageModels(config, mode=mode, records=records, clock=LiveClock())
        spoken = SpeakerSettings(name="news", model="mine:small")
        agent = make_llm_agent("news", spoken, source=World(), model=models(settings))
        panel = Panel([agent], timeouts_s={"news": PATIENCE_S})
        try:
            return [(await panel.ask(BTC, NOW + k))[0] for k in range(n)]
        finally:
            await models.aclose()
            if mode == "live":
                assert models.spent()["news"]["day"][0] <= LIMIT


@pytest.mark.parametrize("kind", list(ModelFaultKind))
async def test_agent_abstains_with_a_reason_and_so_does_its_replay(
    tmp_path: Path, kind: ModelFaultKind
) -> None:
    seconds = 0.05 if kind is ModelFaultKind.LATENCY else 0.0
    n = 1 if kind is ModelFaultKind.HANG else 3
    server = ModelServer(says, faults=[ModelFault(kind=kind, seconds=seconds)])
    async with serve(server) as addresses:
        live = await ask(tmp_path, addresses.openai, "live", n=n)
    n_asked = server.n_asked
    if not WORDS[kind]:
        assert all(isinstance(each, Opinion) for each in live)
    for each in live if WORDS[kind] else ():
        assert isinstance(each, Abstention), each
        assert WORDS[kind] in each.reason, each.reason
        assert not re.search(r"[\n\r\x1b]", each.reason)
    assert await ask(tmp_path, "http://127.0.0.1:9/v1", "replay", n=n) == live
    assert server.n_asked == n_asked


@pytest.mark.parametrize("kind", [each for each in ModelFaultKind if each not in "hang not_json"])
async def test_fallback_speaks_where_the_first_model_fails(
    tmp_path: Path, kind: ModelFaultKind
) -> None:
    fault = ModelFault(kind=kind, model="small", seconds=0.05)
    async with serve(ModelServer(says, faults=[fault])) as addresses:
        live = await ask(tmp_path, addresses.openai, "live", ("mine:other",))
    assert all(isinstance(each, Opinion) for each in live), live
    assert await ask(tmp_path, "http://127.0.0.1:9/v1", "replay", ("mine:other",)) == live


async def test_burst_of_failures_is_outlived_by_retries(tmp_path: Path) -> None:
    faults = [
        ModelFault(kind=ModelFaultKind.STATUS, status=429, retry_after_s=0.1, count=1),
        ModelFault(kind=ModelFaultKind.DROP, count=1, after=3),
    ]
    async with serve(ModelServer(says, faults=faults)) as addresses:
        live = await ask(tmp_path, addresses.openai, "live")
    assert all(isinstance(each, Opinion) for each in live), live
