"""Chat as Ollama words it natively."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tutti.adapters.llm.by_http.dialect import Body, Failure, Request, Said, schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.agents.llm.port import Call

_FIELDS: Final[Mapping[str, str]] = {"think": r"\bthink", "format": r"\bformat\b"}


class OllamaDialect:
    """Ollama on this machine, or another."""

    url = "http://127.0.0.1:11434"
    needs_key = False
    fields = _FIELDS

    def request(self, call: Call, model: str, refused: tuple[str, ...]) -> Request:
        """Return a call as a request, without the fields that the model has refused."""
        options: Body = {"temperature": call.temperature, "num_predict": call.max_output_tokens}
        if call.seed is not None:
            options["seed"] = call.seed
        messages = [{"role": "user", "content": call.user}]
        if call.system:
            messages.insert(0, {"role": "system", "content": call.system})
        body: Body = {"model": model, "messages": messages, "stream": False, "options": options}
        if "think" not in refused:
            # who thinks at length has no tokens left to answer with
            body["think"] = False
        if call.schema:
            body["format"] = "json" if "format" in refused else schema_of(call.schema)
        return Request(path="/api/chat", body=body)

    def authorised(self, key: str) -> dict[str, str]:
        """Return the headers that show a key."""
        return {"Authorization": f"Bearer {key}"}

    def read(self, body: Any) -> Said:
        """Return an answer; see ``Dialect``."""
        return Said(
            text=body["message"]["content"],
            input_tokens=int(body.get("prompt_eval_count") or 0),
            output_tokens=int(body.get("eval_count") or 0),
            is_cut=body.get("done_reason") == "length",
            model=body.get("model") or "",
        )

    def failure(self, body: Any) -> Failure:
        """Return what an error says; see ``Dialect``."""
        return Failure(message=str(body["error"]))
