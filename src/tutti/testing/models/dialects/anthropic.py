"""Messages as Anthropic words them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.testing.models.conversation import Question
from tutti.testing.models.dialects.dialect import (
    Body,
    Misunderstood,
    Said,
    bearer,
    field,
    split,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSIONS = ("2023-06-01", "2026-10-21")
_REFUSED_WORDS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"}
)
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class AnthropicDialect:
    """``POST .../messages``; an answer that has to fit a schema comes as text or as a tool's input."""

    name = "anthropic"

    def question(self, path: str, headers: Mapping[str, str], body: Any) -> Question | None:
        """Return what is asked, None where the path is another's.

        Raises
        ------
        Misunderstood
            If a real server would refuse it.
        """
        if not path.endswith("/messages"):
            return None
        if "anthropic-version" not in headers:
            raise Misunderstood("anthropic-version: header is required")
        if headers["anthropic-version"] not in _VERSIONS:
            raise Misunderstood(f"anthropic-version: {headers['anthropic-version']} is none")
        if headers["anthropic-version"] != _VERSIONS[0] and "temperature" in body:
            raise Misunderstood("temperature: Extra inputs are not permitted")
        _, user = split(field(body, "messages"))
        return Question(
            dialect=self.name,
            body=body,
            model=str(field(body, "model")),
            system=text_of(body.get("system", "")),
            user=user,
            schema=_schema(body),
            max_output_tokens=int(field(body, "max_tokens")),
            temperature=body.get("temperature"),
            key=headers.get("x-api-key", "") or bearer(headers),
        )

    def answer(self, question: Question, said: Said) -> Body:
        """Return the body of an answer."""
        reason = "end_turn"
        if said.is_cut:
            reason = "max_tokens"
        if said.is_refusal:
            reason = "refusal"
        return {
            "id": f"msg_{said.number}",
            "type": "message",
            "role": "assistant",
            "model": question.model,
            "content": [] if said.is_refusal else [{"type": "text", "text": said.text}],
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens},
        }

    def failure(self, status: int, message: str, retry_after_s: float) -> Body:
        """Return the body of an error."""
        del retry_after_s
        kind = _TYPES.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}}


def _schema(body: Body) -> Any:
    form = body.get("output_config", {}).get("format")
    if form is None:
        return None
    if form.get("type") != "json_schema":
        raise Misunderstood("the format's type must be json_schema")
    schema = field(form, "schema")
    _check(schema)
    return schema


def _check(schema: Any) -> None:
    # what Anthropic takes no notice of it refuses
    if isinstance(schema, list):
        for each in schema:
            _check(each)
    if not isinstance(schema, dict):
        return
    for word, value in schema.items():
        if word in _REFUSED_WORDS:
            raise Misunderstood(
                f"output_config.format.schema: For '{schema.get('type')}' type, property "
                f"'{word}' is not supported"
            )
        for part in value.values() if word == "properties" else [value]:
            _check(part)
