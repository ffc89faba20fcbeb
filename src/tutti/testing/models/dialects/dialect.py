"""What each dialect of model servers has to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.testing.models.conversation import Question

Body = dict[str, Any]


class Misunderstood(Exception):
    """Request that a real server would refuse with 400."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A reply with everything counted.

    Parameters
    ----------
    number : int
        Of the request at this server; part of its id.
    is_cut : bool
        True where the output tokens were used up.
    """

    number: int
    text: str
    input_tokens: int
    output_tokens: int
    is_cut: bool
    is_refusal: bool


class Dialect(Protocol):
    """Reads requests and words answers as one provider does."""

    name: str

    def question(self, path: str, headers: Mapping[str, str], body: Any) -> Question | None:
        """Return what is asked, None where the path is not of this dialect.

        Raises
        ------
        Misunderstood
            If a real server would refuse it.
        """
        ...

    def answer(self, question: Question, said: Said) -> Body:
        """Return the body of an answer."""
        ...

    def failure(self, status: int, message: str, retry_after_s: float) -> Body:
        """Return the body of an error."""
        ...


def text_of(content: Any) -> str:
    """Return the text of a message's content: text, or a list of parts.

    Raises
    ------
    Misunderstood
        If it is neither.
    """
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(each, dict) for each in content):
        return "\n\n".join(str(each.get("text", "")) for each in content)
    raise Misunderstood("content must be text or a list of parts")


def split(messages: Any) -> tuple[str, str]:
    """Return the system's and everybody else's part of a list of messages.

    Raises
    ------
    Misunderstood
        If it is no list of messages, or an empty one.
    """
    if not isinstance(messages, list) or not messages:
        raise Misunderstood("messages must be a list with at least one message")
    parts: dict[bool, list[str]] = {True: [], False: []}
    for message in messages:
        if not isinstance(message, dict):
            raise Misunderstood("a message must be an object")
        is_system = message.get("role") in {"system", "developer"}
        parts[is_system].append(text_of(message.get("content")))
    return "\n\n".join(parts[True]), "\n\n".join(parts[False])


def field(body: Any, name: str) -> Any:
    """Return a field that a request must have.

    Raises
    ------
    Misunderstood
        If it is missing.
    """
    if not isinstance(body, dict) or name not in body:
        raise Misunderstood(f"missing required parameter: {name!r}")
    return body[name]


def bearer(headers: Mapping[str, str]) -> str:
    """Return the key in the header Authorization; empty for none."""
    return headers.get("Authorization", "").removeprefix("Bearer ").strip()
