"""What tokens cost: as the configuration says, else as the kept table of genai-prices does."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tutti.kernel.clock import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.kernel.clock import Clock

_MILLION: Final = Decimal(1_000_000)
_IN_TABLE: Final = {
    "openai": "openai",
    "openrouter": "openrouter",
    "anthropic": "anthropic",
    "gemini": "google",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Who serves a provider's models, and what they cost where that is known.

    Parameters
    ----------
    kind : str
        ``openai``, ``openrouter``, ``anthropic``, ``gemini`` or ``ollama``, which is free.
    url : str
        Of a server of one's own, or of somebody who speaks the same dialect; empty for the kind's.
    input_usd, output_usd : Decimal or None
        Of a million tokens; None to look them up.
    """

    kind: str
    url: str = ""
    input_usd: Decimal | None = None
    output_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _Flat:
    # USD of a token
    given: Decimal
    cached: Decimal
    made: Decimal

    def cost(self, given: int, made: int, cached: int) -> Decimal:
        return self.given * (given - cached) + self.cached * cached + self.made * made


@dataclass(frozen=True, slots=True)
class _Tiered:
    # dearer the longer the prompt is: the table's own arithmetic
    model: Any
    usage: Any

    def cost(self, given: int, made: int, cached: int) -> Decimal:
        used = self.usage(input_tokens=given, output_tokens=made, cache_read_tokens=cached)
        return Decimal(self.model.calc_price(used)["total_price"])


class Prices:
    """Prices of models as they were when each was first asked for.

    Parameters
    ----------
    tariffs : mapping of str to Tariff
        By provider.
    clock : Clock
    """

    def __init__(self, tariffs: Mapping[str, Tariff], clock: Clock) -> None:
        self._tariffs = dict(tariffs)
        self._clock = clock
        self._found: dict[str, _Flat | _Tiered | None] = {}

    def cost(
        self, model: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0
    ) -> Decimal | None:
        """Return USD, None where the price is not known.

        Parameters
        ----------
        model : str
            ``provider:name``.
        input_tokens : int
            All of the prompt.
        cached_tokens : int
            Those of them that the provider had read before.
        """
        if model not in self._found:
            self._found[model] = self._looked_up(model)
        price = self._found[model]
        return None if price is None else price.cost(input_tokens, output_tokens, cached_tokens)

    def _looked_up(self, model: str) -> _Flat | _Tiered | None:
        provider, _, name = model.partition(":")
        tariff = self._tariffs.get(provider)
        if tariff is None:
            return None
        if tariff.input_usd is not None and tariff.output_usd is not None:
            given = tariff.input_usd / _MILLION
            return _Flat(given, given, tariff.output_usd / _MILLION)
        if tariff.kind == "ollama":
            return _Flat(Decimal(0), Decimal(0), Decimal(0))
        return _in_table(tariff, name, self._clock.now())


def _in_table(tariff: Tariff, name: str, ts: int) -> _Flat | _Tiered | None:
    # a tenth of a second, and only for models that have a price
    table = importlib.import_module("genai_prices.data_snapshot").get_snapshot()
    usage = importlib.import_module("genai_prices").Usage
    try:
        if tariff.url:
            _, found = table.find_provider_model(name, None, None, tariff.url)
        else:
            _, found = table.find_provider_model(name, None, _IN_TABLE[tariff.kind], None)
    except LookupError:
        return None
    price = found.get_prices(datetime.fromtimestamp(ts // SECOND, tz=UTC))
    given, made = getattr(price, "input_mtok", None), getattr(price, "output_mtok", None)
    cached = getattr(price, "cache_read_mtok", None)
    if isinstance(given, Decimal) and isinstance(made, Decimal):
        less = cached if isinstance(cached, Decimal) else given
        return _Flat(given / _MILLION, less / _MILLION, made / _MILLION)
    return _Tiered(price, usage)
