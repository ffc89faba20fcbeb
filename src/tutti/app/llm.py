"""Language models for agents, as the configuration has them: provider, retries, budget, records."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tutti.adapters.llm.by_http.catalogue import KINDS, provider_of
from tutti.adapters.llm.by_http.client import Connections, HttpModel
from tutti.adapters.llm.by_http.keys import model_key
from tutti.adapters.llm.prices import Prices, Tariff
from tutti.adapters.secrets.catalogue import key_source
from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.agents.llm.blinding.answers import BlindedAnswers
from tutti.agents.llm.breaker import Breaker
from tutti.agents.llm.budget import Budgeted, Limits, Purse
from tutti.agents.llm.fallback import Fallback
from tutti.agents.llm.metered import Metered, NoModelMetrics
from tutti.agents.llm.recorded import Recorded
from tutti.agents.llm.retrying import Retrying
from tutti.agents.llm.silent import SilentModel, no_model
from tutti.app.settings import BudgetSettings, ProviderSettings
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from pathlib import Path

    from tutti.agents.llm.blinding import Blinding
    from tutti.agents.llm.breaker import BreakerState
    from tutti.agents.llm.metered import ModelMetrics
    from tutti.agents.llm.port import LanguageModel
    from tutti.agents.llm.recorded import Mode
    from tutti.app.settings import AgentSettings, Config
    from tutti.kernel.clock import Clock

_NO_BUDGET = BudgetSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks a language model, and on which terms.

    Parameters
    ----------
    name : str
        Of an agent, or of another part that asks; what is spent is kept under it.
    model : str
        ``provider:name``; empty for none.
    fallback : tuple of str
        Models that are asked next where one gives no answer.
    timeout_s : float
        Nobody waits for longer, retries included.
    """

    name: str
    model: str
    fallback: tuple[str, ...] = ()
    timeout_s: float = 2.0
    retries: int = 1
    budget: BudgetSettings = _NO_BUDGET


class LanguageModels:
    """Makes each agent its language model, which keeps to the agent's budget and to the mode.

    Records are outermost, so that a replay gives back just what an agent heard. Each attempt is
    reserved and paid on its own; each model has a circuit breaker of its own for each agent.

    Parameters
    ----------
    config : Config
        Its providers.
    mode : Mode
        A replay asks nobody: it needs no keys and opens no connection.
    records : SqliteCallRecords
        Of what is asked, and of what was spent.
    clock : Clock
        Of the wall, whatever the market's time is: budgets, pauses and latencies are real.
    metrics : ModelMetrics, optional
    environment : mapping of str to str, optional
        Where keys may be; the process's by default.
    blind : Blinding, optional
        Of a blinded run: what a model guesses is blinded before it is recorded.
    """

    def __init__(  # noqa: PLR0913 - joins what it is given
        self,
        config: Config,
        *,
        mode: Mode,
        records: SqliteCallRecords,
        clock: Clock,
        metrics: ModelMetrics | None = None,
        environment: Mapping[str, str] | None = None,
        blind: Blinding | None = None,
    ) -> None:
        self._config = config
        self._blind = blind
        self._mode = mode
        self._records = records
        self._clock = clock
        self._metrics: ModelMetrics = NoModelMetrics() if metrics is None else metrics
        self._environment = environment
        self._connections = Connections()
        self._prices = prices_of(config, clock)
        self._random = np.random.default_rng(config.seed)
        self._providers: dict[str, LanguageModel] = {}
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._purses: dict[str, Purse] = {}

    def __call__(self, agent: AgentSettings) -> LanguageModel:
        """Return the language model of an agent; one that says why, where none is configured.

        Raises
        ------
        ConfigError
            If a provider is unknown or, live, has no key; or if money is limited and a model has
            no known price.
        """
        return self.of(
            Asker(
                name=agent.name,
                model=agent.model,
                fallback=agent.fallback,
                timeout_s=agent.timeout_s,
                retries=agent.retries,
                budget=agent.budget,
            )
        )

    def of(self, asker: Asker) -> LanguageModel:
        """Return the language model of anybody; see ``__call__``."""
        if not asker.model:
            return SilentModel(no_model(asker.name))
        if self._mode == "replay":
            return Recorded(None, self._records, mode="replay", clock=self._clock)
        names = tuple(dict.fromkeys((asker.model, *asker.fallback)))
        purse = self._purse(asker, names)
        chain: LanguageModel = Fallback({name: self._model(asker, name, purse) for name in names})
        if self._blind is not None:
            chain = BlindedAnswers(chain, self._blind)
        return Recorded(chain, self._records, mode=self._mode, clock=self._clock)

    def price_of(self, model: str, input_tokens: int, output_tokens: int) -> Decimal | None:
        """Return USD of a model's tokens, None where its price is not known."""
        return self._prices.cost(model, input_tokens, output_tokens)

    def states(self) -> dict[str, dict[str, BreakerState]]:
        """Return the state of each circuit breaker, by agent and model."""
        found: dict[str, dict[str, BreakerState]] = {}
        for (agent, model), breaker in self._breakers.items():
            found.setdefault(agent, {})[model] = breaker.state
        return found

    def spent(self) -> dict[str, dict[str, tuple[int, Decimal]]]:
        """Return tokens and USD spent in this hour and day, by agent that has a budget."""
        return {name: purse.spent() for name, purse in self._purses.items()}

    async def aclose(self) -> None:
        """Close all connections; the records are left to who opened them."""
        await self._connections.close()

    def _purse(self, asker: Asker, names: tuple[str, ...]) -> Purse | None:
        limits = limits_of(asker.budget)
        if not limits.any:
            return None
        unpriced = [name for name in names if self.price_of(name, 1, 1) is None]
        if limits.of_usd and unpriced:
            provider = unpriced[0].partition(":")[0]
            raise ConfigError(
                f"the budget of {asker.name} limits USD, and the price of {unpriced[0]} is not "
                f"known; set llm.providers.{provider}.input_usd_per_million and "
                "output_usd_per_million, 0 where it is free"
            )
        # one for each, also when agents change: a question that is out then still spends from it
        purse = self._purses.get(asker.name)
        if purse is None:
            purse = Purse(asker.name, limits, clock=self._clock, charges=self._records)
            self._purses[asker.name] = purse
        else:
            purse.limit(limits)
        return purse

    def _model(self, asker: Asker, name: str, purse: Purse | None) -> LanguageModel:
        model: LanguageModel = Metered(self._provider(name), self._metrics)
        if purse is not None:
            model = Budgeted(model, purse, self.price_of)
        retrying = Retrying(
            model,
            clock=self._clock,
            random=self._random,
            retries=asker.retries,
            patience_s=asker.timeout_s,
        )
        breaker = Breaker(retrying, clock=self._clock)
        self._breakers[asker.name, name] = breaker
        return breaker

    def _provider(self, model: str) -> LanguageModel:
        name, colon, rest = model.partition(":")
        if not colon or not rest:
            raise ConfigError(
                f"a model is written provider:name, was {model!r}; write for example "
                "openai:gpt-5-mini"
            )
        if name not in self._providers:
            self._providers[name] = self._made(name)
        return self._providers[name]

    def _made(self, name: str) -> LanguageModel:
        kind, settings = provider_settings(self._config, name)
        try:
            key_source(settings.key, self._environment)
        except ConfigError as error:
            raise ConfigError(f"llm.providers.{name}.key: {error}") from error
        read = partial(model_key, words=settings.key, environment=self._environment)
        try:
            provider = provider_of(name, kind, settings.url, read)
        except ConfigError as error:
            if self._mode == "live":
                raise
            # what is on record needs nobody to be asked
            return SilentModel(str(error))
        return HttpModel(
            provider, self._connections, self._prices.cost, aliases=self._config.llm.cutoffs
        )


def provider_settings(config: Config, name: str) -> tuple[str, ProviderSettings]:
    """Return kind and settings of a provider; those of the kind's own where none are configured.

    Raises
    ------
    ConfigError
        If it is neither configured nor a kind.
    """
    settings = config.llm.providers.get(name)
    if settings is None:
        if name not in KINDS:
            known = ", ".join(dict.fromkeys((*config.llm.providers, *KINDS)))
            raise ConfigError(
                f"no provider is called {name!r}; there are {known}. Name the url of another "
                f"under llm.providers.{name}"
            )
        return name, ProviderSettings()
    if name in KINDS and "kind" not in settings.model_fields_set:
        return name, settings
    return settings.kind, settings


def prices_of(config: Config, clock: Clock) -> Prices:
    """Return what the models of all providers cost."""
    tariffs = {}
    for name in dict.fromkeys((*KINDS, *config.llm.providers)):
        kind, settings = provider_settings(config, name)
        tariffs[name] = Tariff(
            kind=kind,
            url=settings.url,
            input_usd=settings.input_usd_per_million,
            output_usd=settings.output_usd_per_million,
        )
    return Prices(tariffs, clock)


def limits_of(budget: BudgetSettings) -> Limits:
    """Return the limits of a configured budget."""
    return Limits(
        tokens_per_hour=budget.tokens_per_hour,
        tokens_per_day=budget.tokens_per_day,
        usd_per_hour=budget.usd_per_hour,
        usd_per_day=budget.usd_per_day,
    )


def open_records(path: Path, mode: Mode) -> SqliteCallRecords:
    """Return the records in a file; a replay only reads them.

    Raises
    ------
    ConfigError
        If a replay finds no file.
    LedgerError
        If it can't be used.
    """
    return SqliteCallRecords(path, read_only=mode == "replay")
