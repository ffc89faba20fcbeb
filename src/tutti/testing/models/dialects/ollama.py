"""Chat as Ollama words it natively; it also speaks OpenAI's dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.testing.models.conversation import Question
from tutti.testing.models.dialects.dialect import Body, Misunderstood, Said, bearer, field, split

if TYPE_CHECKING:
    from collections.abc import Mapping


class OllamaDialect:
    """``POST /api/chat``."""

    name = "ollama"

    def question(self, path: str, headers: Mapping[str, str], body: Any) -> Question | None:
        """Return what is asked, None where the path is another's.

        Raises
        ------
        Misunderstood
            If a real server would answer otherwise than this one can.
        """
        if not path.endswith("/api/chat"):
            return None
        system, user = split(field(body, "messages"))
        if body.get("stream", True):
            raise Misunderstood("this server does not stream: send stream false")
        schema, options = body.get("format"), body.get("options", {})
        return Question(
            dialect=self.name,
            body=body,
            model=str(field(body, "model")),
            system=system,
            user=user,
            schema={"type": "object"} if schema == "json" else schema,
            max_output_tokens=options.get("num_predict"),
            temperature=options.get("temperature"),
            seed=options.get("seed"),
            key=bearer(headers),
        )

    def answer(self, question: Question, said: Said) -> Body:
        """Return the body of an answer; a refusal is text like any other here."""
        return {
            "model": question.model,
            "created_at": "2023-11-14T22:13:20Z",
            "message": {"role": "assistant", "content": said.text},
            "done": True,
            "done_reason": "length" if said.is_cut else "stop",
            "prompt_eval_count": said.input_tokens,
            "eval_count": said.output_tokens,
        }

    def failure(self, status: int, message: str, retry_after_s: float) -> Body:
        """Return the body of an error."""
        del status, retry_after_s
        return {"error": message}
