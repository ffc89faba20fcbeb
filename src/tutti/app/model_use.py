"""How language models may be asked: whether at all, where answers are kept, for how much money."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from tutti.adapters.feeds.files import describe, find_files
from tutti.agents.llm.recorded import Mode
from tutti.app.llm_estimate import CallCollector, Estimate
from tutti.app.seats import VOICES
from tutti.app.voices import no_models
from tutti.kernel.clock import LiveClock
from tutti.model.errors import ConfigError, GateClosed
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tutti.agents.llm.blinding import Blinding
    from tutti.agents.llm.metered import ModelMetrics
    from tutti.app.settings import Config
    from tutti.app.voices import Models

RECORDS = Path("llm.sqlite")
"""Where calls are kept unless told otherwise: in the working folder, or a run's own."""

FULL_PROMPT = 4_000
"""Tokens of a prompt that is full of texts."""

_DAY_S = 86_400
_CENT = Decimal("0.01")


def _refused(estimate: Estimate) -> None:
    raise GateClosed(f"{in_words(estimate)}: nobody has agreed to it; agree with --yes")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """How language models may be asked in a run.

    Parameters
    ----------
    mode : {'live', 'record', 'replay'}
        Ask always, ask what is not on record, or never.
    records : Path
        Where calls are kept.
    approve : callable
        Told what it is going to cost before anything is spent; raises GateClosed to refuse.
    approve_change : callable or None
        The same where agents change while a service runs, and nobody is there to be asked; None
        for ``approve``.
    """

    mode: Mode = "replay"
    records: Path = RECORDS
    approve: Callable[[Estimate], None] = _refused
    approve_change: Callable[[Estimate], None] | None = None


@asynccontextmanager
async def models_for(
    config: Config,
    use: ModelUse,
    *,
    metrics: ModelMetrics | None = None,
    blind: Blinding | None = None,
    always: bool = False,
) -> AsyncIterator[Models]:
    """Open the language models of a configuration.

    Without records a replay has models that answer nothing, and say so.

    Parameters
    ----------
    blind : Blinding, optional
        Of a blinded run.
    always : bool
        Open them though nobody asks any yet: agents may come later.

    Raises
    ------
    ConfigError
        If a provider can't be used.
    LedgerError
        If the records can't be used.
    """
    if not (always or asks_models(config)) or (use.mode == "replay" and not use.records.exists()):
        yield no_models
        return
    from tutti.app.llm import LanguageModels, open_records  # an HTTP client, seldom needed

    with open_records(use.records, use.mode) as records:
        models = LanguageModels(
            config, mode=use.mode, records=records, clock=LiveClock(), metrics=metrics, blind=blind
        )
        try:
            yield models
        finally:
            await models.aclose()


def asks_models(config: Config) -> bool:
    """Tell whether the conductor, or some agent that is switched on, asks a language model."""
    return bool(config.conductor.model) or any(
        each.enabled and each.model and each.plugin in VOICES for each in config.agents
    )


def estimate_of(collected: CallCollector, config: Config, use: ModelUse) -> Estimate:
    """Return what it takes to ask what was collected.

    Raises
    ------
    LedgerError
        If the records can't be read.
    """
    from tutti.app.llm import open_records, prices_of  # as above

    price_of = prices_of(config, LiveClock()).cost
    if use.mode != "record" or not use.records.exists():
        return collected.estimate(price_of, use.mode)
    with open_records(use.records, "replay") as records:
        return collected.estimate(price_of, use.mode, records)


def daily_estimate(config: Config) -> Estimate:
    """Return what language models cost in a day of the market, at most.

    Whatever is there to read is taken to fill a prompt.
    """
    from tutti.app.llm import prices_of  # as above

    tick, about = config.feed.tick_s, len(followed(config))
    price_of = prices_of(config, LiveClock()).cost
    n_calls = output_tokens = 0
    usd, unpriced = Decimal(0), []
    for name, cadence_s, instruments in _asked_daily(config):
        rounds = math.ceil(_DAY_S / max(cadence_s, tick))
        n = rounds * (about if instruments is None else min(about, instruments))
        n_calls += n
        output_tokens += n * config.llm.max_output_tokens
        cost = price_of(name, FULL_PROMPT, config.llm.max_output_tokens)
        if cost is None:
            unpriced.append(name)
        else:
            usd += n * cost
    return Estimate(
        n_calls=n_calls,
        n_recorded=0,
        input_tokens=n_calls * FULL_PROMPT,
        output_tokens=output_tokens,
        usd=usd,
        usd_at_most=usd,
        unpriced=tuple(dict.fromkeys(unpriced)),
    )


def refuse_costlier(before: Config, after: Config, use: ModelUse) -> None:
    """Check that agents that change while a service runs cost no more than was agreed to.

    What costs no more than what is in force is not asked about.

    Raises
    ------
    ConfigError
        Naming the agent that adds most to the cost of a day, with the cost of all.
    """
    if use.mode == "replay" or not asks_models(after):
        return
    was, coming = daily_estimate(before), daily_estimate(after)
    more_calls = coming.n_calls > was.n_calls or set(coming.unpriced) - set(was.unpriced)
    if is_free(coming) or (coming.usd <= was.usd and not (coming.unpriced and more_calls)):
        return
    try:
        (use.approve_change or use.approve)(coming)
    except GateClosed as error:
        raise ConfigError(f"agents[{_costliest(before, after)}].model: {error}") from error


def _costliest(before: Config, after: Config) -> int:
    def alone(config: Config, name: str) -> tuple[Decimal, int]:
        kept = tuple(each for each in config.agents if each.name == name)
        silent = config.conductor.model_copy(update={"model": ""})
        found = daily_estimate(config.model_copy(update={"agents": kept, "conductor": silent}))
        return found.usd, found.n_calls

    def added(k: int) -> tuple[Decimal, int]:
        name = after.agents[k].name
        (usd, n), (usd_before, n_before) = alone(after, name), alone(before, name)
        return usd - usd_before, n - n_before

    return max(range(len(after.agents)), key=added)


def followed(config: Config) -> tuple[InstrumentId, ...]:
    """Return the instruments that a service on a configuration follows."""
    feed = config.feed
    match feed.kind:
        case "sim":
            return tuple(map(InstrumentId.parse, feed.simulated.symbols))
        case "live":
            return tuple(map(InstrumentId.parse, feed.live.symbols))
        case _:
            files = map(describe, find_files(list(feed.bars)))
            return tuple(dict.fromkeys(file.instrument for file in files))


def _asked_daily(config: Config) -> Iterator[tuple[str, float, int | None]]:
    for each in config.agents:
        if each.enabled and each.model and each.plugin in VOICES:
            own = each.instruments
            yield each.model, each.cadence_s, None if own is None else len(own)
    if config.conductor.model:
        one = 1 if config.conductor.scope == "reference" else None
        yield config.conductor.model, config.conductor.cadence_s, one


def is_free(estimate: Estimate) -> bool:
    """Tell whether nothing is going to be spent."""
    return not estimate.usd_at_most and not estimate.unpriced


def in_words(estimate: Estimate, per: str = "") -> str:
    """Return an estimate as a person reads it; ``per`` is what it is for, such as ``a day``."""
    asked = estimate.n_calls - estimate.n_recorded
    usd = estimate.usd.quantize(_CENT) if estimate.usd >= 1 else estimate.usd.normalize()
    each = f" {per}" if per else ""
    words = (
        f"{asked:,} calls of language models{each}, about {estimate.input_tokens:,} tokens in and "
        f"up to {estimate.output_tokens:,} out, cost about {usd:f} USD{each}"
    )
    if estimate.unpriced:
        words += f", not counting {', '.join(estimate.unpriced)} whose price is not known"
    if estimate.n_recorded:
        words += f"; {estimate.n_recorded:,} more are on record"
    return words
