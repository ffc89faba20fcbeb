"""A configured strategy on the fast tier, ready to be run on one market after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.app.asking import silent_here
from tutti.app.backtest import terms_overrides
from tutti.app.build import analysis_of, costs_are_shared, plan_of
from tutti.model.arrays import FEES_PAID, Signals
from tutti.model.errors import ConfigError
from tutti.portfolio.accounting import new_book
from tutti.sandbox.fast import FastResult, FastTier
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tutti.agents.timeline import OpinionTimeline
    from tutti.app.build import Plan
    from tutti.app.config import Config
    from tutti.engine.analysis import Analysis
    from tutti.model.arrays import Terms
    from tutti.model.instrument import Instrument
    from tutti.model.market import MarketBlock
    from tutti.sandbox.fast import Noise

CHUNK = 20_000
"""Symbol-bars at a time: more fall out of the processor's cache, fewer make Python's part felt."""

_DEAF = ("ema_cross",)
"""Policies that have no use for opinions: nobody needs to be asked for any."""


def lean(config: Config) -> Config:
    """Return the configuration without agents where the policy would not listen to them."""
    if config.policy.name in _DEAF and config.agents:
        return config.model_copy(update={"agents": ()})
    return config


def ticks_at_once(n_instruments: int) -> int:
    """Return how many ticks make a chunk."""
    return max(1, CHUNK // max(n_instruments, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What became of a strategy on one market; ``fees`` in quote currency."""

    found: FastResult
    fees: float


class Strategy:
    """What a configuration makes of a market, without anything remembered.

    Parameters
    ----------
    config : Config
    block : MarketBlock
        Recorded bars; contract terms that are not configured are read off the first of them.
    terms : sequence of Instrument, optional
        Contract terms, where they are known to be those.
    opinions : OpinionTimeline, optional
        What agents said over the bars that have to be awaited; without it they are silent.
    hears : bool
        Opinions are going to be told later.

    Raises
    ------
    ConfigError
        If the configuration doesn't fit, or the fast tier can't run it.
    """

    def __init__(
        self,
        config: Config,
        block: MarketBlock,
        terms: Sequence[Instrument] = (),
        opinions: OpinionTimeline | None = None,
        *,
        hears: bool = False,
    ) -> None:
        self.config = lean(config)
        self._opinions = opinions
        if not terms:
            overrides = terms_overrides(config, block.instruments)
            terms = Universe.of_block(block, overrides).instruments
        self.plan: Plan = plan_of(self.config, terms, block.step)
        if not costs_are_shared(self.plan):
            raise ConfigError(
                "the fast tier fills at all venues by one set of rules, and these venues differ; "
                "set the costs under venues.default"
            )
        analysis = self.analysis()
        self._n_agents = len(analysis.agent_names)
        self.awaited = analysis.late.names if analysis.late is not None else ()
        if self.awaited and opinions is None and not hears:
            silent_here(self.awaited)
        self._room = 1024

    def hear(self, opinions: OpinionTimeline | None) -> None:
        """Take in what awaited agents said over the bars."""
        self._opinions = opinions

    @property
    def balance(self) -> float:
        """Cash to begin with, quote currency."""
        return float(sum(self.plan.balances.values()))

    def analysis(self) -> Analysis:
        """Return features, agents and policy that have seen nothing yet."""
        return analysis_of(self.config, self.plan.instruments, late=self._opinions)

    def tier(
        self, start: int, n_ticks: int, terms: Terms | None = None, noise: Noise | None = None
    ) -> FastTier:
        """Return a fast tier with the starting balances.

        Parameters
        ----------
        start : int
            Start of the first bar, ns UTC.
        terms : Terms, optional
            Instead of the plan's.
        """
        setup, plan = self.plan.setup, self.plan
        cash = [float(plan.balances[name]) for name in plan.venues]
        return FastTier(
            terms=terms or setup.terms,
            costs=setup.costs,
            rules=setup.rules,
            style=setup.style,
            book=new_book(len(plan.instruments), self._n_agents, cash, start),
            n_ticks=n_ticks,
            noise=noise,
            room=self._room,
        )

    def play(
        self,
        market: Iterable[MarketBlock],
        tier: FastTier,
        signals: Callable[[MarketBlock], Signals] | None = None,
    ) -> Played:
        """Run a tier over a market, chunk by chunk.

        Parameters
        ----------
        signals : callable, optional
            Where signals come from; else each chunk is analysed.
        """
        if signals is None:
            analysis = self.analysis()

            def signals(chunk: MarketBlock) -> Signals:
                return analysis.advance(chunk).signals

        for chunk in market:
            tier.advance(chunk, signals(chunk))
        found = tier.result()
        # the next market will see about as many fills
        self._room = max(self._room, 5 * len(found.fills.whole) // 4)
        return Played(found=found, fees=float(tier.book.account[FEES_PAID]))
