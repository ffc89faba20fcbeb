"""What awaited agents say over recorded bars, for whoever runs on them: backtests and studies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tutti.app.asking import asked_about
from tutti.app.build import analysis_of
from tutti.app.llm_estimate import CallCollector
from tutti.app.model_use import ModelUse, asks_models, estimate_of, is_free, models_for
from tutti.app.remembering import open_memory
from tutti.app.seats import seats_of
from tutti.app.timeline import Timed, ask_ahead
from tutti.app.voices import sight_of, voices_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.agents.llm.port import LanguageModel
    from tutti.agents.timeline import OpinionTimeline
    from tutti.app.build import Plan
    from tutti.app.llm_estimate import Estimate
    from tutti.app.seats import Seats
    from tutti.app.settings import AgentSettings, Config
    from tutti.app.voices import Models
    from tutti.model.market import MarketBlock

    Progress = Callable[[int, int, str], None]


def opinions_over(
    config: Config,
    plan: Plan,
    block: MarketBlock,
    use: ModelUse | None = None,
    progress: Progress = lambda *_: None,
) -> OpinionTimeline | None:
    """Return what the awaited agents of a configuration say over bars; None where there are none.

    Parameters
    ----------
    use : ModelUse, optional
        How language models may be asked; without it nobody is, and what is on record in the
        working folder counts.

    Raises
    ------
    ConfigError
        If an agent can't be made.
    GateClosed
        If it would cost more than was agreed to; nothing was asked then.
    """
    seats = seats_of(config)
    if not seats.awaited:
        return None
    use = use or ModelUse()
    asking = _Asking(config, plan, block, seats)
    if use.mode != "replay" and asks_models(config):
        estimate = asking.estimate(use, progress)
        if not is_free(estimate):
            use.approve(estimate)
    return asyncio.run(asking.ask(use, progress))


class _Asking:
    def __init__(self, config: Config, plan: Plan, block: MarketBlock, seats: Seats) -> None:
        self._config, self._plan, self._block, self._seats = config, plan, block, seats
        self._blind = sight_of(config, block.instruments)

    def estimate(self, use: ModelUse, progress: Progress) -> Estimate:
        """Return what asking is going to cost."""
        collector = CallCollector()

        def counting(done: int, total: int, _: str) -> None:
            progress(done, total, "counting what to ask")

        # those that ask no model are asked once, when it is for good
        asyncio.run(self._asked(self._seats.only_made_here(), collector, counting))
        return estimate_of(collector, self._config, use)

    async def ask(self, use: ModelUse, progress: Progress) -> OpinionTimeline:
        """Ask everybody."""
        async with models_for(self._config, use, blind=self._blind) as models:

            def timed(settings: AgentSettings) -> LanguageModel:
                return Timed(models(settings))

            return await self._asked(self._seats, timed, progress)

    async def _asked(self, seats: Seats, models: Models, progress: Progress) -> OpinionTimeline:
        config, block = self._config, self._block
        voices = voices_of(config, seats, block.instruments, models, open_memory(config))
        pipeline = analysis_of(config, self._plan.instruments, seats).pipeline
        return await ask_ahead(
            voices.seats,
            asked_about(self._plan),
            block,
            pipeline.advance,
            voices.snapshots,
            config.panel,
            progress,
            quote=voices.quote,
        )
