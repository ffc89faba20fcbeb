"""What is asked of a fake model, what it says, and scripts that decide it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tutti.model.errors import ConfigError
from tutti.testing.listed import text_of

if TYPE_CHECKING:
    from pathlib import Path

CHARACTERS_A_TOKEN: Final = 4
"""What a fake model counts as a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request, whatever dialect it came in.

    Parameters
    ----------
    dialect : str
        ``openai``, ``gemini``, ``anthropic`` or ``ollama``.
    model : str
        As asked for.
    system, user : str
        Parts of the prompt, each joined by blank lines.
    schema : mapping or None
        JSON Schema that the answer has to fit.
    max_output_tokens : int or None
    temperature : float or None
    seed : int or None
    key : str
        What the client was known by; empty for none.
    body : mapping
        The request as it came.
    """

    dialect: str
    model: str
    system: str
    user: str
    schema: Mapping[str, Any] | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    key: str = ""
    body: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def input_tokens(self) -> int:
        """Tokens of the prompt, as a fake model counts."""
        return tokens(self.system) + tokens(self.user)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a fake model says.

    Parameters
    ----------
    input_tokens, output_tokens : int or None
        As it reports them; None to have them counted.
    latency_s : float
        On top of the server's.
    is_refusal : bool
        True to refuse in the dialect's own way; the text is then the reason.
    """

    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_s: float = 0.0
    is_refusal: bool = False


class Failing(Exception):
    """Error that a script answers with instead of a reply.

    Parameters
    ----------
    status : int
        Of HTTP.
    retry_after_s : float
        Sent as a header where positive.
    """

    def __init__(self, status: int, message: str = "", *, retry_after_s: float = 0.0) -> None:
        super().__init__(message or f"scripted failure {status}")
        self.status = status
        self.retry_after_s = retry_after_s


Script = Callable[[Question], Reply | str]
"""Answers a question, or raises ``Failing``."""


def tokens(text: str) -> int:
    """Return how many tokens a fake model counts in a text."""
    return math.ceil(len(text) / CHARACTERS_A_TOKEN)


def fitting(question: Question) -> Reply:
    """Answer with something that fits the schema, the same for the same question.

    Numbers and choices are drawn evenly, from a generator that is seeded with the question.
    """
    asked = f"{question.model}\0{question.system}\0{question.user}\0{question.seed}"
    seed = int.from_bytes(hashlib.sha256(asked.encode()).digest()[:8], "big")
    generator = np.random.default_rng(seed)
    if question.schema is None:
        return Reply(text=f"A made-up answer, number {seed % 1000}.")
    return Reply(text=json.dumps(_instance(question.schema, generator)))


def _instance(schema: Mapping[str, Any], generator: np.random.Generator) -> Any:
    if "enum" in schema:
        return schema["enum"][int(generator.integers(len(schema["enum"])))]
    if "const" in schema:
        return schema["const"]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _instance(schema[several][0], generator)
    kind = schema.get("type", "object")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            parts = schema.get("properties", {})
            return {name: _instance(part, generator) for name, part in parts.items()}
        case "array":
            # one of those that there are to choose from, else as few as may be
            n = int(schema.get("minItems", "enum" in schema["items"]))
            return [_instance(schema["items"], generator) for _ in range(n)]
        case "number" | "integer" as number:
            low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
            high = schema.get("maximum", schema.get("exclusiveMaximum", low + 1))
            # away from the ends, which may be left out themselves
            drawn = low + (high - low) * (0.01 + 0.98 * float(generator.random()))
            return math.floor(drawn) if number == "integer" else round(drawn, 3)
        case "boolean":
            return bool(generator.random() < 1 / 2)
        case "null":
            return None
        case _:
            return "made up"


def always(text: str, **terms: Any) -> Script:
    """Return a script that gives one answer; ``terms`` are those of ``Reply``."""
    reply = Reply(text=text, **terms)
    return lambda _: reply


def in_turn(replies: Sequence[Reply | str | Failing]) -> Script:
    """Return a script that plays a list once, and its last entry from then on.

    Raises
    ------
    ValueError
        If the list is empty.
    """
    if not replies:
        raise ValueError("a script needs something to say")
    left = list(replies)

    def play(_: Question) -> Reply | str:
        said = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(said, Failing):
            raise said
        return said

    return play


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of a script in a file.

    Parameters
    ----------
    answer : str
        Text, or JSON to be sent as text.
    match : str
        Regular expression, looked for in the whole prompt; empty fits all.
    model : str
        Regular expression of the model's name; empty fits all.
    status : int
        HTTP status to fail with; 0 to answer.
    """

    answer: str = ""
    match: str = ""
    model: str = ""
    status: int = 0
    retry_after_s: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_s: float = 0.0
    is_refusal: bool = False

    def fits(self, question: Question) -> bool:
        """Return whether it answers this question."""
        prompt = f"{question.system}\n\n{question.user}"
        return bool(re.search(self.match, prompt) and re.search(self.model, question.model))

    def said(self) -> Reply:
        """Return its answer.

        Raises
        ------
        Failing
            If it is one that fails.
        """
        if self.status:
            raise Failing(self.status, self.answer, retry_after_s=self.retry_after_s)
        return Reply(
            text=self.answer,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            latency_s=self.latency_s,
            is_refusal=self.is_refusal,
        )


def by_rules(rules: Sequence[Rule]) -> Script:
    """Return a script that answers with the first rule that fits, else with what fits the schema."""

    def play(question: Question) -> Reply | str:
        for rule in rules:
            if rule.fits(question):
                return rule.said()
        return fitting(question)

    return play


def parse_rules(text: str, *, source: str = "script") -> list[Rule]:
    """Return the rules of a JSON list of objects; an answer that is no text is sent as JSON.

    Raises
    ------
    ConfigError
        If it is no such list, or a rule is not understood.
    """
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{source}: not JSON: {error}") from error
    if not isinstance(entries, list):
        raise ConfigError(f"{source}: expected a list of rules, got {type(entries).__name__}")
    rules = []
    for k, entry in enumerate(entries):
        try:
            answer = entry.get("answer", "")
            said = answer if isinstance(answer, str) else json.dumps(answer)
            rule = Rule(**{**entry, "answer": said})
            re.compile(rule.match), re.compile(rule.model)
        except (AttributeError, TypeError, re.error) as error:
            raise ConfigError(f"{source}: rule {k} ({entry!r}): {error}") from error
        rules.append(rule)
    return rules


def read_rules(path: Path) -> list[Rule]:
    """Return the rules of a file.

    Raises
    ------
    ConfigError
        If it can't be read or understood.
    """
    return parse_rules(text_of(path, "script"), source=str(path))
