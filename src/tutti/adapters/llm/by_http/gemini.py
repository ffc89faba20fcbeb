"""Content generation as Google's Gemini words it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tutti.adapters.llm.by_http.dialect import (
    Body,
    Failure,
    Request,
    Said,
    schema_without_open_bounds,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.agents.llm.port import Call

_FIELDS: Final[Mapping[str, str]] = {
    "temperature": r"\btemperature\b",
    "seed": r"\bseed\b",
    "thinkingConfig": r"(?i)thinking",
    "responseJsonSchema": r"(?i)response_?json_?schema",
}
_SECONDS = re.compile(r"^(\d+(?:\.\d+)?)s$")
_REFUSALS = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"}
)
_COUNTS = frozenset(
    {"promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "cachedContentTokenCount"}
)
_LEAST_THINKING: tuple[tuple[str, Body], ...] = (
    ("gemini-2.5-pro", {"thinkingBudget": 128}),
    ("gemini-2.5", {"thinkingBudget": 0}),
    ("gemini-2", {}),
    ("gemini-1", {}),
    ("gemini-", {"thinkingLevel": "low"}),
)


class GeminiDialect:
    """Google's Generative Language API."""

    url = "https://generativelanguage.googleapis.com/v1beta"
    needs_key = True
    fields = _FIELDS

    def request(self, call: Call, model: str, refused: tuple[str, ...]) -> Request:
        """Return a call as a request, without the fields that the model has refused."""
        settings: Body = {"maxOutputTokens": call.max_output_tokens}
        if "temperature" not in refused:
            settings["temperature"] = call.temperature
        if call.seed is not None and "seed" not in refused:
            settings["seed"] = call.seed
        thinking = next((each for head, each in _LEAST_THINKING if model.startswith(head)), {})
        if thinking and "thinkingConfig" not in refused:
            settings["thinkingConfig"] = thinking
        if call.schema:
            settings["responseMimeType"] = "application/json"
            if "responseJsonSchema" not in refused:
                settings["responseJsonSchema"] = schema_without_open_bounds(call.schema)
        body: Body = {
            "contents": [{"role": "user", "parts": [{"text": call.user}]}],
            "generationConfig": settings,
        }
        if call.system:
            body["systemInstruction"] = {"parts": [{"text": call.system}]}
        return Request(path=f"/models/{quote(model, safe='')}:generateContent", body=body)

    def authorised(self, key: str) -> dict[str, str]:
        """Return the headers that show a key."""
        return {"x-goog-api-key": key}

    def read(self, body: Any) -> Said:
        """Return an answer; see ``Dialect``."""
        # not there where nothing was counted, as of some prompts that were blocked
        usage = body.get("usageMetadata") or {}
        blocked = (body.get("promptFeedback") or {}).get("blockReason")
        text, reason = "", str(blocked or "")
        if not blocked:
            candidate = body["candidates"][0]
            reason = candidate.get("finishReason") or ""
            parts = (candidate.get("content") or {}).get("parts") or []
            text = "".join(each.get("text", "") for each in parts if not each.get("thought"))
        counted = {name: int(count or 0) for name, count in usage.items() if name in _COUNTS}
        made = counted.get("candidatesTokenCount", 0) + counted.get("thoughtsTokenCount", 0)
        return Said(
            text=text,
            input_tokens=counted.get("promptTokenCount", 0),
            output_tokens=made,
            cached_tokens=counted.get("cachedContentTokenCount", 0),
            declined=reason if blocked or reason in _REFUSALS else "",
            is_cut=reason == "MAX_TOKENS",
            model=body.get("modelVersion") or "",
        )

    def failure(self, body: Any) -> Failure:
        """Return what an error says; see ``Dialect``."""
        # streamed errors come in a list
        error = (body[0] if isinstance(body, list) else body)["error"]
        wait = None
        for detail in error.get("details") or ():
            if (found := _SECONDS.match(str(detail.get("retryDelay", "")))) is not None:
                wait = float(found[1])
        return Failure(message=str(error["message"]), retry_after_s=wait)
