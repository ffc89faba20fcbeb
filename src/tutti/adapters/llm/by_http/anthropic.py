"""Messages as Anthropic words them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tutti.adapters.llm.by_http.dialect import Body, Failure, Request, Said, schema_without_bounds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.agents.llm.port import Call

_FIELDS: Final[Mapping[str, str]] = {
    "temperature": r"\btemperature\b",
    "effort": r"\beffort\b",
    "thinking": r"\bthinking\b",
    "anthropic-version": r"anthropic[- ]version",
    "output_config": r"\boutput_(config|format)\b|structured output",
}
# The newer version knows no temperature, with any model; a low one is worth staying with the older.
_VERSIONS = ("2023-06-01", "2026-10-21")
_THINKS = re.compile(r"^claude-[a-z]+-([5-9]|\d\d)")
# models that can't do without either are told nothing
_LEAST_THINKING = ("disabled", "between_tools")


class AnthropicDialect:
    """Anthropic's API."""

    url = "https://api.anthropic.com/v1"
    needs_key = True
    fields = _FIELDS

    def request(self, call: Call, model: str, refused: tuple[str, ...]) -> Request:
        """Return a call as a request, without the fields that the model has refused."""
        body: Body = {
            "model": model,
            "max_tokens": call.max_output_tokens,
            "messages": [{"role": "user", "content": call.user}],
        }
        if call.system:
            body["system"] = call.system
        version = _VERSIONS["anthropic-version" in refused]
        thinks = _THINKS.match(model) is not None
        if not thinks and "temperature" not in refused and version == _VERSIONS[0]:
            body["temperature"] = min(call.temperature, 1.0)
        rejected = refused.count("thinking")
        if thinks and rejected < len(_LEAST_THINKING):
            # who thinks at length has no tokens left to answer with
            body["thinking"] = {"type": _LEAST_THINKING[rejected]}
        output: Body = {}
        if thinks and "effort" not in refused:
            output["effort"] = "low"
        if call.schema and "output_config" not in refused:
            schema = schema_without_bounds(call.schema)
            output["format"] = {"type": "json_schema", "schema": schema}
        if output:
            body["output_config"] = output
        return Request(path="/messages", body=body, headers={"anthropic-version": version})

    def authorised(self, key: str) -> dict[str, str]:
        """Return the headers that show a key."""
        return {"x-api-key": key}

    def read(self, body: Any) -> Said:
        """Return an answer; see ``Dialect``."""
        usage = body["usage"]
        reason = body.get("stop_reason") or ""
        cached = int(usage.get("cache_read_input_tokens") or 0)
        written = int(usage.get("cache_creation_input_tokens") or 0)
        return Said(
            text="".join(each["text"] for each in body["content"] if each["type"] == "text"),
            input_tokens=int(usage["input_tokens"]) + cached + written,
            output_tokens=int(usage["output_tokens"]),
            cached_tokens=cached,
            declined="refusal" if reason == "refusal" else "",
            is_cut=reason in {"max_tokens", "model_context_window_exceeded"},
            model=body.get("model") or "",
        )

    def failure(self, body: Any) -> Failure:
        """Return what an error says; see ``Dialect``."""
        message = str(body["error"]["message"])
        return Failure(message=message, is_spent="credit balance is too low" in message)
