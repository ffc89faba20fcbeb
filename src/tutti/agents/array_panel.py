"""The panel of array agents: every view of a block of ticks, for all instruments, in one call."""

from __future__ import annotations

import math
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from tutti.agents.port import ArrayAgent, MarketAgent, MetaAgent
from tutti.agents.quant.scored import ScoredAgent
from tutti.agents.quant.scoring import ScoreCard
from tutti.model.opinion import Abstention, Opinion, Views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tutti.features.block import FeatureBlock
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import IntArray, MarketBlock


_NO_SIDE = "hold: its score lies within its thresholds"


class ArrayPanel:
    """Asks array agents, those first that need no one else's opinion.

    Agents that are a recipe are scored together by one call of the kernel; a meta agent hears the
    views of the agents it names, an abstention in place of one that is not on the panel.

    Parameters
    ----------
    agents : sequence of ArrayAgent, MarketAgent or MetaAgent
        With names of their own; may be empty.
    active : int64 (A, N), optional
        0 where an agent may not speak: its view is an abstention, for meta agents too.

    Raises
    ------
    ValueError
        If two agents have one name.
    """

    def __init__(
        self,
        agents: Sequence[ArrayAgent | MarketAgent | MetaAgent],
        *,
        active: IntArray | None = None,
    ) -> None:
        self.agents = tuple(agents)
        self.names = tuple(agent.name for agent in self.agents)
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"two agents have one name among {self.names}")
        self.needs: tuple[str, ...] = tuple(
            dict.fromkeys(name for agent in self.agents for name in agent.needs)
        )
        self.active = active
        self._recipes = tuple(takewhile(lambda agent: isinstance(agent, ScoredAgent), self.agents))
        self._card = ScoreCard([a.recipe for a in self._recipes if isinstance(a, ScoredAgent)])
        rest = list(enumerate(self.agents))[len(self._recipes) :]
        self._metas = {a: agent for a, agent in rest if isinstance(agent, MetaAgent)}
        self._markets = {a: agent for a, agent in rest if isinstance(agent, MarketAgent)}
        self._others = [
            (a, agent) for a, agent in rest if not isinstance(agent, MetaAgent | MarketAgent)
        ]
        self._audible = {n: a for a, n in enumerate(self.names) if a not in self._metas}

    def opine(self, features: FeatureBlock) -> tuple[Views, ...]:
        """Return one view an agent, arrays of shape (t, n), in the panel's order."""
        bias, confidence = self.opine_stacked(features)
        return tuple(Views(bias[a], confidence[a]) for a in range(len(self.agents)))

    def opine_stacked(self, features: FeatureBlock, block: MarketBlock | None = None) -> Views:
        """Return the views of all agents, bias and confidence of shape (A, t, n).

        Parameters
        ----------
        block : MarketBlock, optional
            The bars that the features were made of; for those agents that read them.

        Raises
        ------
        ValueError
            If a needed feature is not in the block, an agent answers in another shape, or one reads
            bars and there are none.
        """
        shape = (len(self.agents), *features.values.shape[1:])
        views = Views(np.empty(shape), np.empty(shape))
        # agents of a recipe that come first write straight into the panel's arrays
        if self._recipes:
            first = slice(len(self._recipes))
            self._card.score_into(features, Views(views.bias[first], views.confidence[first]))
        for a, agent in self._others:
            _put(views, a, agent.opine(features))
        for a, market in self._markets.items():
            if block is None:
                raise ValueError(f"{self.names[a]} reads bars, and none were passed")
            _put(views, a, market.opine_on(block))
        for a in self._audible.values():
            self._silence(views, a)
        for a, meta in self._metas.items():
            heard = tuple(_heard(views, self._audible.get(name)) for name in meta.heard)
            _put(views, a, meta.opine_over(features, heard))
            self._silence(views, a)
        return views

    def _silence(self, views: Views, a: int) -> None:
        if self.active is not None and not self.active[a].all():
            views.bias[a][:, self.active[a] == 0] = np.nan
            views.confidence[a][:, self.active[a] == 0] = np.nan

    def explain(self, a: int, features: FeatureBlock, cell: tuple[int, int]) -> str:
        """Return why agent ``a`` thinks what it thinks at (tick, instrument) of the last block."""
        return self._why(a, features.row(*cell), cell)

    def _why(self, a: int, row: dict[str, float], cell: tuple[int, int]) -> str:
        agent = self.agents[a]
        seen = self._metas.get(a) or self._markets.get(a)
        if seen is not None:
            return agent.explain(row | seen.evidence(*cell))
        return agent.explain(row)

    def opinions(
        self,
        row: dict[str, float],
        views: Iterable[tuple[float, float]],
        cell: tuple[int, int],
        instrument: InstrumentId,
        as_of: int,
    ) -> list[Opinion | Abstention]:
        """Return what each agent said at (tick, instrument) of the last block, with its reasons.

        Parameters
        ----------
        row : dict
            The features of the cell, by name.
        views : iterable of (bias, confidence)
            Of the cell, one an agent, as from :meth:`opine`.
        as_of : int
            When the bar became known, ns UTC.
        """
        said: list[Opinion | Abstention] = []
        for a, (bias, confidence) in enumerate(views):
            name = self.names[a]
            # NaN in either: the sum of both is NaN, too
            if math.isnan(bias + confidence):
                why = self._why(a, row, cell)
                if self.active is not None and self.active[a][cell[1]] == 0:
                    why = "may not speak about this instrument"
                said.append(Abstention(agent=name, instrument=instrument, as_of=as_of, reason=why))
                continue
            opinion = Opinion(
                agent=name,
                instrument=instrument,
                bias=bias,
                confidence=confidence,
                as_of=as_of,
                # who takes no side moved nothing: its figures are among the features of the record
                rationale=_NO_SIDE if bias == 0.0 else self._why(a, row, cell),
            )
            said.append(opinion)
        return said


def _heard(views: Views, a: int | None) -> Views:
    if a is None:
        absent = np.full(views.bias.shape[1:], np.nan)
        return Views(absent, absent)
    return Views(views.bias[a], views.confidence[a])


def _put(views: Views, a: int, answer: Views) -> None:
    if answer.bias.shape != views.bias.shape[1:] or answer.confidence.shape != answer.bias.shape:
        raise ValueError(
            f"agent {a} answered in shape {answer.bias.shape}, not in {views.bias.shape[1:]}"
        )
    views.bias[a] = answer.bias
    views.confidence[a] = answer.confidence
