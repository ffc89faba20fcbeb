"""Language models as the configuration has them, against fake providers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import pytest_socket

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.agents.llm.port import Call
from tutti.app.llm import Asker, LanguageModels, open_records, prices_of, provider_settings
from tutti.app.llm_estimate import CallCollector, estimate
from tutti.app.settings import AgentSettings, Config
from tutti.kernel.clock import LiveClock, SimulatedClock
from tutti.model.errors import BudgetSpent, ConfigError, ModelDown, ModelRefused, NotRecorded
from tutti.testing.models import (
    Failing,
    ModelFault,
    ModelFaultKind,
    ModelServer,
    Question,
    always,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tutti.agents.llm.recorded import Mode

KEYS = {"TUTTI_OPENAI_API_KEY": "k"}


def config(url: str = "", **provider: Any) -> Config:
    settings = {"url": url, "input_usd_per_million": 1, "output_usd_per_million": 2}
    return Config.model_validate({"llm": {"providers": {"mine": settings | provider}}})


def agent(**terms: Any) -> AgentSettings:
    return AgentSettings.model_validate({"name": "news", "model": "mine:small", **terms})


def call(**terms: Any) -> Call:
    asked: dict[str, Any] = {"agent": "news", "as_of": 5, "model": "mine:small"}
    return Call(**(asked | {"system": "s", "user": "u"} | terms))


class Counted:
    """Metrics in memory."""

    def __init__(self) -> None:
        self.tokens = 0
        self.usd = Decimal(0)

    def used(self, agent_name: str, tokens: int, usd: Decimal) -> None:
        self.tokens += tokens
        self.usd += usd


@asynccontextmanager
async def opened(
    server: ModelServer, path: Path, mode: Mode = "live", metrics: Counted | None = None
) -> AsyncIterator[LanguageModels]:
    async with serve(server) as addresses:
        with open_records(path / "llm.sqlite", mode) as records:
            models = LanguageModels(
                config(addresses.openai),
                mode=mode,
                records=records,
                clock=LiveClock(),
                metrics=metrics,
                environment={},
            )
            try:
                yield models
            finally:
                await models.aclose()


async def test_agent_is_answered_recorded_and_counted(tmp_path: Path) -> None:
    server, metrics = ModelServer(lambda _: "up"), Counted()
    async with opened(server, tmp_path, metrics=metrics) as models:
        answer = await models(agent()).answer(call())
    assert (answer.text, answer.is_priced) == ("up", True)
    assert metrics.tokens == answer.input_tokens + answer.output_tokens == 3
    assert metrics.usd == answer.cost_usd == Decimal("0.000004")
    async with opened(server, tmp_path, "replay") as models:
        again = await models(agent()).answer(call())
        with pytest.raises(NotRecorded):
            await models(agent()).answer(call(user="else"))
    assert (again.text, again.latency, again.is_recorded) == ("up", answer.latency, True)
    assert server.n_asked == 1


async def test_record_asks_what_is_not_on_record_only(tmp_path: Path) -> None:
    server = ModelServer()
    for _ in range(2):
        async with opened(server, tmp_path, "record") as models:
            await models(agent()).answer(call())
            await models(agent()).answer(call(as_of=6))
    assert server.n_asked == 1


async def test_busy_model_is_asked_again_and_a_dead_one_replaced(tmp_path: Path) -> None:
    faults = [
        ModelFault(kind=ModelFaultKind.STATUS, status=429, retry_after_s=0.05, count=1),
        ModelFault(kind=ModelFaultKind.STATUS, status=503, model="dead"),
    ]
    server = ModelServer(lambda asked: asked.model, faults=faults)
    async with opened(server, tmp_path) as models:
        model = models(agent(retries=1))
        assert (await model.answer(call())).text == "small"
        both = models(agent(model="mine:dead", fallback=["mine:dead", "mine:small"], retries=0))
        answer = await both.answer(call(model="mine:dead"))
        assert models.states()["news"] == {"mine:small": "closed", "mine:dead": "closed"}
    assert (answer.text, answer.model) == ("small", "mine:small")
    assert answer.call == call(model="mine:dead").key


async def test_breaker_keeps_a_dead_provider_from_being_asked(tmp_path: Path) -> None:
    server = ModelServer(faults=[ModelFault(kind=ModelFaultKind.STATUS)])
    async with opened(server, tmp_path) as models:
        model = models(agent(retries=0))
        for k in range(8):
            with pytest.raises(ModelDown):
                await model.answer(call(as_of=k))
        assert models.states() == {"news": {"mine:small": "open"}}
    assert server.n_asked == 5


async def test_budget_is_never_exceeded_and_outlives_a_restart(tmp_path: Path) -> None:
    server = ModelServer(lambda _: "x" * 40)
    settings = agent(budget={"tokens_per_day": 3_000, "usd_per_day": 1})
    spent = 0
    for _ in range(2):
        async with opened(server, tmp_path) as models:
            model = models(settings)

            async def ask(k: int, model: Any = model) -> None:
                nonlocal spent
                try:
                    answer = await model.answer(call(as_of=k, user=f"{k}", max_output_tokens=50))
                except BudgetSpent:
                    return
                spent += answer.input_tokens + answer.output_tokens

            async with asyncio.TaskGroup() as group:
                for k in range(200):
                    group.create_task(ask(k))
            for k in range(200, 600):
                await ask(k)
            assert models.spent()["news"]["day"][0] == spent <= 3_000
    assert spent > 3_000 - 120


async def test_agent_that_is_made_anew_spends_from_the_same_budget(tmp_path: Path) -> None:
    server = ModelServer(always("x", input_tokens=70, output_tokens=9))
    async with opened(server, tmp_path) as models:
        before = models(agent(budget={"tokens_per_day": 470}))
        after = models(agent(budget={"tokens_per_day": 480}))
        await after.answer(call())
        with pytest.raises(BudgetSpent, match="480 tokens"):
            await before.answer(call(user="again"))


def test_money_limit_needs_a_price(tmp_path: Path) -> None:
    unpriced = Config.model_validate({"llm": {"providers": {"mine": {"url": "http://x/v1"}}}})
    with SqliteCallRecords(tmp_path / "llm.sqlite") as records:
        models = LanguageModels(unpriced, mode="live", records=records, clock=SimulatedClock())
        with pytest.raises(ConfigError, match=r"llm\.providers\.mine\.input_usd_per_million"):
            models(agent(budget={"usd_per_day": 1}))
        models(agent(budget={"tokens_per_day": 1}))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("gpt-5-mini", "provider:name"),
        ("openai:", "provider:name"),
        ("nobody:x", "no provider is called 'nobody'; there are mine, openai"),
        ("anthropic:claude", "TUTTI_ANTHROPIC_API_KEY"),
    ],
)
def test_model_that_cannot_be_asked_stops_the_start(tmp_path: Path, model: str, words: str) -> None:
    with SqliteCallRecords(tmp_path / "llm.sqlite") as records:
        models = LanguageModels(
            config("http://x/v1"),
            mode="live",
            records=records,
            clock=SimulatedClock(),
            environment=KEYS,
        )
        with pytest.raises(ConfigError, match=words):
            models(agent(model=model))
        models(agent(model="openai:gpt-5-mini"))


async def test_missing_key_stops_nothing_that_is_on_record(tmp_path: Path) -> None:
    with SqliteCallRecords(tmp_path / "llm.sqlite") as records:
        models = LanguageModels(
            Config(), mode="record", records=records, clock=SimulatedClock(), environment={}
        )
        model = models(agent(model="openai:gpt-5-mini", retries=0))
        with pytest.raises(ModelRefused, match="there is no key for openai"):
            await model.answer(call(model="openai:gpt-5-mini"))


def test_place_of_keys_that_is_none_stops_the_start_in_any_mode(tmp_path: Path) -> None:
    with SqliteCallRecords(tmp_path / "llm.sqlite") as records:
        models = LanguageModels(
            config("http://x/v1", key="none"), mode="record", records=records,
            clock=SimulatedClock(),
        )  # fmt: skip
        with pytest.raises(ConfigError, match=r"llm\.providers\.mine\.key: keys: 'none' names no"):
            models(agent())


async def test_agent_without_a_model_is_told_so(tmp_path: Path) -> None:
    with SqliteCallRecords(tmp_path / "llm.sqlite") as records:
        models = LanguageModels(Config(), mode="live", records=records, clock=SimulatedClock())
        with pytest.raises(ModelRefused, match="set model of agent news"):
            await models(agent(model="")).answer(call())


async def test_late_answer_is_late_again_in_the_replay(tmp_path: Path) -> None:
    def script(asked: Question) -> str:
        raise Failing(500)

    server = ModelServer(script, latency_s=0.5)
    async with opened(server, tmp_path) as models:
        model = models.of(Asker(name="news", model="mine:small", timeout_s=0.1))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await model.answer(call())
    with open_records(tmp_path / "llm.sqlite", "replay") as records:
        kept = list(records.outcomes())
    assert [each.outcome.kind for each in kept] == ["late"]


async def test_replay_opens_no_socket_and_reads_no_key(tmp_path: Path) -> None:
    async with opened(ModelServer(lambda _: "up"), tmp_path) as models:
        await models(agent()).answer(call())
    key = tmp_path / "keys.yaml"
    unreadable = config("http://127.0.0.1:9/v1", key=f"file:{key}")
    with open_records(tmp_path / "llm.sqlite", "replay") as records:
        models = LanguageModels(unreadable, mode="replay", records=records, clock=LiveClock())
        pytest_socket.disable_socket(allow_unix_socket=True)
        try:
            said = await models(agent(budget={"tokens_per_day": 1})).answer(call())
        finally:
            pytest_socket.enable_socket()
            await models.aclose()
    assert said.text == "up"
    with open_records(tmp_path / "llm.sqlite", "record") as records:
        models = LanguageModels(unreadable, mode="live", records=records, clock=LiveClock())
        with pytest.raises(ConfigError, match=r"keys\.yaml"):
            models(agent())


def test_replay_of_no_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--llm record"):
        open_records(tmp_path / "llm.sqlite", "replay")


def test_provider_named_like_a_kind_is_of_that_kind() -> None:
    told = {"anthropic": {"key": "keyring"}, "gemini": {"kind": "openai", "url": "http://x"}}
    configured = Config.model_validate({"llm": {"providers": told}})
    assert provider_settings(configured, "anthropic")[0] == "anthropic"
    assert provider_settings(configured, "gemini")[0] == "openai"
    assert provider_settings(configured, "ollama")[0] == "ollama"
    assert prices_of(configured, LiveClock()).cost("ollama:any", 1, 1) == 0


# ---- estimates ----


def test_estimate_counts_each_call_that_would_be_made() -> None:
    calls = [call(user="u" * 400), call(user="u" * 400, as_of=9), call(model="x:y")]

    def price(model: str, given: int, made: int) -> Decimal | None:
        return None if model == "x:y" else Decimal(given + made)

    class Known:
        def has_answer(self, key: str) -> bool:
            return False

    told = estimate(calls, price)
    once = estimate(calls, price, Known())
    assert (told.n_calls, told.n_recorded, told.unpriced) == (3, 0, ("x:y",))
    assert (told.input_tokens, told.output_tokens) == (2 * 117 + 17, 1200)
    assert [told.usd, told.usd_at_most] == [2 * (117 + 400), 2 * (401 + 64 + 400)]
    assert [once.n_recorded, once.usd] == [1, 117 + 400]


async def test_collector_sees_what_would_be_asked_and_what_is_on_record(tmp_path: Path) -> None:
    async with opened(ModelServer(), tmp_path) as models:
        await models(agent()).answer(call())
        price = models.price_of
    collector = CallCollector()
    model = collector(agent())
    for asked in (call(), call(user="new")):
        with pytest.raises(ModelRefused, match="while the cost is estimated"):
            await model.answer(asked)
    with pytest.raises(ModelRefused, match="no language model"):
        await collector(agent(model="")).answer(call())
    with open_records(tmp_path / "llm.sqlite", "replay") as records:
        record = collector.estimate(price, "record", records)
        live = collector.estimate(price, "live", records)
    assert (record.n_calls, record.n_recorded) == (2, 1)
    assert (live.n_recorded, live.usd) == (0, 2 * record.usd)


def test_call_without_agent_and_instant_has_the_same_key() -> None:
    assert msgspec.structs.replace(call(), agent="", as_of=0).key == call().key
