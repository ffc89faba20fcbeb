"""Which language models a configuration asks, and which providers there are."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from tutti.adapters.llm.by_http.catalogue import KINDS, address, provider_of
from tutti.adapters.llm.by_http.keys import model_key
from tutti.agents.llm.budget import Purse
from tutti.app.knowledge import cutoffs_of
from tutti.app.llm import limits_of, prices_of, provider_settings
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.agents.llm.budget import Charges
    from tutti.app.settings import Config
    from tutti.kernel.clock import Clock

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
class BudgetRow:
    """One limit of an agent, and what of it is spent; what was reserved and never ended is, too.

    Parameters
    ----------
    period, unit : str
        ``hour`` or ``day``, ``tokens`` or ``USD``.
    """

    agent: str
    period: str
    unit: str
    spent: Decimal
    limit: Decimal


def budget_rows(config: Config, charges: Charges, clock: Clock) -> list[BudgetRow]:
    """Return the limits of all agents and of the conductor, with what was spent of them by now."""
    askers = [(agent.name, agent.budget) for agent in config.agents if agent.enabled]
    rows = []
    for name, budget in [*askers, (CONDUCTOR, config.conductor.budget)]:
        limits = limits_of(budget)
        if not limits.any:
            continue
        spent = Purse(name, limits, clock=clock, charges=charges).spent()
        for period, unit, limit in (
            ("hour", "tokens", limits.tokens_per_hour),
            ("hour", "USD", limits.usd_per_hour),
            ("day", "tokens", limits.tokens_per_day),
            ("day", "USD", limits.usd_per_day),
        ):
            if limit is not None:
                tokens, usd = spent[period]
                taken = Decimal(tokens) if unit == "tokens" else usd
                row = BudgetRow(
                    agent=name, period=period, unit=unit, spent=taken, limit=Decimal(limit)
                )
                rows.append(row)
    return rows


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
    prices, cutoffs = prices_of(config, clock), cutoffs_of(config)
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
