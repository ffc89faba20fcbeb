"""Providers as agents see them: one port over four dialects, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from pydantic import SecretStr

from tutti.adapters.llm.by_http.anthropic import AnthropicDialect
from tutti.adapters.llm.by_http.catalogue import KINDS, provider_of
from tutti.adapters.llm.by_http.client import Connections, HttpModel, Provider
from tutti.adapters.llm.by_http.gemini import GeminiDialect
from tutti.adapters.llm.by_http.openai import OpenAIDialect
from tutti.adapters.llm.by_http.openrouter import OpenRouterDialect
from tutti.agents.llm.counting import at_most
from tutti.agents.llm.port import Call, Declined, Unanswered
from tutti.agents.llm.schema import answer_schema
from tutti.model.errors import ConfigError, ModelBusy, ModelDown, ModelError, ModelRefused
from tutti.testing.models import (
    Failing,
    ModelFault,
    ModelFaultKind,
    ModelServer,
    Question,
    always,
    in_turn,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = "sk-secret-0123456789abcdef"
SCHEMA = answer_schema(["t1", "t2"])
SPOKEN = ("openai", "anthropic", "gemini", "ollama")


def call(provider: str = "openai", name: str = "small", **terms: Any) -> Call:
    asked: dict[str, Any] = {
        "agent": "news",
        "as_of": 0,
        "system": "Be brief.",
        "user": "BTC?",
        "schema": SCHEMA,
    }
    return Call(model=f"{provider}:{name}", **(asked | terms))


def price(model: str, given: int, made: int, cached: int = 0) -> Decimal | None:
    return None if "unpriced" in model else Decimal(given - cached + 10 * made) / 1000


@asynccontextmanager
async def opened(
    server: ModelServer, kind: str = "openai", *, timeout_s: float = 5.0, key: str = KEY
) -> AsyncIterator[HttpModel]:
    connections = Connections()
    async with serve(server) as addresses:
        url = getattr(addresses, kind)
        provider = provider_of(kind, kind, url, lambda _: SecretStr(key))
        try:
            yield HttpModel(provider, connections, price, timeout_s=timeout_s)
        finally:
            await connections.close()


async def failure(model: HttpModel, asked: Call | None = None) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.answer(asked or call())
    return caught.value


# ---- answers ----


@pytest.mark.parametrize("kind", KINDS)
async def test_each_provider_is_asked_and_understood(kind: str) -> None:
    server = ModelServer(always('{"bias": 1}', input_tokens=70, output_tokens=9), keys=[KEY])
    async with opened(server, kind) as model:
        answer = await model.answer(call(kind, seed=3, temperature=0.5))
    (asked,) = server.questions
    assert (asked.model, asked.system, asked.user) == ("small", "Be brief.", "BTC?")
    assert (asked.temperature, asked.max_output_tokens, asked.key) == (0.5, 400, KEY)
    assert asked.seed == (None if kind == "anthropic" else 3)
    assert asked.schema is not None
    assert set(asked.schema["properties"]) == set(json.loads(SCHEMA)["properties"])
    assert (answer.text, answer.model) == ('{"bias": 1}', f"{kind}:small")
    assert (answer.input_tokens, answer.output_tokens) == (70, 9)
    assert (answer.cost_usd, answer.is_priced) == (Decimal("0.16"), True)
    assert 0 < answer.latency < 5_000_000_000
    assert answer.is_recorded is False


@pytest.mark.parametrize("kind", SPOKEN)
async def test_answer_made_up_for_the_agents_schema_fits_it(kind: str) -> None:
    async with opened(ModelServer(), kind) as model:
        said = json.loads((await model.answer(call(kind))).text)
    assert set(said) == {"bias", "confidence", "rationale", "horizon_hours", "sources"}


async def test_free_text_without_a_system_prompt_is_asked_for_as_such() -> None:
    for kind in SPOKEN:
        server = ModelServer(always("fine"))
        async with opened(server, kind) as model:
            assert (await model.answer(call(kind, schema="", system=""))).text == "fine"
        assert (server.questions[0].schema, server.questions[0].system) == (None, "")


async def test_model_of_no_known_price_costs_nothing_and_says_so() -> None:
    async with opened(ModelServer()) as model:
        answer = await model.answer(call(name="unpriced"))
    assert (answer.cost_usd, answer.is_priced) == (Decimal(0), False)


async def test_adapter_of_a_lora_is_a_model_like_any_other() -> None:
    server = ModelServer(models=["llama-3-8b", "my-lora"])
    async with opened(server) as model:
        await model.answer(call(name="my-lora"))
        error = await failure(model, call(name="my-lora-2"))
    assert "404 The model `my-lora-2` does not exist." in str(error)


async def test_names_with_colons_and_slashes_reach_the_provider_whole() -> None:
    server = ModelServer()
    async with opened(server, "ollama") as model:
        await model.answer(call("ollama", "qwen3:8b"))
    async with opened(server, "openrouter") as model:
        await model.answer(call("openrouter", "openai/gpt-5-mini:nitro"))
    assert [each.model for each in server.questions] == ["qwen3:8b", "openai/gpt-5-mini:nitro"]


async def test_hundreds_of_calls_are_in_flight_at_once() -> None:
    server = ModelServer(latency_s=0.3)
    async with opened(server) as model, asyncio.TaskGroup() as group:
        for _ in range(200):
            group.create_task(model.answer(call()))
    assert server.most_in_flight == 200


# ---- what a model does not take is left out ----


def _fussy(word: str, message: str) -> Any:
    def script(asked: Question) -> str:
        settings = asked.body.get("generationConfig", {}) | asked.body
        if word in settings:
            raise Failing(400, message)
        return "{}"

    return script


@pytest.mark.parametrize(
    ("kind", "name", "word", "message"),
    [
        ("openai", "m", "temperature", "Unsupported value: 'temperature' does not support 0."),
        ("openai", "m", "seed", "Unrecognized request argument supplied: seed"),
        ("openai", "m", "max_tokens", "Unsupported parameter: 'max_tokens'"),
        ("openrouter", "m", "reasoning", "Reasoning is mandatory for this endpoint."),
        ("anthropic", "m", "temperature", "`temperature` is deprecated for this model."),
        ("anthropic", "m", "output_config", "output_config.format: not supported"),
        ("gemini", "m", "seed", "seed is not supported"),
        ("gemini", "gemini-3-pro", "thinkingConfig", "Thinking level is not supported."),
        ("gemini", "m", "responseJsonSchema", 'Unknown name "responseJsonSchema"'),
        ("ollama", "m", "think", '"m" does not support thinking'),
    ],
)
async def test_field_that_a_model_refuses_is_left_out_from_then_on(
    kind: str, name: str, word: str, message: str
) -> None:
    server = ModelServer(_fussy(word, message))
    async with opened(server, kind) as model:
        for _ in range(2):
            assert (await model.answer(call(kind, name, seed=1))).text == "{}"
    sent = [asked.body.get("generationConfig", {}) | asked.body for asked in server.questions]
    assert [word in each for each in sent] == [True, False, False]
    if word == "max_tokens":
        assert sent[1]["max_completion_tokens"] == 400


async def test_schema_is_asked_for_as_json_where_schemas_are_not_known() -> None:
    def script(asked: Question) -> str:
        if asked.body["response_format"]["type"] == "json_schema":
            raise Failing(400, "This response_format type is unavailable now")
        return "{}"

    async with opened(ModelServer(script)) as model:
        assert (await model.answer(call())).text == "{}"


async def test_fault_in_the_schema_itself_is_not_hidden_by_leaving_it_out() -> None:
    async with opened(ModelServer()) as model:
        error = await failure(model, call(schema='{"type": "object", "properties": {}}'))
    assert isinstance(error, ModelRefused)
    assert "Invalid schema" in str(error)


async def test_calls_side_by_side_learn_from_each_other() -> None:
    server = ModelServer(_fussy("temperature", "no temperature here"), latency_s=0.02)
    async with opened(server) as model, asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(model.answer(call()))
    assert len(server.questions) == 20


async def test_model_that_refuses_everything_is_asked_a_few_times_only() -> None:
    async with opened(server := ModelServer(in_turn([Failing(400, "temperature seed")]))) as model:
        error = await failure(model)
    assert isinstance(error, ModelRefused)
    assert len(server.questions) <= 6


def test_models_of_openai_that_think_are_told_to_be_quick_about_it() -> None:
    dialect = OpenAIDialect("https://x", is_original=True)

    def body(name: str, refused: tuple[str, ...] = ()) -> dict[str, Any]:
        return dialect.request(call(name=name), name, refused).body

    assert body("gpt-4o")["temperature"] == 0.0
    assert "reasoning_effort" not in body("gpt-4o")
    assert "temperature" not in body("gpt-5-mini")
    assert body("gpt-5-mini")["reasoning_effort"] == "minimal"
    assert body("gpt-5.1")["reasoning_effort"] == "none"
    assert body("o4-mini", ("reasoning_effort",))["reasoning_effort"] == "low"
    assert "reasoning_effort" not in body("o4-mini", ("reasoning_effort", "reasoning_effort"))
    assert "reasoning_effort" not in body("gpt-5-chat-latest")
    assert body("gpt-4o")["max_completion_tokens"] == 400
    assert body("gpt-4o", ("max_completion_tokens",))["max_tokens"] == 400


def test_models_of_anthropic_that_think_are_told_to_be_quick_about_it() -> None:
    dialect = AnthropicDialect()

    def body(name: str, *refused: str) -> dict[str, Any]:
        return dialect.request(call(name=name), name, refused).body

    assert "thinking" not in body("claude-sonnet-4-5")
    assert body("claude-sonnet-4-5")["temperature"] == 0.0
    quick = body("claude-haiku-5-5")
    assert (quick["thinking"], quick["output_config"]["effort"]) == ({"type": "disabled"}, "low")
    assert "temperature" not in quick
    assert body("claude-sonnet-5-5", "thinking")["thinking"] == {"type": "between_tools"}
    bare = body("claude-opus-5-5", "thinking", "thinking", "effort")
    assert "thinking" not in bare
    assert set(bare["output_config"]) == {"format"}
    assert "output_config" not in body("claude-opus-5-5", "effort", "output_config")


async def test_older_version_of_an_api_that_is_gone_is_left_for_the_newer() -> None:
    versions: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        versions.append(request.headers.get("anthropic-version"))
        if versions[-1] == "2023-06-01":
            error = {"type": "invalid_request_error", "message": "anthropic-version: retired"}
            return web.json_response({"type": "error", "error": error}, status=400)
        assert "temperature" not in await request.json()
        said = [{"type": "text", "text": "x"}]
        usage = {"input_tokens": 1, "output_tokens": 1}
        return web.json_response({"content": said, "stop_reason": "end_turn", "usage": usage})

    async with _plain(answer, AnthropicDialect()) as model:
        for _ in range(2):
            assert (await model.answer(call())).text == "x"
    assert versions == ["2023-06-01", "2026-10-21", "2026-10-21"]


async def test_gemini_is_told_to_think_as_little_as_it_can() -> None:
    server = ModelServer()
    async with opened(server, "gemini") as model:
        for name in ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash", "gemini-2.0-flash"):
            await model.answer(call("gemini", name))
    said = [asked.body["generationConfig"].get("thinkingConfig") for asked in server.questions]
    assert said == [
        {"thinkingBudget": 0},
        {"thinkingBudget": 128},
        {"thinkingLevel": "low"},
        None,
    ]


# ---- failures ----


@pytest.mark.parametrize("kind", SPOKEN)
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ModelRefused),
        (401, ModelRefused),
        (403, ModelRefused),
        (404, ModelRefused),
        (413, ModelRefused),
        (408, Unanswered),
        (429, ModelBusy),
        (500, ModelDown),
        (503, ModelDown),
        (529, ModelDown),
    ],
)
async def test_status_means_the_reaction_it_asks_for(
    kind: str, status: int, expected: type[ModelError]
) -> None:
    fault = ModelFault(kind=ModelFaultKind.STATUS, status=status)
    async with opened(ModelServer(faults=[fault]), kind) as model:
        error = await failure(model, call(kind))
    assert type(error) is expected
    assert str(error) == f"{kind}:small: {status} The server answered with {status}, on command."


@pytest.mark.parametrize("kind", SPOKEN)
@pytest.mark.parametrize("status", [429, 503])
async def test_busy_provider_says_when_to_come_back(kind: str, status: int) -> None:
    fault = ModelFault(kind=ModelFaultKind.STATUS, status=status, retry_after_s=2.5)
    async with opened(ModelServer(faults=[fault]), kind) as model:
        error = await failure(model, call(kind))
    assert isinstance(error, ModelBusy)
    assert error.retry_after_s == 2.5


async def test_busy_provider_that_names_no_time_is_left_alone_for_a_second() -> None:
    async with opened(ModelServer(in_turn([Failing(429)]))) as model:
        error = await failure(model)
    assert isinstance(error, ModelBusy)
    assert error.retry_after_s == 1.0


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        (
            {
                "Date": "Wed, 21 Oct 2026 07:27:30 GMT",
                "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
        ),
        (
            {
                "Date": "Wed, 21 Oct 2026 07:29:00 GMT",
                "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            0.0,
        ),
        ({"Date": "soon", "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1.0),
        ({"Retry-After": "in a minute"}, 1.0),
        ({"Retry-After": "nan"}, 1.0),
        ({"Retry-After": "inf"}, 1.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "2.5"}, 2.5),
    ],
)
async def test_busy_provider_names_seconds_or_a_date_or_nothing_of_use(
    headers: dict[str, str], wait: float
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "busy"}}, status=429, headers=headers)

    async with _plain(answer) as model:
        error = await failure(model)
    assert isinstance(error, ModelBusy)
    assert error.retry_after_s == wait


@pytest.mark.parametrize("status", [408, 504, 524])
async def test_what_a_gateway_gave_up_may_be_charged(status: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text="gateway timeout", headers={"Retry-After": "1"})

    async with _plain(answer) as model:
        assert isinstance(await failure(model), Unanswered)


@pytest.mark.parametrize("body", [b'{"choices": "\xff"}', b"data: {}\n\n", b"", b"[]"])
async def test_body_that_is_no_answer_may_be_charged(body: bytes) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async with _plain(answer) as model:
        assert isinstance(await failure(model), Unanswered)


@pytest.mark.parametrize(
    "kind", [ModelFaultKind.DROP, ModelFaultKind.CUT, ModelFaultKind.HTML, ModelFaultKind.MALFORMED]
)
async def test_what_came_back_broken_may_be_charged(kind: ModelFaultKind) -> None:
    async with opened(ModelServer(faults=[ModelFault(kind=kind)])) as model:
        assert isinstance(await failure(model), Unanswered)


async def test_provider_that_hangs_is_given_up() -> None:
    server = ModelServer(faults=[ModelFault(kind=ModelFaultKind.HANG)])
    async with opened(server, timeout_s=0.1) as model:
        error = await failure(model)
    assert isinstance(error, Unanswered)
    assert "no answer in 0.1 s" in str(error)


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
async def test_refusal_is_charged_and_not_retried(kind: str) -> None:
    script = always("I can't help with that.", is_refusal=True, input_tokens=70, output_tokens=0)
    async with opened(ModelServer(script), kind) as model:
        error = await failure(model, call(kind))
    assert isinstance(error, Declined)
    assert "refused: " in str(error)
    assert (error.input_tokens, error.output_tokens, error.cost_usd) == (70, 0, Decimal("0.07"))


@pytest.mark.parametrize("kind", SPOKEN)
async def test_answer_that_was_cut_says_what_to_raise(kind: str) -> None:
    async with opened(ModelServer(always("x" * 9999)), kind) as model:
        error = await failure(model, call(kind))
        text = (await model.answer(call(kind, schema=""))).text
    assert isinstance(error, Declined)
    assert "used up its 400 output tokens" in str(error)
    assert len(text) == 1600


@pytest.mark.parametrize("kind", SPOKEN)
async def test_empty_answer_is_none(kind: str) -> None:
    async with opened(ModelServer(always(" ")), kind) as model:
        assert "said nothing" in str(await failure(model, call(kind)))


async def test_provider_that_is_not_there_is_down_and_an_impossible_one_refused() -> None:
    connections = Connections()
    gone = Provider(name="p", dialect=OpenAIDialect("x"), url="http://127.0.0.1:9/v1")
    wrong = Provider(name="p", dialect=OpenAIDialect("x"), url="http://[no/v1")
    try:
        down = await failure(HttpModel(gone, connections, price))
        refused = await failure(HttpModel(wrong, connections, price))
    finally:
        await connections.close()
    assert type(down) is ModelDown
    assert "can't be reached" in str(down)
    assert isinstance(refused, ModelRefused)


async def test_failure_inside_an_answer_of_200_is_read_from_its_body() -> None:
    bodies: list[Any] = [
        {"error": {"code": 429, "message": "busy upstream"}},
        {"error": {"message": "no code"}},
        {"error": "just words"},
    ]

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(bodies.pop(0))

    async with _plain(answer) as model:
        kinds = [type(await failure(model)) for _ in range(3)]
    assert kinds == [ModelBusy, ModelDown, ModelDown]


async def test_account_with_nothing_left_is_refused_though_the_status_says_busy() -> None:
    async def answer(request: web.Request) -> web.Response:
        error = {"message": "You exceeded your quota", "code": "insufficient_quota"}
        return web.json_response({"error": error}, status=429)

    async with _plain(answer) as model:
        assert type(await failure(model)) is ModelRefused


async def test_redirect_is_not_followed_with_a_key() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPFound("/elsewhere")

    async with _plain(answer) as model:
        error = await failure(model)
    assert "correct the url" in str(error)
    assert asked == ["/v1/chat/completions"]


async def test_cost_that_the_provider_names_is_taken_and_cached_tokens_cost_less() -> None:
    said: dict[str, Any] = {
        "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "cost": 0.00123},
    }

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(said, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})

    async with _plain(answer) as model:
        named = await model.answer(call())
        said["usage"] = {"prompt_tokens": 100, "completion_tokens": 10}
        said["usage"]["prompt_tokens_details"] = {"cached_tokens": 80}
        cached = await model.answer(call())
    assert named.cost_usd == Decimal("0.00123")
    assert cached.cost_usd == Decimal("0.12")


@pytest.mark.parametrize(
    ("told", "who"),
    [
        ("small", "openai:small"),
        (None, "openai:small"),
        ("small-2024-08-06", "openai:small-2024-08-06"),
        ("other/large", "openai:other/large"),
    ],
)
async def test_answer_bears_the_name_of_who_the_provider_says_has_answered(
    told: str | None, who: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        choice = {"message": {"content": "x"}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": {}, "model": told})

    async with _plain(answer) as model:
        assert (await model.answer(call())).model == who
    async with _plain(answer, aliases=["openai:small"]) as model:
        assert (await model.answer(call())).model == "openai:small"


def _router(fees: list[tuple[float, float, float]]) -> Any:
    """Return a handler that asks the dearest of who serves, as far as it is allowed to."""

    async def answer(request: web.Request) -> web.Response:
        most = (await request.json()).get("provider", {}).get("max_price", {})
        names = ("prompt", "completion", "request")
        allowed = [
            each
            for each in fees
            if all(fee <= most.get(name, fee) for name, fee in zip(names, each, strict=True))
        ]
        if not allowed:
            told = {"error": {"code": 404, "message": "No endpoints found within max_price"}}
            return web.json_response(told, status=404)
        given, made, fee = max(allowed)
        usage = {"prompt_tokens": 60, "completion_tokens": 400}
        cost = (60 * given + 400 * made) / 1e6 + fee
        choice = {"message": {"content": "x"}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": usage | {"cost": cost}})

    return answer


async def test_router_asks_nobody_who_takes_more_than_was_reserved() -> None:
    reserved = 1000.0, 10_000.0, 0.0  # USD a million tokens, as `price` has it
    dear = [(1000.5, 10_000.0, 0.0), (1000.0, 10_001.0, 0.0), (1000.0, 10_000.0, 0.5)]
    cheap = 500.0, 9000.0, 0.0
    async with _plain(_router([cheap, reserved, *dear]), OpenRouterDialect("x")) as model:
        asked = call("openrouter")
        most = price("openrouter:small", at_most(asked), asked.max_output_tokens)
        assert most is not None
        assert most > (await model.answer(asked)).cost_usd == Decimal("4.06")
    async with _plain(_router(dear), OpenRouterDialect("x")) as model:
        assert isinstance(error := await failure(model), ModelRefused)
        assert "No endpoints found within max_price" in str(error)


async def test_router_is_told_the_prices_of_the_longest_prompt_where_they_hang_on_its_length() -> (
    None
):
    def tiered(model: str, given: int, made: int, cached: int = 0) -> Decimal | None:
        return Decimal(given) * (3 if given > 500 else 1) / 10**6 + Decimal(made) / 10**5

    server, connections = ModelServer(), Connections()
    async with serve(server) as addresses:
        provider = Provider(name="p", dialect=OpenRouterDialect(), url=addresses.openrouter)
        model = HttpModel(provider, connections, tiered)
        await model.answer(call(schema=""))
        await model.answer(call(schema="", user="x" * 600))
        await connections.close()
    bounds = [each.body["provider"]["max_price"] for each in server.questions]
    assert bounds[0] == {"prompt": 1.0, "completion": 10.0, "request": 0.0}
    assert bounds[1] == {"prompt": 3.0, "completion": 10.0, "request": 0.0}


async def test_only_a_router_is_told_a_price_and_only_a_known_one() -> None:
    server = ModelServer()
    for kind in KINDS:
        async with opened(server, kind) as model:
            await model.answer(call(kind, "unpriced"))
            await model.answer(call(kind))
    told = [each.model for each in server.questions if "provider" in each.body]
    assert told == ["small"]


@pytest.mark.parametrize(
    ("details", "cost"),
    [
        ({"upstream_inference_cost": 0.02}, Decimal("0.021")),
        ({}, Decimal("0.2")),
        (None, Decimal("0.2")),
    ],
)
async def test_cost_at_the_models_maker_counts_where_the_key_is_ones_own(
    details: dict[str, float] | None, cost: Decimal
) -> None:
    usage = {
        "prompt_tokens": 100, "completion_tokens": 10, "cost": 0.001, "is_byok": True,
        "cost_details": details,
    }  # fmt: skip

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"choices": [{"message": {"content": "x"}}], "usage": usage})

    async with _plain(answer) as model:
        assert (await model.answer(call())).cost_usd == cost


async def test_answer_without_a_count_of_tokens_has_no_known_cost() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"choices": [{"message": {"content": "x"}}]})

    async with _plain(answer) as model:
        told = await model.answer(call())
    assert (told.cost_usd, told.is_priced) == (Decimal(0), False)


async def test_answer_that_its_provider_broke_off_is_none() -> None:
    async def answer(request: web.Request) -> web.Response:
        choice = {"message": {"content": '{"bias": 1'}, "finish_reason": "error"}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 5}})

    async with _plain(answer) as model:
        assert isinstance(await failure(model), Unanswered)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, Declined),
        ({"promptFeedback": {}, "usageMetadata": {"promptTokenCount": 5}}, Unanswered),
        ({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}, Declined),
    ],
)
async def test_gemini_that_blocks_a_prompt_need_not_count(
    body: dict[str, Any], kind: type[ModelError]
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(body)

    async with _plain(answer, GeminiDialect()) as model:
        assert type(await failure(model)) is kind


def test_gemini_leaves_out_a_count_of_nothing() -> None:
    said = GeminiDialect().read(
        {
            "candidates": [{"content": {"parts": [{"text": "x"}]}}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": None},
        }
    )
    assert (said.text, said.input_tokens, said.output_tokens) == ("x", 3, 0)


async def test_filtered_answer_is_declined() -> None:
    async def answer(request: web.Request) -> web.Response:
        choice = {"message": {"content": ""}, "finish_reason": "content_filter"}
        return web.json_response({"choices": [choice], "usage": {}})

    async with _plain(answer) as model:
        assert "its content filter" in str(await failure(model))


@asynccontextmanager
async def _plain(handler: Any, dialect: Any = None, **terms: Any) -> AsyncIterator[HttpModel]:
    application = web.Application()
    application.router.add_post("/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    connections = Connections()
    spoken = dialect or OpenAIDialect("x")
    url = f"http://{host}:{port}/v1"
    provider = Provider(name="p", dialect=spoken, url=url, key=SecretStr(KEY))
    try:
        yield HttpModel(provider, connections, price, **terms)
    finally:
        await connections.close()
        await runner.cleanup()


# ---- secrets ----


@pytest.mark.parametrize("kind", SPOKEN)
async def test_no_part_of_a_key_is_in_what_is_raised(kind: str) -> None:
    async with opened(ModelServer(keys=["another"]), kind) as model:
        error = await failure(model, call(kind))
    assert "[hidden]" in str(error)
    assert not any(part in f"{error}{error!r}" for part in ("sk-", "cdef", "secret"))


async def test_whole_key_that_a_provider_repeats_is_hidden() -> None:
    secret = "plain looking words"
    script = in_turn([Failing(401, f"bad: {secret}\n and\x1b[31m more {'x' * 400}")])
    async with opened(ModelServer(script), key=secret) as model:
        told = str(await failure(model))
    assert "bad: [hidden] and?[31m more xxx" in told
    assert told.endswith("...")
    assert len(told) < 340


# ---- providers ----


def test_provider_without_its_key_or_with_a_wrong_url_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"TUTTI_OPENAI_API_KEY.*llm.providers.openai.key"):
        provider_of("openai", "openai", "", lambda _: None)
    with pytest.raises(ConfigError, match="must begin with http"):
        provider_of("mine", "openai", "127.0.0.1:8000", lambda _: None)
    with pytest.raises(ConfigError, match="no provider is of kind 'vllm'"):
        provider_of("mine", "vllm", "http://x", lambda _: None)


def test_server_of_ones_own_needs_no_key() -> None:
    provider = provider_of("vllm", "openai", "http://127.0.0.1:8000/v1/", lambda _: None)
    assert (provider.url, provider.key) == ("http://127.0.0.1:8000/v1", None)
    assert provider_of("ollama", "ollama", "", lambda _: None).url == "http://127.0.0.1:11434"
    hosted = provider_of("gemini", "gemini", "", lambda _: SecretStr("k"))
    assert hosted.url.startswith("https://generativelanguage")


def test_call_of_the_same_words_is_sent_the_same() -> None:
    dialect = OpenAIDialect("https://x")
    one, two = (msgspec.json.encode(dialect.request(call(), "m", ()).body) for _ in range(2))
    assert one == two


async def test_connections_open_again_after_they_were_closed() -> None:
    connections = Connections()
    await connections.close()
    first = connections.session()
    assert connections.session() is first
    await connections.close()
    assert isinstance(connections.session(), aiohttp.ClientSession)
    await connections.close()
