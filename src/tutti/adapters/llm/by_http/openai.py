"""Chat completions as OpenAI words them, which OpenRouter, vLLM and many others speak."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tutti.adapters.llm.by_http.dialect import Body, Failure, Request, Said, schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.agents.llm.port import Call

_REASONS = re.compile(r"^(o\d|gpt-[5-9](?!.*-chat))")
_FIELDS: Final[Mapping[str, str]] = {
    "temperature": r"\btemperature\b",
    "seed": r"\bseed\b",
    "max_tokens": r"\bmax_tokens\b",
    "max_completion_tokens": r"\bmax_completion_tokens\b",
    "reasoning_effort": r"\breasoning[_. ]effort\b",
    "reasoning": r"(?i)\breasoning\b",
    # not one that finds fault with the schema itself
    "response_format": r"^(?!Invalid schema).*\b(response_format|json_schema)\b",
}
_SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


class OpenAIDialect:
    """OpenAI's own servers, or any that speak its dialect.

    Parameters
    ----------
    url : str
    needs_key : bool
    is_original : bool
        True for OpenAI itself, whose newer models think before they answer.
    """

    fields = _FIELDS

    def __init__(self, url: str, *, needs_key: bool = True, is_original: bool = False) -> None:
        self.url = url
        self.needs_key = needs_key
        self._is_original = is_original

    def request(self, call: Call, model: str, refused: tuple[str, ...]) -> Request:
        """Return a call as a request, without the fields that the model has refused."""
        thinks = self._is_original and _REASONS.match(model) is not None
        messages = [{"role": "user", "content": call.user}]
        if call.system:
            messages.insert(0, {"role": "system", "content": call.system})
        body: Body = {"model": model, "messages": messages}
        if not thinks and "temperature" not in refused:
            body["temperature"] = call.temperature
        if call.seed is not None and "seed" not in refused:
            body["seed"] = call.seed
        newer = "max_tokens" in refused
        if self._is_original or newer:
            newer = "max_completion_tokens" not in refused
        body["max_completion_tokens" if newer else "max_tokens"] = call.max_output_tokens
        # who thinks at length has no tokens left to answer with
        efforts = ("minimal" if re.match(r"gpt-5(-|$)", model) else "none", "low")
        rejected = refused.count("reasoning_effort")
        if thinks and rejected < len(efforts):
            body["reasoning_effort"] = efforts[rejected]
        if call.schema:
            told = {"name": "answer", "schema": schema_of(call.schema), "strict": True}
            body["response_format"] = (
                {"type": "json_object"}
                if "response_format" in refused
                else {"type": "json_schema", "json_schema": told}
            )
        return Request(path="/chat/completions", body=body)

    def authorised(self, key: str) -> dict[str, str]:
        """Return the headers that show a key."""
        return {"Authorization": f"Bearer {key}"}

    def read(self, body: Any) -> Said:
        """Return an answer; see ``Dialect``."""
        choice, usage = body["choices"][0], body.get("usage") or {}
        message = choice["message"]
        reason = choice.get("finish_reason") or ""
        declined = message.get("refusal") or ""
        if reason == "error":
            raise ValueError("its provider failed amid the answer")
        if reason == "content_filter":
            declined = declined or "its content filter"
        details = usage.get("prompt_tokens_details") or {}
        return Said(
            text=_text(message.get("content") or ""),
            input_tokens=int(usage.get("prompt_tokens") or 0),
            output_tokens=int(usage.get("completion_tokens") or 0),
            cached_tokens=int(details.get("cached_tokens") or 0),
            declined=declined,
            is_cut=reason == "length",
            cost_usd=_cost(usage),
            model=body.get("model") or "",
        )

    def failure(self, body: Any) -> Failure:
        """Return what an error says; see ``Dialect``."""
        # vLLM's older versions have no wrapping object
        error = body.get("error", body)
        if isinstance(error, str):
            return Failure(message=error)
        kinds = {str(error.get("code")), str(error.get("type"))}
        return Failure(
            message=str(error["message"]),
            field=str(error.get("param") or ""),
            is_spent=bool(kinds & _SPENT),
        )


def _cost(usage: Mapping[str, Any]) -> Decimal | None:
    cost = usage.get("cost")
    if cost is None or not usage.get("is_byok"):
        return None if cost is None else Decimal(str(cost))
    # asked with a key of one's own at the model's maker, who sends a bill beside the router's
    upstream = (usage.get("cost_details") or {}).get("upstream_inference_cost")
    return None if upstream is None else Decimal(str(cost)) + Decimal(str(upstream))


def _text(content: Any) -> Any:
    # some servers send parts, what the model thought among them
    if isinstance(content, list):
        return "".join(each["text"] for each in content if each.get("type") == "text")
    return content
