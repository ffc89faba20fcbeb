"""What each dialect of providers has to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.agents.llm.port import Call

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent: after the provider's URL, ``path``; to what every request has, ``headers``."""

    path: str
    body: Body
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a call is reserved at, USD: a million tokens in and out, and the call itself."""

    input_usd: Decimal
    output_usd: Decimal
    call_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came back.

    Parameters
    ----------
    input_tokens : int
        All of the prompt; ``cached_tokens`` of them the provider had read before.
    output_tokens : int
        Thinking that is charged as output among them.
    declined : str
        Why there is no answer, in the provider's words; empty where there is one.
    is_cut : bool
        True where the output tokens were used up.
    cost_usd : Decimal or None
        As the provider itself says; None where it doesn't.
    model : str
        Who answered, as the provider calls it; empty where it doesn't say.

    Raises
    ------
    TypeError, ValueError
        If the text is none, or a number is negative or not finite.
    """

    text: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    declined: str = ""
    is_cut: bool = False
    cost_usd: Decimal | None = None
    model: str = ""

    def __post_init__(self) -> None:
        told: tuple[object, ...] = (self.text, self.declined, self.model)
        if not all(isinstance(each, str) for each in told):
            raise TypeError(f"an answer must be text, was {type(self.text).__name__}")
        counts = (self.input_tokens, self.output_tokens, self.cached_tokens)
        if min(counts) < 0 or self.cached_tokens > self.input_tokens:
            raise ValueError(f"no such numbers of tokens: {counts}")
        if self.cost_usd is not None and not (self.cost_usd.is_finite() and self.cost_usd >= 0):
            raise ValueError(f"no such cost: {self.cost_usd}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a provider says of a request that failed.

    Parameters
    ----------
    field : str
        Which field of the request it dislikes; empty where it doesn't say.
    retry_after_s : float or None
        As it stands in the body.
    is_spent : bool
        True where the account has nothing left: waiting does not help.
    """

    message: str
    field: str = ""
    retry_after_s: float | None = None
    is_spent: bool = False


class Dialect(Protocol):
    """Words requests and reads answers as one kind of provider does."""

    @property
    def url(self) -> str:
        """Root of the API of who made it."""
        ...

    @property
    def needs_key(self) -> bool:
        """Whether nobody is served there without one."""
        ...

    @property
    def fields(self) -> Mapping[str, str]:
        """Fields that some models refuse, and how a refusal words it, as a regular expression.

        A request can be made without them.
        """
        ...

    def request(self, call: Call, model: str, refused: tuple[str, ...]) -> Request:
        """Return a call as a request, without the fields that the model has refused.

        A field that was refused twice is there twice: it may have a second spelling.
        """
        ...

    def authorised(self, key: str) -> dict[str, str]:
        """Return the headers that show a key."""
        ...

    def read(self, body: Any) -> Said:
        """Return an answer.

        Raises
        ------
        LookupError, TypeError, AttributeError, ValueError, ArithmeticError
            If it is none.
        """
        ...

    def failure(self, body: Any) -> Failure:
        """Return what an error says.

        Raises
        ------
        LookupError, TypeError, AttributeError, ValueError, ArithmeticError
            If it is not worded as this dialect does.
        """
        ...


@runtime_checkable
class Router(Protocol):
    """A dialect of who passes calls on to others, whose prices differ."""

    def bounds(self, price: Price) -> Body:
        """Return the fields of a request that keep it from those who take more."""
        ...


_NUMERIC = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    | {"minLength", "maxLength", "maxItems", "uniqueItems"}
)
_EXCLUSIVE = frozenset({"exclusiveMinimum", "exclusiveMaximum", "multipleOf"})


@lru_cache(maxsize=64)
def schema_of(text: str) -> Any:
    """Return a schema as it is, to be sent as it stands."""
    return msgspec.Raw(text.encode())


@lru_cache(maxsize=64)
def schema_without_bounds(text: str) -> Any:
    """Return a schema without bounds on numbers, texts and lists."""
    return _without(msgspec.json.decode(text), _NUMERIC)


@lru_cache(maxsize=64)
def schema_without_open_bounds(text: str) -> Any:
    """Return a schema without bounds that are themselves left out."""
    return _without(msgspec.json.decode(text), _EXCLUSIVE)


def _without(schema: Any, words: frozenset[str]) -> Any:
    if isinstance(schema, list):
        return [_without(each, words) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # the names under "properties" are the caller's own, whatever they are
    return {
        word: {name: _without(part, words) for name, part in value.items()}
        if word == "properties"
        else _without(value, words)
        for word, value in schema.items()
        if word not in words
    }
