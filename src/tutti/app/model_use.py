"""How language models may be asked: whether at all, where answers are kept, for how much money."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from tutti.agents.llm.recorded import Mode
from tutti.app.build import VOICES
from tutti.app.llm import LanguageModels, open_records, prices_of
from tutti.app.llm_estimate import CallCollector, Estimate
from tutti.app.voices import no_models
from tutti.kernel.clock import LiveClock
from tutti.model.errors import GateClosed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tutti.agents.llm.blinding import Blinding
    from tutti.agents.llm.metered import ModelMetrics
    from tutti.app.settings import Config
    from tutti.app.voices import Models

RECORDS = Path("llm.sqlite")
"""Where calls are kept unless told otherwise: in the working folder, or a run's own."""

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
    """

    mode: Mode = "replay"
    records: Path = RECORDS
    approve: Callable[[Estimate], None] = _refused


@asynccontextmanager
async def models_for(
    config: Config,
    use: ModelUse,
    *,
    metrics: ModelMetrics | None = None,
    blind: Blinding | None = None,
) -> AsyncIterator[Models]:
    """Open the language models of a configuration.

    Without records a replay has models that answer nothing, and say so.

    Raises
    ------
    ConfigError
        If a provider can't be used.
    LedgerError
        If the records can't be used.
    """
    if not asks_models(config) or (use.mode == "replay" and not use.records.exists()):
        yield no_models
        return
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
    price_of = prices_of(config, LiveClock()).cost
    if use.mode != "record" or not use.records.exists():
        return collected.estimate(price_of, use.mode)
    with open_records(use.records, "replay") as records:
        return collected.estimate(price_of, use.mode, records)


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
