"""Asks a provider over HTTP and says what its answer, or its failure, means."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from pydantic import SecretStr

from tutti.adapters.llm.by_http.dialect import Dialect, Failure, Price, Router
from tutti.adapters.llm.by_http.wording import shown
from tutti.agents.llm.counting import at_most
from tutti.agents.llm.port import Answer, Declined, Unanswered
from tutti.kernel.clock import LiveClock
from tutti.model.errors import ModelBusy, ModelDown, ModelError, ModelRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import aiohttp

    from tutti.adapters.llm.by_http.dialect import Said
    from tutti.agents.llm.port import Call

_OK: Final = 200
_TOO_MANY: Final = 429
_DOWN: Final = frozenset({408, 409, 425, *range(500, 600)})
# a gateway gave up; behind it the model may still answer, and charge
_GIVEN_UP: Final = frozenset({408, 504, 524})
_REFUSED_FIELD: Final = frozenset({400, 422})
_REDIRECTS: Final = range(300, 400)
_PATIENCE_S = 120.0
_CONNECTING_S = 10.0
_KEPT_ALIVE_S = 15.0
_USUAL_WAIT_S = 1.0
_MOST_FIELDS = 4
_LARGEST = 8 * 1024 * 1024
_NO_COST = Decimal(0)
_MILLION: Final = 1_000_000
_NO_ANSWER = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
_JSON = {"Content-Type": "application/json"}


class CostOf(Protocol):
    """USD of a model's tokens, None where its price is not known."""

    def __call__(
        self, model: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0, /
    ) -> Decimal | None:
        """Return what input, of which ``cached_tokens`` were read before, and output cost."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who is asked.

    Parameters
    ----------
    name : str
        What it is called in ``provider:name``.
    url : str
        Root of its API, without a slash at the end.
    """

    name: str
    dialect: Dialect
    url: str
    key: SecretStr | None = None


class Connections:
    """The connections to all providers: opened when needed, kept, and closed together.

    Their number is not limited: who asks holds back, else calls would wait where nobody sees it.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """Return the session, opened in the running event loop."""
        import aiohttp  # a tenth of a second and 10 MB that only who asks a model needs

        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_ALIVE_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "tutti"},
            )
        return self._session

    async def close(self) -> None:
        """Close all."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class HttpModel:
    """All language models of one provider; asks once for each call.

    A field that a model refuses, such as a temperature where it chooses that itself, is left out
    from then on.

    Parameters
    ----------
    provider : Provider
    connections : Connections
    cost_of : CostOf
    timeout_s : float
        After which the provider is taken for down; agents have shorter timeouts of their own.
    aliases : collection of str
        Models, ``provider:name``, that are known by this name whoever answers. Of others the answer
        bears the name that the provider gives, for a router or a floating name may ask another.
    """

    def __init__(
        self,
        provider: Provider,
        connections: Connections,
        cost_of: CostOf,
        *,
        timeout_s: float = _PATIENCE_S,
        aliases: Collection[str] = (),
    ) -> None:
        import aiohttp  # see `Connections.session`

        self._provider = provider
        self._connections = connections
        self._cost_of = cost_of
        self._aliases = frozenset(aliases)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=_CONNECTING_S)
        self._secret = provider.key.get_secret_value() if provider.key is not None else ""
        self._headers = dict(_JSON)
        if self._secret:
            self._headers |= provider.dialect.authorised(self._secret)
        self._refused: dict[str, tuple[str, ...]] = {}
        self._clock = LiveClock()

    async def answer(self, call: Call) -> Answer:
        """Return the model's answer; see ``tutti.agents.llm.port.LanguageModel``."""
        name = call.model.partition(":")[2]
        while True:
            started = self._clock.now()
            refused = self._refused.get(name, ())
            status, body, wait = await self._sent(call, name, refused)
            if status == _OK and not (isinstance(body, dict) and body.get("error")):
                return self._read(call, body, started)
            failure = self._failure(body)
            if status not in _REFUSED_FIELD or not self._learnt(name, refused, failure):
                raise self._error(call.model, _status(status, body), failure, wait)

    async def _sent(
        self, call: Call, name: str, refused: tuple[str, ...]
    ) -> tuple[int, Any, float | None]:
        import aiohttp  # see `Connections.session`

        dialect = self._provider.dialect
        request = dialect.request(call, name, refused)
        if isinstance(dialect, Router) and (price := self._price(call)) is not None:
            # else who answers might take more than a budget holds for it
            request.body.update(dialect.bounds(price))
        try:
            async with self._connections.session().post(
                self._provider.url + request.path,
                data=msgspec.json.encode(request.body),
                headers=self._headers | request.headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                text = await response.content.read(_LARGEST)
                while not response.content.at_eof() and len(text) < _LARGEST:
                    text += await response.content.read(_LARGEST)
                wait = _seconds(response.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ModelDown(f"{call.model} can't be reached: {self._shown(str(error))}") from error
        except TimeoutError as error:
            total = self._timeout.total
            raise Unanswered(f"{call.model} gave no answer in {total:g} s") from error
        except aiohttp.InvalidURL as error:
            raise ModelRefused(f"{call.model}: its provider's url is none") from error
        except (aiohttp.ClientError, OSError) as error:
            kind = type(error).__name__
            raise Unanswered(f"{call.model}: the connection broke ({kind})") from error
        return response.status, _decoded(text), wait

    def _price(self, call: Call) -> Price | None:
        # of the longest prompt and answer, as budgets reserve: a prompt's price may hang on its length
        given, made = at_most(call), call.max_output_tokens
        alone, asked, whole = (
            self._cost_of(call.model, *tokens) for tokens in ((0, 0), (given, 0), (given, made))
        )
        if alone is None or asked is None or whole is None:
            return None
        return Price(
            input_usd=(asked - alone) * _MILLION / given,
            output_usd=(whole - asked) * _MILLION / made,
            call_usd=alone,
        )

    def _read(self, call: Call, body: Any, started: int) -> Answer:
        try:
            said = self._provider.dialect.read(body)
        except _NO_ANSWER as error:
            raise Unanswered(f"{call.model} answered with something that is no answer") from error
        cost = said.cost_usd
        # no prompt has no tokens: who did not count them says nothing of the cost, unless it is free
        if cost is None and (said.input_tokens or not self._cost_of(call.model, 1, 1)):
            cost = self._cost_of(
                call.model, said.input_tokens, said.output_tokens, said.cached_tokens
            )
        if fault := _fault(call, said):
            raise Declined(
                f"{call.model} {self._shown(fault)}",
                input_tokens=said.input_tokens,
                output_tokens=said.output_tokens,
                cost_usd=_NO_COST if cost is None else cost,
            )
        return Answer(
            call=call.key,
            text=said.text,
            model=self._who(call.model, said.model),
            input_tokens=said.input_tokens,
            output_tokens=said.output_tokens,
            cost_usd=_NO_COST if cost is None else cost,
            latency=self._clock.now() - started,
            is_priced=cost is not None,
        )

    def _who(self, asked: str, told: str) -> str:
        provider, _, name = asked.partition(":")
        return asked if asked in self._aliases or told in {"", name} else f"{provider}:{told}"

    def _failure(self, body: Any) -> Failure:
        try:
            return self._provider.dialect.failure(body)
        except _NO_ANSWER:
            return Failure(message="")

    def _learnt(self, name: str, refused: tuple[str, ...], failure: Failure) -> bool:
        # whether it is worth to ask again, without the field that the refusal is about
        if self._refused.get(name, ()) != refused:
            return True  # a call beside this one found out first
        for field, words in self._provider.dialect.fields.items():
            is_named = failure.field.partition(".")[0] == field
            if is_named or (not failure.field and re.search(words, failure.message)):
                self._refused[name] = (*refused, field)
                return len(refused) < _MOST_FIELDS
        return False

    def _error(self, model: str, status: int, failure: Failure, wait: float | None) -> ModelError:
        told = self._shown(failure.message)
        words = f"{model}: {status}{f' {told}' if told else ''}"
        if failure.is_spent:
            return ModelRefused(words)
        if wait is None:
            wait = failure.retry_after_s
        if status in _GIVEN_UP:
            return Unanswered(words)
        if status == _TOO_MANY or (status in _DOWN and wait is not None):
            return ModelBusy(words, retry_after_s=_USUAL_WAIT_S if wait is None else wait)
        if status in _DOWN:
            return ModelDown(words)
        if status in _REDIRECTS:
            return ModelRefused(f"{words} it moved elsewhere: correct the url of its provider")
        return ModelRefused(words)

    def _shown(self, text: str) -> str:
        return shown(text, self._secret)


def _fault(call: Call, said: Said) -> str:
    if said.declined:
        return f"refused: {said.declined}"
    if said.is_cut and (call.schema or not said.text):
        return (
            f"used up its {call.max_output_tokens} output tokens before its answer was complete; "
            "raise llm.max_output_tokens"
        )
    return "" if said.text.strip() else "said nothing"


def _status(status: int, body: Any) -> int:
    # OpenRouter sends 200 before it knows, and the true status in the body
    if status != _OK or not isinstance(body, dict):
        return status
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else 502


def _decoded(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except ValueError:
        # not JSON, or not even letters
        return None


def _seconds(headers: Mapping[str, str]) -> float | None:
    told = headers.get("Retry-After")
    if told is None:
        return None
    try:
        wait = float(told)
    except ValueError:
        # a date is of use only beside the provider's own clock
        until, now = (_instant(headers.get(name)) for name in ("Retry-After", "Date"))
        wait = math.nan if until is None or now is None else (until - now).total_seconds()
    return max(wait, 0.0) if math.isfinite(wait) else None


def _instant(header: str | None) -> datetime | None:
    try:
        told = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)
