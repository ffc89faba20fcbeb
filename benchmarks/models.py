"""Measure what a call to a language model costs us, beside bare HTTP clients, and whether budgets hold.

    python benchmarks/models.py [--calls 300] [--latency 0.2] [--repeats 5] [--only clients budget]

The fake models run in a process of their own; what is measured is this process. Clients take turns.
Those that are not installed (openai, pydantic-ai) are left out. Prints rows of
``{name, value, unit, bar, ok}``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tutti.adapters.llm.by_http.catalogue import provider_of
from tutti.adapters.llm.by_http.client import Connections, HttpModel
from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.agents.llm.budget import Budgeted, Limits, Purse
from tutti.agents.llm.port import Answer, Call
from tutti.agents.llm.schema import answer_schema
from tutti.app.llm import LanguageModels
from tutti.app.settings import AgentSettings, Config
from tutti.kernel.clock import LiveClock, SimulatedClock
from tutti.model.errors import BudgetSpent

SYSTEM = "You are a careful analyst of markets. " * 12
USER = "\n".join(f"[t{k}] Miners report results above expectations, up {k} %." for k in range(20))
SCHEMA = answer_schema([f"t{k}" for k in range(20)])
ONE_AT_ONCE, CAPPED = 300, 64
BAR = 2.5

One = Callable[[int], Awaitable[str]]
"""Makes the k-th call and returns the answer's text."""


def main() -> int:
    """Measure what the command line asks for."""
    options = _options()
    rows: list[dict[str, Any]] = []
    if "clients" in options.only:
        with served(options.latency) as url:
            rows += asyncio.run(clients(url, options))
    if "budget" in options.only:
        rows += asyncio.run(budget())
    if "records" in options.only:
        rows += asyncio.run(records())
    for row in rows:
        print(json.dumps(row))
    if options.out:
        options.out.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    groups = ("clients", "budget", "records")
    parser.add_argument("--only", nargs="+", choices=groups, default=groups)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--latency", type=float, default=0.2, help="of the model, seconds")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="also write the rows here")
    return parser.parse_args()


@contextlib.contextmanager
def served(latency: float) -> Any:
    """Serve fake models in a process of their own; yields the base URL."""
    command = [sys.executable, "-m", "tutti.testing.models", "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["openai"]
        process.terminate()


def row(name: str, value: float, unit: str, bar: str = "", **detail: Any) -> dict[str, Any]:
    """Return a row; without a bar nothing has to be reached."""
    ok = None
    if bar:
        how, _, limit = bar.partition(" ")
        ok = value <= float(limit) if how == "<=" else value >= float(limit)
    return {"name": name, "value": round(value, 3), "unit": unit, "bar": bar, "ok": ok} | detail


# ---- clients ----


def body() -> dict[str, Any]:
    """Return the request that all clients send."""
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}]
    told = {"name": "answer", "schema": json.loads(SCHEMA), "strict": True}
    return {
        "model": "m",
        "messages": messages,
        "temperature": 0,
        "max_tokens": 400,
        "response_format": {"type": "json_schema", "json_schema": told},
    }


@contextlib.asynccontextmanager
async def bare_aiohttp(url: str) -> Any:
    """Ask by aiohttp alone, as its manual shows it."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(_: int) -> str:
            async with session.post(f"{url}/chat/completions", json=body()) as response:
                told = await response.json()
                return told["choices"][0]["message"]["content"]

        yield one


@contextlib.asynccontextmanager
async def bare_httpx(url: str, name: str = "httpx") -> Any:
    """Ask by httpx alone, or by its successor."""
    module = importlib.import_module(name)
    limits = module.Limits(max_connections=None, max_keepalive_connections=None)
    async with module.AsyncClient(limits=limits, timeout=30) as session:

        async def one(_: int) -> str:
            told = (await session.post(f"{url}/chat/completions", json=body())).json()
            return told["choices"][0]["message"]["content"]

        yield one


@contextlib.asynccontextmanager
async def openai_sdk(url: str) -> Any:
    """Ask by OpenAI's own package."""
    openai = importlib.import_module("openai")
    client = openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0)

    async def one(_: int) -> str:
        told = await client.chat.completions.create(**body())
        return told.choices[0].message.content

    yield one


@contextlib.asynccontextmanager
async def pydantic_ai(url: str) -> Any:
    """Ask by pydantic-ai's direct interface."""
    direct = importlib.import_module("pydantic_ai.direct")
    models = importlib.import_module("pydantic_ai.models")
    made = importlib.import_module("pydantic_ai.models.openai").OpenAIChatModel
    provider = importlib.import_module("pydantic_ai.providers.openai").OpenAIProvider
    output = importlib.import_module("pydantic_ai._output").OutputObjectDefinition
    request = importlib.import_module("pydantic_ai.messages").ModelRequest
    model = made("m", provider=provider(base_url=url, api_key="k"))
    told = output(json_schema=json.loads(SCHEMA), name="answer", strict=True)

    async def one(_: int) -> str:
        said = await direct.model_request(
            model,
            [request.user_text_prompt(USER, instructions=SYSTEM)],
            model_settings={"temperature": 0, "max_tokens": 400},
            model_request_parameters=models.ModelRequestParameters(
                output_mode="native", output_object=told, allow_text_output=True
            ),
        )
        return said.text

    yield one


def call(k: int) -> Call:
    """Return the k-th call; each is about another instant."""
    return Call(
        agent="news", as_of=k, model="mine:m", system=SYSTEM, user=USER, schema=SCHEMA, prompt="b@1"
    )


@contextlib.asynccontextmanager
async def ours_alone(url: str) -> Any:
    """Ask by our client, without what stands around it."""
    connections = Connections()
    provider = provider_of("mine", "openai", url, lambda _: None)
    model = HttpModel(provider, connections, lambda *_: Decimal(0))

    async def one(k: int) -> str:
        return (await model.answer(call(k))).text

    yield one
    await connections.close()


@contextlib.asynccontextmanager
async def ours_whole(url: str) -> Any:
    """Ask as an agent does: budget, retries, breaker, fallback, and a record of each call."""
    told = {"url": url, "input_usd_per_million": 1, "output_usd_per_million": 2}
    config = Config.model_validate({"llm": {"providers": {"mine": told}}})
    terms = {"name": "news", "model": "mine:m", "fallback": ["mine:n"], "timeout_s": 30}
    limits = {"usd_per_day": 1_000, "tokens_per_day": 10**9}
    settings = AgentSettings.model_validate(terms | {"budget": limits})
    with tempfile.TemporaryDirectory() as folder:
        kept = SqliteCallRecords(Path(folder) / "llm.sqlite")
        models = LanguageModels(config, mode="live", records=kept, clock=LiveClock())
        model = models(settings)

        async def one(k: int) -> str:
            return (await model.answer(call(k))).text

        yield one
        await models.aclose()
        kept.close()


async def clients(url: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return CPU a call of every client, all in flight at once and a few at a time."""
    kinds: dict[str, Any] = {
        "aiohttp": bare_aiohttp,
        "httpx": bare_httpx,
        "httpx2": lambda url: bare_httpx(url, "httpx2"),
        "openai": openai_sdk,
        "pydantic_ai": pydantic_ai,
        "ours, client alone": ours_alone,
        "ours, whole": ours_whole,
    }
    for name in ("httpx", "httpx2", "openai", "pydantic_ai"):
        if importlib.util.find_spec(name) is None:
            del kinds[name]
    cpu: dict[tuple[str, int], list[float]] = {}
    wall: dict[tuple[str, int], list[float]] = {}
    async with contextlib.AsyncExitStack() as stack:
        asked = {name: await stack.enter_async_context(kinds[name](url)) for name in kinds}
        for name in asked:
            await _many(asked[name], ONE_AT_ONCE, ONE_AT_ONCE)
        for _ in range(options.repeats):
            for most in (ONE_AT_ONCE, CAPPED):
                for name, one in asked.items():
                    began, started = time.process_time(), time.perf_counter()
                    await _many(one, options.calls, most)
                    used = (time.process_time() - began) / options.calls * 1e3
                    cpu.setdefault((name, most), []).append(used)
                    wall.setdefault((name, most), []).append(time.perf_counter() - started)
    rows = []
    for (name, most), figures in cpu.items():
        took = statistics.median(wall[name, most])
        title = f"{name}, {most} in flight, CPU a call"
        rows.append(row(title, statistics.median(figures), "ms", wall_s=round(took, 3)))
    for most in (ONE_AT_ONCE, CAPPED):
        for ours in ("ours, client alone", "ours, whole"):
            ratios = [a / b for a, b in zip(cpu[ours, most], cpu["aiohttp", most], strict=True)]
            title = f"{ours} / bare aiohttp, {most} in flight, CPU a call"
            rows.append(row(title, statistics.median(ratios), "x", f"<= {BAR}"))
    return rows


async def _many(one: One, n: int, most: int) -> None:
    rest = iter(range(n))

    async def work() -> None:
        for k in rest:
            assert (await one(k)).startswith("{")

    async with asyncio.TaskGroup() as group:
        for _ in range(min(most, n)):
            group.create_task(work())


# ---- budgets and records ----


async def budget(n: int = 10_000) -> list[dict[str, Any]]:
    """Return by how much 10,000 concurrent calls overspend, and what reserving costs."""
    limit, billed = 1_000_000, 0
    asked = msgspec.structs.replace(call(0), max_output_tokens=40)

    class Provider:
        async def answer(self, call: Call) -> Answer:
            nonlocal billed
            await asyncio.sleep(0.01)
            used = 200 + len(call.user) % 7
            billed += used
            return Answer(
                call="", text="", model="", input_tokens=used, output_tokens=0,
                cost_usd=Decimal(used) / 1_000_000, latency=0,
            )  # fmt: skip

    limits = Limits(tokens_per_day=limit, usd_per_day=Decimal(limit) / 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        kept = SqliteCallRecords(Path(folder) / "llm.sqlite")
        purse = Purse("news", limits, clock=SimulatedClock(), charges=kept)
        model = Budgeted(Provider(), purse, lambda _, a, b: Decimal(a + b) / 1_000_000)
        refused = 0

        async def one() -> None:
            nonlocal refused
            try:
                await model.answer(asked)
            except BudgetSpent:
                refused += 1

        began = time.process_time()
        async with asyncio.TaskGroup() as group:
            for _ in range(n):
                group.create_task(one())
        used = (time.process_time() - began) / n * 1e6
        kept.close()
    over = max(billed - limit, 0)
    title = f"budget, {n:,} concurrent calls, overspent"
    return [
        row(title, over, "tokens", "<= 0", billed=billed, limit=limit, refused=refused),
        row("budget, CPU a call, kept on disk", used, "us"),
    ]


async def records(n: int = 2_000) -> list[dict[str, Any]]:
    """Return what keeping an outcome costs, and giving it back."""
    config = Config()
    settings = AgentSettings.model_validate({"name": "news", "model": "mine:m"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "llm.sqlite"
        with SqliteCallRecords(path) as kept:
            said = msgspec.json.encode({"bias": 0.5, "rationale": "r" * 200}).decode()
            outcome = _outcome(said)
            began = time.process_time()
            for k in range(n):
                kept.keep(msgspec.structs.replace(call(k), user=f"{USER}{k}"), outcome, ts=k)
            writing = (time.process_time() - began) / n * 1e6
        with SqliteCallRecords(path, read_only=True) as kept:
            models = LanguageModels(config, mode="replay", records=kept, clock=LiveClock())
            model = models(settings)
            began = time.process_time()
            for k in range(n):
                await model.answer(msgspec.structs.replace(call(k), user=f"{USER}{k}"))
            reading = (time.process_time() - began) / n * 1e6
        size = path.stat().st_size / n / 1024
    return [
        row("record, CPU a call", writing, "us", kib_a_call=round(size, 1)),
        row("replay, CPU a call", reading, "us"),
    ]


def _outcome(text: str) -> Any:
    from tutti.agents.llm.recorded import Outcome

    return Outcome(kind="answer", text=text, latency=10**9, model="mine:m", input_tokens=500)


if __name__ == "__main__":
    sys.exit(main())
