"""Chat completions as OpenAI words them, which OpenRouter, vLLM and many others speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.testing.models.conversation import Question
from tutti.testing.models.dialects.dialect import Body, Misunderstood, Said, bearer, field, split

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_exceeded",
}


class OpenAIDialect:
    """``POST .../chat/completions``."""

    name = "openai"

    def question(self, path: str, headers: Mapping[str, str], body: Any) -> Question | None:
        """Return what is asked, None where the path is another's.

        Raises
        ------
        Misunderstood
            If a real server would refuse it.
        """
        if not path.endswith("/chat/completions"):
            return None
        if body.get("stream") if isinstance(body, dict) else False:
            raise Misunderstood("this server does not stream")
        system, user = split(field(body, "messages"))
        limit = body.get("max_completion_tokens", body.get("max_tokens"))
        return Question(
            dialect=self.name,
            body=body,
            model=str(field(body, "model")),
            system=system,
            user=user,
            schema=_schema(body.get("response_format")),
            max_output_tokens=limit,
            temperature=body.get("temperature"),
            seed=body.get("seed"),
            key=bearer(headers),
        )

    def answer(self, question: Question, said: Said) -> Body:
        """Return the body of an answer."""
        refusal = said.text if said.is_refusal else None
        return {
            "id": f"chatcmpl-{said.number}",
            "object": "chat.completion",
            "created": 1_700_000_000 + said.number,
            "model": question.model,
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": None if said.is_refusal else said.text,
                        "refusal": refusal,
                    },
                    "logprobs": None,
                    "finish_reason": "length" if said.is_cut else "stop",
                }
            ],
            "usage": {
                "prompt_tokens": said.input_tokens,
                "completion_tokens": said.output_tokens,
                "total_tokens": said.input_tokens + said.output_tokens,
            },
        }

    def failure(self, status: int, message: str, retry_after_s: float) -> Body:
        """Return the body of an error."""
        del retry_after_s
        kind = _TYPES.get(status, "server_error")
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _schema(form: Any) -> Any:
    if not isinstance(form, dict):
        return None
    match form.get("type"):
        case "json_schema":
            told = field(form, "json_schema")
            schema = field(told, "schema")
            field(told, "name")
            if told.get("strict"):
                _check(schema, "schema")
            return schema
        case "json_object":
            return {"type": "object"}
        case _:
            return None


def _check(schema: Any, where: str) -> None:
    # what OpenAI asks of a strict schema: nothing optional, nothing beside
    if not isinstance(schema, dict):
        raise Misunderstood(f"{where} must be an object")
    if schema.get("type") == "object":
        parts = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            raise Misunderstood(
                f"Invalid schema for response_format: in {where}, 'additionalProperties' is "
                "required to be supplied and to be false"
            )
        if set(schema.get("required", ())) != set(parts):
            raise Misunderstood(
                f"Invalid schema for response_format: in {where}, 'required' is required to be "
                "supplied and to be an array including every key in properties"
            )
        for name, part in parts.items():
            _check(part, f"{where}.{name}")
    elif "items" in schema:
        _check(schema["items"], f"{where}.items")
