"""Fake models as a bare HTTP client meets them: dialects, counts, faults, scripts, control."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tutti.model.errors import ConfigError
from tutti.testing.models import (
    Failing,
    ModelFault,
    ModelFaultKind,
    ModelServer,
    Question,
    Reply,
    always,
    fitting,
    in_turn,
    parse_rules,
    serve,
    serve_in_thread,
)
from tutti.testing.models.__main__ import main
from tutti.testing.models.faults import parse_faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "bias": {"type": "number", "minimum": -1, "maximum": 1},
        "stance": {"type": "string", "enum": ["long", "short"]},
        "hours": {"type": "integer", "minimum": 1, "maximum": 9},
        "sources": {"type": "array", "items": {"type": "string"}},
        "is_sure": {"type": "boolean"},
        "note": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        "kind": {"const": "view"},
    },
    "required": ["bias", "stance", "hours", "sources", "is_sure", "note", "kind"],
    "additionalProperties": False,
}
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "BTC?"}]
DIALECTS = ("openai", "gemini", "anthropic", "ollama")


def request(dialect: str, schema: Any = None, limit: int = 400) -> tuple[str, Any, dict[str, str]]:
    """Return path, body and headers of the same question in each dialect."""
    match dialect:
        case "openai":
            body: Any = {"model": "m", "messages": MESSAGES, "max_tokens": limit, "seed": 3}
            if schema:
                told = {"name": "view", "schema": schema, "strict": True}
                body["response_format"] = {"type": "json_schema", "json_schema": told}
            return "/v1/chat/completions", body, {"Authorization": "Bearer k"}
        case "gemini":
            settings: Any = {"maxOutputTokens": limit, "seed": 3}
            if schema:
                settings |= {"responseMimeType": "application/json", "responseJsonSchema": schema}
            body = {
                "systemInstruction": {"parts": [{"text": "Be brief."}]},
                "contents": [{"role": "user", "parts": [{"text": "BTC?"}]}],
                "generationConfig": settings,
            }
            return "/v1beta/models/m:generateContent", body, {"x-goog-api-key": "k"}
        case "anthropic":
            body = {"model": "m", "max_tokens": limit, "system": "Be brief."}
            body["messages"] = [{"role": "user", "content": [{"type": "text", "text": "BTC?"}]}]
            if schema:
                told = {"type": "json_schema", "schema": _unbounded(schema)}
                body["output_config"] = {"format": told}
            headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
            return "/v1/messages", body, headers
        case _:
            body = {"model": "m", "messages": MESSAGES, "stream": False}
            body["options"] = {"num_predict": limit, "seed": 3}
            if schema:
                body["format"] = schema
            return "/api/chat", body, {"Authorization": "Bearer k"}


def _unbounded(schema: Any) -> Any:
    # Anthropic takes no bounds
    parts = {
        name: {word: value for word, value in part.items() if word not in {"minimum", "maximum"}}
        for name, part in schema["properties"].items()
    }
    return schema | {"properties": parts}


def text_in(dialect: str, body: Any) -> Any:
    """Return the text of an answer."""
    match dialect:
        case "openai":
            return body["choices"][0]["message"]["content"]
        case "gemini":
            return body["candidates"][0]["content"]["parts"][0]["text"]
        case "anthropic":
            return body["content"][0]["text"]
        case _:
            return body["message"]["content"]


def usage_in(dialect: str, body: Any) -> tuple[int, int]:
    """Return input and output tokens of an answer."""
    match dialect:
        case "openai":
            return body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]
        case "gemini":
            usage = body["usageMetadata"]
            return usage["promptTokenCount"], usage["candidatesTokenCount"]
        case "anthropic":
            return body["usage"]["input_tokens"], body["usage"]["output_tokens"]
        case _:
            return body["prompt_eval_count"], body["eval_count"]


class Client:
    """Asks a server over HTTP."""

    def __init__(self, root: str, session: aiohttp.ClientSession) -> None:
        self.root, self.session = root, session

    async def ask(self, dialect: str, **terms: Any) -> tuple[int, Any, Any]:
        path, body, headers = request(dialect, **terms)
        async with self.session.post(self.root + path, json=body, headers=headers) as response:
            told = await response.text()
            return response.status, json.loads(told), response.headers

    async def control(self, method: str, what: str, body: Any = None) -> tuple[int, Any]:
        url = f"{self.root}/_control/{what}"
        async with self.session.request(method, url, json=body) as response:
            return response.status, await response.json()


@asynccontextmanager
async def opened(server: ModelServer) -> AsyncIterator[Client]:
    async with serve(server) as addresses, aiohttp.ClientSession() as session:
        yield Client(addresses.http, session)


# ---- dialects ----


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_question_is_understood_alike_in_each_dialect(dialect: str) -> None:
    server = ModelServer(always("up", input_tokens=70, output_tokens=9))
    async with opened(server) as client:
        status, body, _ = await client.ask(dialect, schema=SCHEMA)
    assert status == 200
    assert (text_in(dialect, body), usage_in(dialect, body)) == ("up", (70, 9))
    assert server.questions[0] == Question(
        dialect=dialect,
        model="m",
        system="Be brief.",
        user="BTC?",
        schema=_unbounded(SCHEMA) if dialect == "anthropic" else SCHEMA,
        max_output_tokens=400,
        seed=None if dialect == "anthropic" else 3,
        key="k",
    )


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_answer_fits_the_schema_and_is_the_same_again(dialect: str) -> None:
    async with opened(ModelServer()) as client:
        first = text_in(dialect, (await client.ask(dialect, schema=SCHEMA))[1])
        again = text_in(dialect, (await client.ask(dialect, schema=SCHEMA))[1])
        free = text_in(dialect, (await client.ask(dialect))[1])
    told = json.loads(first)
    assert first == again
    assert set(told) == set(SCHEMA["required"])
    assert -1 <= told["bias"] <= 1
    assert told["stance"] in {"long", "short"}
    assert told["hours"] in range(1, 10) or dialect == "anthropic"
    assert (told["sources"], told["note"], told["kind"]) == ([], None, "view")
    assert "made-up" in free


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_answer_over_the_limit_is_cut_and_says_so(dialect: str) -> None:
    async with opened(ModelServer(always("x" * 400))) as client:
        _, body, _ = await client.ask(dialect, limit=20)
    assert len(text_in(dialect, body)) == 80
    assert usage_in(dialect, body)[1] == 20
    assert any(word in json.dumps(body) for word in ('"length"', "MAX_TOKENS", "max_tokens"))


async def test_refusal_is_worded_as_each_provider_does() -> None:
    server = ModelServer(always("no", is_refusal=True))
    async with opened(server) as client:
        openai = (await client.ask("openai"))[1]
        gemini = (await client.ask("gemini"))[1]
        anthropic = (await client.ask("anthropic"))[1]
        ollama = (await client.ask("ollama"))[1]
    assert openai["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": "no",
    }
    assert gemini["promptFeedback"] == {"blockReason": "SAFETY"}
    assert "candidates" not in gemini
    assert (anthropic["stop_reason"], anthropic["content"]) == ("refusal", [])
    assert ollama["message"]["content"] == "no"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "object", "properties": {}}, "additionalProperties"),
        (
            {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
            "required",
        ),
        ({"type": "array", "items": {"type": "object"}}, "schema.items"),
    ],
    ids=["open", "optional", "nested"],
)
async def test_openai_refuses_schemas_that_are_not_strict(schema: Any, said: str) -> None:
    async with opened(ModelServer()) as client:
        status, body, _ = await client.ask("openai", schema=schema)
    assert status == 400
    assert said in body["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "m"}),
        ("/v1/chat/completions", {"model": "m", "messages": []}),
        ("/v1/chat/completions", {"model": "m", "messages": ["hi"]}),
        ("/v1/chat/completions", {"messages": MESSAGES}),
        ("/v1/chat/completions", {"model": "m", "messages": MESSAGES, "stream": True}),
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": 3}]}),
        ("/v1beta/models/m:generateContent", {"contents": []}),
        (
            "/v1beta/models/m:generateContent",
            {"contents": [{"parts": []}], "generationConfig": {"responseSchema": {}}},
        ),
        ("/v1/messages", {"model": "m", "max_tokens": 1, "messages": MESSAGES}),
        ("/api/chat", {"model": "m", "messages": MESSAGES}),
    ],
)
async def test_request_that_a_provider_would_not_take_is_refused(path: str, body: Any) -> None:
    async with (
        opened(ModelServer()) as client,
        client.session.post(client.root + path, json=body) as response,
    ):
        assert response.status == 400


async def test_anthropic_refuses_bounds_in_a_schema() -> None:
    path, body, headers = request("anthropic", SCHEMA)
    body["output_config"]["format"]["schema"] = {"anyOf": [{"type": "number", "minimum": 0}]}
    async with (
        opened(ModelServer()) as client,
        client.session.post(client.root + path, json=body, headers=headers) as response,
    ):
        assert response.status == 400
        assert "'minimum' is not supported" in await response.text()


@pytest.mark.parametrize(
    ("version", "temperature", "status"),
    [
        ("2023-06-01", 0.5, 200),
        ("2026-10-21", None, 200),
        ("2026-10-21", 0.5, 400),
        ("1999-01-01", None, 400),
    ],
)
async def test_anthropic_takes_a_temperature_in_its_older_version_only(
    version: str, temperature: float | None, status: int
) -> None:
    path, body, _ = request("anthropic")
    if temperature is not None:
        body["temperature"] = temperature
    headers = {"Authorization": "Bearer k", "anthropic-version": version}
    server = ModelServer(keys=["k"])
    async with (
        opened(server) as client,
        client.session.post(client.root + path, json=body, headers=headers) as response,
    ):
        assert response.status == status


async def test_path_of_no_dialect_is_not_found() -> None:
    async with (
        opened(ModelServer()) as client,
        client.session.post(f"{client.root}/v1/embeddings", data=b"no json") as response,
    ):
        assert response.status == 404


async def test_json_object_without_schema_is_an_object() -> None:
    server = ModelServer()
    path, body, headers = request("openai")
    body["response_format"] = {"type": "json_object"}
    async with (
        opened(server) as client,
        client.session.post(client.root + path, json=body, headers=headers) as response,
    ):
        assert text_in("openai", await response.json()) == "{}"


# ---- who may ask, how often, for what ----


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_wrong_key_is_refused_with_a_part_of_it_told(dialect: str) -> None:
    async with opened(ModelServer(keys=["another"])) as client:
        status, body, _ = await client.ask(dialect)
    assert status == 401
    assert "k***k" in json.dumps(body)


async def test_models_that_are_not_served_are_not_found_and_those_that_are_listed() -> None:
    async with opened(ModelServer(models=["n", "a"])) as client:
        status, _, _ = await client.ask("openai")
        async with client.session.get(f"{client.root}/v1/models") as response:
            listed = [each["id"] for each in (await response.json())["data"]]
    assert (status, listed) == (404, ["a", "n"])


async def test_request_over_the_rate_limit_is_told_when_to_come_back() -> None:
    async with opened(ModelServer(requests_per_minute=2)) as client:
        statuses = [(await client.ask("openai"))[0] for _ in range(2)]
        status, _, headers = await client.ask("openai")
        _, gemini, gemini_headers = await client.ask("gemini")
    assert (*statuses, status) == (200, 200, 429)
    assert 0 < float(headers["Retry-After"]) <= 60
    assert gemini["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert gemini["error"]["details"][0]["retryDelay"].endswith("s")
    assert "Retry-After" not in gemini_headers


# ---- faults ----


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_burst_of_failures_ends_after_its_count(dialect: str) -> None:
    fault = ModelFault(kind=ModelFaultKind.STATUS, status=503, count=2, after=1)
    async with opened(ModelServer(faults=[fault])) as client:
        statuses = [(await client.ask(dialect))[0] for _ in range(5)]
    assert statuses == [200, 503, 503, 200, 200]


@pytest.mark.parametrize("kind", [ModelFaultKind.DROP, ModelFaultKind.CUT])
async def test_connection_breaks_before_or_in_the_middle_of_the_answer(
    kind: ModelFaultKind,
) -> None:
    async with opened(ModelServer(faults=[ModelFault(kind=kind)])) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.ask("openai")


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (ModelFaultKind.EMPTY, ""),
        (ModelFaultKind.NOT_JSON, "Sure! Here is what I think: abcdefgh"),
        (ModelFaultKind.TRUNCATED, "abcd"),
        (ModelFaultKind.REFUSAL, None),
    ],
)
async def test_answer_is_spoilt_on_command(kind: ModelFaultKind, found: str | None) -> None:
    server = ModelServer(always("abcdefgh"), faults=[ModelFault(kind=kind)])
    async with opened(server) as client:
        _, body, _ = await client.ask("openai")
    assert text_in("openai", body) == found


async def test_answer_without_the_usual_fields_is_malformed() -> None:
    async with opened(ModelServer(faults=[ModelFault(kind=ModelFaultKind.MALFORMED)])) as client:
        status, body, _ = await client.ask("openai")
    assert (status, "choices" in body) == (200, False)


async def test_web_page_comes_in_place_of_an_answer() -> None:
    path, body, _ = request("openai")
    async with (
        opened(ModelServer(faults=[ModelFault(kind=ModelFaultKind.HTML)])) as client,
        client.session.post(client.root + path, json=body) as response,
    ):
        assert (response.status, response.content_type) == (200, "text/html")


async def test_hanging_request_ends_when_the_client_gives_up() -> None:
    server = ModelServer(faults=[ModelFault(kind=ModelFaultKind.HANG)])
    async with opened(server) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.ask("openai")
        async with asyncio.timeout(5):
            while server.in_flight:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)


async def test_hang_of_some_seconds_ends_by_closing_the_connection() -> None:
    fault = ModelFault(kind=ModelFaultKind.HANG, seconds=0.05)
    async with opened(ModelServer(faults=[fault])) as client:
        with pytest.raises(aiohttp.ClientError):
            await client.ask("openai")


async def test_fault_meets_only_its_model_and_dialect_by_chance_of_the_seed() -> None:
    faults = [
        ModelFault(kind=ModelFaultKind.STATUS, model="other"),
        ModelFault(kind=ModelFaultKind.STATUS, dialect="gemini", chance=0.5),
    ]
    async with opened(ModelServer(faults=faults, seed=1)) as client:
        assert (await client.ask("openai"))[0] == 200
        first = [(await client.ask("gemini"))[0] for _ in range(12)]
    assert set(first) == {200, 503}


async def test_latency_holds_all_requests_at_once_not_one_after_the_other() -> None:
    fault = ModelFault(kind=ModelFaultKind.LATENCY, seconds=0.05)
    server = ModelServer(always("x", latency_s=0.05), latency_s=0.1, faults=[fault])
    loop = asyncio.get_running_loop()
    async with opened(server) as client:
        started = loop.time()
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(client.ask("openai"))
        took = loop.time() - started
    assert 0.2 <= took < 2.0
    assert server.most_in_flight == 20


@pytest.mark.parametrize("text", ["{", "{}", '[{"kind": "flood"}]', '[{"kind": "hang", "x": 1}]'])
def test_faults_that_are_not_understood_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_faults(text)


def test_chance_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="chance"):
        ModelFault(kind=ModelFaultKind.DROP, chance=2)


# ---- scripts ----


async def test_script_plays_a_list_once_and_its_last_entry_for_good() -> None:
    script = in_turn([Failing(429, retry_after_s=2), Reply(text="one"), "two"])
    async with opened(ModelServer(script)) as client:
        answers = [await client.ask("openai") for _ in range(4)]
    assert [status for status, _, _ in answers] == [429, 200, 200, 200]
    assert answers[0][2]["Retry-After"] == "2"
    assert [text_in("openai", body) for _, body, _ in answers[1:]] == ["one", "two", "two"]
    with pytest.raises(ValueError, match="something to say"):
        in_turn([])


async def test_script_is_a_function_of_the_question() -> None:
    async with opened(ModelServer(lambda asked: asked.user.lower())) as client:
        assert text_in("openai", (await client.ask("openai"))[1]) == "btc?"


@pytest.mark.parametrize(
    "text", ["{", "{}", "[3]", '[{"answer": "x", "match": "("}]', '[{"words": "x"}]']
)
def test_rules_that_are_not_understood_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_rules(text)


# ---- control ----


async def test_control_changes_faults_script_and_latency_and_tells_what_was_asked() -> None:
    async with opened(ModelServer()) as client:
        fault = {"kind": "status", "status": 500, "count": 1}
        assert (await client.control("PUT", "faults", [fault]))[1][0]["status"] == 500
        assert (await client.ask("openai"))[0] == 500
        rules = [{"match": "BTC", "answer": {"bias": 1}}, {"status": 402, "answer": "pay"}]
        assert (await client.control("PUT", "script", rules)) == (200, {"n_rules": 2})
        assert (await client.control("PUT", "latency", {"seconds": 0.0}))[0] == 200
        assert text_in("openai", (await client.ask("openai"))[1]) == '{"bias": 1}'
        _, state = await client.control("GET", "state")
        _, questions = await client.control("GET", "questions")
        assert (await client.control("POST", "state"))[0] == 400
        await client.control("PUT", "script", rules[1:])
        assert (await client.ask("openai"))[0] == 402
        await client.control("PUT", "script", [])
        assert "made-up" in text_in("openai", (await client.ask("openai"))[1])
    assert (state["n_asked"], state["faults"][0]["n_done"]) == (2, 1)
    assert [(each["user"], each["key"]) for each in questions] == [("BTC?", "")] * 2


def test_server_in_a_thread_answers_clients_that_block() -> None:
    server = ModelServer(fitting)
    with serve_in_thread(server) as addresses:
        port = int(addresses.http.rpartition(":")[2])
        with (
            pytest.raises(ConfigError, match="can't listen"),
            serve_in_thread(ModelServer(port=port)),
        ):
            pass
    assert addresses.openrouter == f"http://127.0.0.1:{port}/api/v1"


def test_program_prints_its_addresses_and_runs_until_told_to_stop(tmp_path: Path) -> None:
    script, faults = tmp_path / "script.json", tmp_path / "faults.json"
    script.write_text('[{"answer": "hi"}]')
    faults.write_text("[]")
    command = [sys.executable, "-m", "tutti.testing.models", "--port", "0"]
    command += ["--script", str(script), "--faults", str(faults), "--models", "m", "--keys", "k"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert addresses["gemini"] == addresses["http"] + "/v1beta"


@pytest.mark.parametrize("option", ["--script", "--faults"])
def test_program_with_a_file_that_is_not_there_says_so(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([option, "nowhere.json"]) == 2
    assert "nowhere.json" in capsys.readouterr().err
