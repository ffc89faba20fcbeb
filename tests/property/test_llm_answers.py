"""Whatever a provider sends: it is an answer, or one of the errors that agents know."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.adapters.llm.by_http.anthropic import AnthropicDialect
from tutti.adapters.llm.by_http.client import Connections, HttpModel, Provider
from tutti.adapters.llm.by_http.gemini import GeminiDialect
from tutti.adapters.llm.by_http.ollama import OllamaDialect
from tutti.adapters.llm.by_http.openai import OpenAIDialect
from tutti.adapters.llm.by_http.wording import shown
from tutti.agents.llm.port import Call
from tutti.model.errors import ModelError

DIALECTS: dict[str, Any] = {
    "openai": OpenAIDialect("http://x"),
    "gemini": GeminiDialect(),
    "anthropic": AnthropicDialect(),
    "ollama": OllamaDialect(),
}
WHOLE: dict[str, Any] = {
    "openai": {
        "choices": [{"message": {"content": "x", "refusal": None}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.1,
                  "prompt_tokens_details": {"cached_tokens": 1}},
    },
    "gemini": {
        "candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}],
        "promptFeedback": None,
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2},
    },
    "anthropic": {
        "content": [{"type": "text", "text": "x"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 1},
    },
    "ollama": {"message": {"content": "x"}, "prompt_eval_count": 3, "eval_count": 2},
}  # fmt: skip
CALL = Call(agent="a", as_of=0, model="p:m", system="", user="u")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def _places(body: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at]
    if isinstance(body, dict):
        found += [each for key in body for each in _places(body[key], (*at, key))]
    if isinstance(body, list):
        found += [each for k, part in enumerate(body) for each in _places(part, (*at, k))]
    return found


def _with(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    copied = json.loads(json.dumps(body))
    inner = copied
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return copied


@pytest.mark.parametrize("name", sorted(DIALECTS))
@given(data=st.data())
def test_answer_with_anything_in_any_place_is_read_or_refused(
    name: str, data: st.DataObject
) -> None:
    provider = Provider(name="p", dialect=DIALECTS[name], url="http://x")
    model = HttpModel(provider, Connections(), lambda *_: Decimal(1))
    body = WHOLE[name]
    spoilt = _with(body, data.draw(st.sampled_from(_places(body))), data.draw(JSON))
    try:
        answer = model._read(CALL, spoilt, 0)
    except ModelError:
        return
    assert answer.text.strip()
    assert min(answer.input_tokens, answer.output_tokens) >= 0
    assert answer.cost_usd >= 0


@pytest.mark.parametrize("name", sorted(DIALECTS))
@given(body=JSON, status=st.sampled_from([400, 401, 429, 500, 200]))
def test_error_with_anything_in_it_is_one_that_agents_know(
    name: str, body: Any, status: int
) -> None:
    provider = Provider(name="p", dialect=DIALECTS[name], url="http://x")
    model = HttpModel(provider, Connections(), lambda *_: Decimal(1))
    for told in (body, {"error": body}, {"error": {"message": body, "details": body}}, [body]):
        failure = model._failure(told)
        assert isinstance(model._error("p:m", status, failure, None), ModelError)


@given(
    before=st.text(max_size=40),
    after=st.text(max_size=400),
    secret=st.text(min_size=6, max_size=60),
)
def test_what_is_shown_is_one_short_line_without_the_key(
    before: str, after: str, secret: str
) -> None:
    told = shown(f"{before}{secret}{after}", secret)
    assert secret not in told or secret in "[hidden]" or secret in before + after
    assert len(told) <= 300
    assert told.isprintable()
