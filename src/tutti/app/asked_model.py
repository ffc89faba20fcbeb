"""A language model that a command asks by itself, without an agent."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from tutti.app.llm import Asker, LanguageModels, open_records
from tutti.app.settings import BudgetSettings
from tutti.kernel.clock import LiveClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from tutti.agents.llm.port import LanguageModel
    from tutti.agents.llm.recorded import Mode
    from tutti.app.settings import Config

_T = TypeVar("_T")
_PATIENCE_S = 60.0
_RETRIES = 2


@dataclass(frozen=True, slots=True)
class AskedModel:
    """One model, and all that belongs to asking it."""

    _models: LanguageModels
    _asker: Asker

    def run(self, ask: Callable[[LanguageModel], Coroutine[None, None, _T]]) -> _T:
        """Return what comes of asking the model; connections are closed at the end."""

        async def asked() -> _T:
            try:
                return await ask(self._models.of(self._asker))
            finally:
                await self._models.aclose()

        return asyncio.run(asked())


@contextmanager
def asked_model(
    config: Config, model: str, *, mode: Mode, records: Path, max_cost: float | None = None
) -> Iterator[AskedModel]:
    """Open a model of a configuration's providers.

    Parameters
    ----------
    max_cost : float, optional
        USD of a day that are never exceeded; what would cost more is not asked.

    Raises
    ------
    ConfigError
        If its provider can't be used, or money is limited and its price is not known.
    LedgerError
        If the records can't be used.
    """
    usd = None if max_cost is None else Decimal(str(max_cost))
    asker = Asker(
        name="probe",
        model=model,
        timeout_s=_PATIENCE_S,
        retries=_RETRIES,
        budget=BudgetSettings(usd_per_day=usd),
    )
    with open_records(records, mode) as kept:
        yield AskedModel(LanguageModels(config, mode=mode, records=kept, clock=LiveClock()), asker)
