"""Which language models a configuration asks, what was asked of them, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from tutti.adapters.llm.by_http.catalogue import KINDS, address, provider_of
from tutti.adapters.llm.by_http.keys import model_key
from tutti.agents.llm.knowledge import Cutoffs
from tutti.agents.llm.recorded import ANSWER, LATE
from tutti.app.llm import prices_of, provider_settings
from tutti.app.model_use import RECORDS
from tutti.kernel.clock import DAY, iso
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from tutti.agents.llm.recorded import RecordedCall
    from tutti.app.settings import Config
    from tutti.kernel.clock import Clock

Part = Literal["agent", "model", "day"]
PARTS: Final[tuple[Part, ...]] = ("agent", "model", "day")
"""What costs may be told apart by."""

CONDUCTOR: Final = "conductor"
"""Under this name the conductor asks."""

_THOUSAND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model that a configuration asks.

    Parameters
    ----------
    asked_by : tuple of str
        Agents; those that ask it only where another gives no answer, too.
    input_usd, output_usd : Decimal or None
        Of a million tokens, of a short prompt where prices depend on its length.
    cutoff : str
        Until when it was trained; empty where nobody knows.
    fault : str
        Why it can't be asked; empty where it can.
    """

    model: str
    asked_by: tuple[str, ...]
    input_usd: Decimal | None
    output_usd: Decimal | None
    cutoff: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRow:
    """One provider that may be named.

    Parameters
    ----------
    fault : str
        Why nobody there can be asked; empty where somebody can.
    """

    name: str
    kind: str
    url: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What calls took, together.

    Parameters
    ----------
    agent, model, day : str
        Whose and when; empty where it is not told apart. The model is who answered, or who was
        asked where nobody did.
    n_calls : int
        All but those that were answered from the record, which are ``n_reused``.
    n_answers, n_late : int
        Of them; the rest failed.
    n_unpriced : int
        Answers that no cost is known of.
    """

    agent: str = ""
    model: str = ""
    day: str = ""
    n_calls: int = 0
    n_answers: int = 0
    n_late: int = 0
    n_reused: int = 0
    n_unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: Decimal = Decimal(0)

    def plus(self, call: RecordedCall) -> Cost:
        """Return it with one more."""
        came = call.outcome
        if call.is_reused:
            return replace(self, n_reused=self.n_reused + 1)
        is_answer = came.kind == ANSWER
        return replace(
            self,
            n_calls=self.n_calls + 1,
            n_answers=self.n_answers + is_answer,
            n_late=self.n_late + (came.kind == LATE),
            n_unpriced=self.n_unpriced + (is_answer and not came.is_priced),
            input_tokens=self.input_tokens + came.input_tokens,
            output_tokens=self.output_tokens + came.output_tokens,
            usd=self.usd + came.cost_usd,
        )


def model_rows(
    config: Config, clock: Clock, environment: Mapping[str, str] | None = None
) -> list[ModelRow]:
    """Return the models that agents and conductor ask, in the order of the configuration."""
    askers: dict[str, dict[str, None]] = {}
    for agent in config.agents:
        for name in (agent.model, *agent.fallback):
            if name and agent.enabled:
                askers.setdefault(name, {})[agent.name] = None
    if config.conductor.model:
        askers.setdefault(config.conductor.model, {})[CONDUCTOR] = None
    prices, cutoffs = prices_of(config, clock), Cutoffs(config.llm.cutoffs)
    rows = []
    for model, names in askers.items():
        given, made = prices.cost(model, _THOUSAND, 0), prices.cost(model, 0, _THOUSAND)
        rows.append(
            ModelRow(
                model=model,
                asked_by=tuple(names),
                input_usd=None if given is None else given * _THOUSAND,
                output_usd=None if made is None else made * _THOUSAND,
                cutoff=cutoffs.find(model).stated,
                fault=_fault(config, model.partition(":")[0], environment),
            )
        )
    return rows


def provider_rows(
    config: Config, environment: Mapping[str, str] | None = None
) -> list[ProviderRow]:
    """Return the providers that models may be of: the built-in ones, and those configured."""
    rows = []
    for name in dict.fromkeys((*config.llm.providers, *KINDS)):
        kind, settings = provider_settings(config, name)
        fault = _fault(config, name, environment)
        url = address(kind, settings.url)
        rows.append(ProviderRow(name=name, kind=kind, url=url, fault=fault))
    return rows


def _fault(config: Config, name: str, environment: Mapping[str, str] | None) -> str:
    try:
        kind, settings = provider_settings(config, name)
        read = partial(model_key, words=settings.key, environment=environment)
        provider_of(name, kind, settings.url, read)
    except ConfigError as error:
        return str(error)
    return ""


def records_of(path: Path) -> Path:
    """Return the file of records: the one that is named, or that of the run in a folder.

    Raises
    ------
    ConfigError
        If there is none.
    """
    found = path / RECORDS if path.is_dir() else path
    if not found.is_file():
        raise ConfigError(f"{found}: no records of language models here; name their file")
    return found


def costs(calls: Iterable[RecordedCall], by: Sequence[Part]) -> list[Cost]:
    """Return what calls took, told apart by some of ``PARTS``, sorted by them."""
    told: dict[str, Callable[[RecordedCall], str]] = {
        "agent": lambda call: call.agent,
        "model": lambda call: call.outcome.model or call.asked,
        "day": lambda call: iso(call.ts - call.ts % DAY)[:10],
    }
    found: dict[tuple[str, ...], Cost] = {}
    for call in calls:
        key = tuple(told[part](call) for part in by)
        before = found.get(key)
        if before is None:
            before = Cost(**dict(zip(by, key, strict=True)))  # type: ignore[arg-type]
        found[key] = before.plus(call)
    return [found[key] for key in sorted(found)]
