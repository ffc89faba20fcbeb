"""Routes of the configuration: which columns are decided on as one, and the money they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.engine.run import Route
from tutti.execution.router.split import Strategy
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.app.settings import Config
    from tutti.model.arrays import Terms
    from tutti.model.instrument import Instrument
    from tutti.model.market import IntArray


def routes_of(config: Config, instruments: Sequence[Instrument]) -> tuple[Route, ...]:
    """Return the routes of ``config`` over the columns of a run.

    Raises
    ------
    ConfigError
        If a route names what the run doesn't trade, or its legs can't stand for one another.
    """
    columns = {str(each.id): i for i, each in enumerate(instruments)}
    taken: dict[int, str] = {}
    routes: list[Route] = []
    for name, settings in config.routes.items():
        ids = (
            settings.instruments if name in settings.instruments else (name, *settings.instruments)
        )
        legs = [_column(each, columns, f"routes.{name}") for each in ids]
        for leg in legs:
            if leg in taken:
                raise ConfigError(
                    f"routes.{name}: {instruments[leg].id} is in routes.{taken[leg]} already; "
                    "an instrument belongs to one route"
                )
            taken[leg] = name
        _refuse_unlike(name, instruments[columns[name]], [instruments[leg] for leg in legs])
        routes.append(
            Route(column=columns[name], legs=tuple(legs), strategy=Strategy(settings.strategy))
        )
    return tuple(routes)


def sharing_cash(terms: Terms, routes: Sequence[Route]) -> Terms:
    """Return ``terms`` with the venues of each route as one: what is decided on is held at all."""
    if not routes:
        return terms
    venue: IntArray = terms.venue.copy()
    for route in routes:
        together = np.unique(venue[list(route.legs)])
        venue[np.isin(venue, together)] = venue[route.column]
    return terms._replace(venue=venue)


def _column(name: str, columns: Mapping[str, int], key: str) -> int:
    if name not in columns:
        listed = ", ".join(columns)
        raise ConfigError(
            f"{key} names {name}, which this run does not trade: bars of it are needed; "
            f"there are {listed}"
        )
    return columns[name]


def _refuse_unlike(name: str, first: Instrument, legs: Sequence[Instrument]) -> None:
    venues: set[str] = set()
    for each in legs:
        if each.is_perpetual != first.is_perpetual:
            raise ConfigError(
                f"routes.{name}: {first.id} is {first.kind} and {each.id} {each.kind}; "
                "a route is of one kind"
            )
        if each.quantity_step % first.quantity_step:
            raise ConfigError(
                f"routes.{name}: the quantity step {each.quantity_step} of {each.id} is no multiple "
                f"of {first.quantity_step}, that of {first.id}; name the route after the instrument "
                "with the finest step"
            )
        if each.id.venue in venues:
            raise ConfigError(
                f"routes.{name}: two instruments are at {each.id.venue}; name one a venue"
            )
        venues.add(each.id.venue)
