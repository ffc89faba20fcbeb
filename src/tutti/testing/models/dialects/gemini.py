"""Content generation as Google's Gemini words it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tutti.testing.models.conversation import Question
from tutti.testing.models.dialects.dialect import Body, Misunderstood, Said, field, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH = re.compile(r"/models/(?P<model>[^/:]+):generateContent$")
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class GeminiDialect:
    """``POST .../models/MODEL:generateContent``."""

    name = "gemini"

    def question(self, path: str, headers: Mapping[str, str], body: Any) -> Question | None:
        """Return what is asked, None where the path is another's.

        Raises
        ------
        Misunderstood
            If a real server would refuse it.
        """
        found = _PATH.search(path)
        if found is None:
            return None
        contents = field(body, "contents")
        if not isinstance(contents, list) or not contents:
            raise Misunderstood("contents is not specified")
        told = body.get("systemInstruction", body.get("system_instruction", {}))
        settings = body.get("generationConfig", {})
        schema = settings.get("responseJsonSchema", settings.get("responseSchema"))
        if schema is not None and settings.get("responseMimeType") != "application/json":
            raise Misunderstood("a response schema needs the response mime type application/json")
        return Question(
            dialect=self.name,
            body=body,
            model=found["model"],
            system=text_of(told.get("parts", [])),
            user="\n\n".join(text_of(field(each, "parts")) for each in contents),
            schema=schema,
            max_output_tokens=settings.get("maxOutputTokens"),
            temperature=settings.get("temperature"),
            seed=settings.get("seed"),
            key=headers.get("x-goog-api-key", ""),
        )

    def answer(self, question: Question, said: Said) -> Body:
        """Return the body of an answer."""
        usage = {
            "promptTokenCount": said.input_tokens,
            "candidatesTokenCount": said.output_tokens,
            "totalTokenCount": said.input_tokens + said.output_tokens,
        }
        head = {"modelVersion": question.model, "responseId": f"gen-{said.number}"}
        if said.is_refusal:
            usage.pop("candidatesTokenCount")
            return {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage, **head}
        return {
            "candidates": [
                {
                    "content": {"role": "model", "parts": [{"text": said.text}]},
                    "finishReason": "MAX_TOKENS" if said.is_cut else "STOP",
                    "index": 0,
                }
            ],
            "usageMetadata": usage,
            **head,
        }

    def failure(self, status: int, message: str, retry_after_s: float) -> Body:
        """Return the body of an error; Gemini says there, not in a header, when to come back."""
        details: list[Body] = []
        if retry_after_s:
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            details = [{"@type": kind, "retryDelay": f"{retry_after_s:g}s"}]
        name = _STATUSES.get(status, "UNKNOWN")
        return {"error": {"code": status, "message": message, "status": name, "details": details}}
