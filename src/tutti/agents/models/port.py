"""What a plug-in model is, and what it may say about itself.

The port is one class with two methods::

    class TradeModel:
        def __init__(self, config: dict) -> None: ...
        def predict(self, features: pandas.DataFrame) -> dict:
            return {"timestamp": features.index[-1], "signal": 1, "confidence": 0.7}

Everything else is optional and read from the model once it is made: ``needs``, ``timeframe``,
``lookback``, ``name``, ``shared``, ``awaited`` and ``predict_all``; see :class:`Declared`.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tutti.agents.models.making import made_of
from tutti.features.families import describe
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOKBACK = 100
"""Rows that a model is shown where it doesn't say."""
MOST_ROWS = 100_000

COLUMNS = ("open", "high", "low", "close", "volume")
"""Columns that every frame begins with; those of ``needs`` follow."""

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_TIMEFRAME = re.compile(r"([1-9]\d*)([smhd])")
_NOT_THEIRS = (str(Path(__file__).parents[2]), "<frozen importlib")


class TradeModel(Protocol):
    """Predicts where one instrument goes from its bars up to now."""

    def predict(self, features: Any) -> Any:
        """Return ``timestamp`` (of the last row), ``signal`` (-1, 0, 1), ``confidence`` (0 to 1).

        Parameters
        ----------
        features : pandas.DataFrame
            ``lookback`` rows, oldest first, one a closed bar; the index is the start of each bar,
            UTC. Columns: `COLUMNS`, then the features that the model needs.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """A model that was found and imported, not yet made.

    Parameters
    ----------
    name : str
        What the configuration calls it.
    origin : str
        File or package that it comes from.
    make : callable or object
        What was found: a class, a function ``predict`` or a finished model; see
        :func:`~tutti.agents.models.making.made_of`.
    """

    name: str
    origin: str
    make: Callable[..., Any] | TradeModel

    def made(self, config: Mapping[str, Any]) -> TradeModel:
        """Return the model, with a copy of its configuration.

        Raises
        ------
        ConfigError
            If its constructor raises, or what it makes has no ``predict``.
        """
        try:
            model: TradeModel = made_of(self.make, config)
        except (Exception, SystemExit) as error:  # a plug-in may raise anything
            raise broken(f"model {self.name} ({self.origin}) could not be made", error) from error
        if not callable(getattr(model, "predict", None)):
            raise ConfigError(
                f"model {self.name} ({self.origin}) has no method predict(features); write one"
            )
        return model


def broken(what: str, error: BaseException) -> ConfigError:
    """Return an error of one line about a model's own, with the traceback as a note on it."""
    said = " ".join(str(error).split())
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        # Python shortens the path: which of two files called model.py it is would not be told
        said = f"{error.msg} ({error.filename}:{error.lineno})"
    refusal = ConfigError(f"{what}: {type(error).__name__}: {said}; correct it or its params")
    # from the plug-in's first line on: how it was called is nobody's concern
    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename.startswith(_NOT_THEIRS):
        own = own.tb_next
    told = traceback.format_exception(type(error), error, own)
    refusal.add_note("".join(told).rstrip())
    return refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a model says about itself.

    Parameters
    ----------
    needs : tuple of str
        Features by our names, computed on bars of the model's timeframe.
    timeframe : str
        Bars that it wants, such as ``15m``; empty where it takes any.
    lookback : int
        Rows that each call is given, exactly.
    shared : bool
        True where one object serves all instruments: it remembers nothing between calls. Else each
        instrument has one of its own, whose configuration names it under ``instrument``.
    awaited : bool
        True where it asks somebody else, over a network for instance, and is waited for.
    offers_all : bool
        True where it has ``predict_all(features)``, which returns a frame with ``signal`` and
        ``confidence`` for each row, each equal to what ``predict`` says of the rows up to it.
    """

    needs: tuple[str, ...] = ()
    timeframe: str = ""
    lookback: int = LOOKBACK
    shared: bool = False
    awaited: bool = False
    offers_all: bool = False


def declared(source: ModelSource, model: TradeModel) -> Declared:
    """Return what ``model`` says about itself, checked.

    Raises
    ------
    ConfigError
        If a feature is unknown, or a value can't be.
    """
    who = f"model {source.name} ({source.origin})"
    needs = getattr(model, "needs", ())
    if isinstance(needs, str) or not all(isinstance(name, str) for name in needs):
        raise ConfigError(f"{who}: needs must be names of features, such as ('rsi_14',)")
    for name in needs:
        try:
            describe(name)
        except ConfigError as error:
            raise ConfigError(f"{who}: needs: {error}") from error
    lookback = getattr(model, "lookback", LOOKBACK)
    if isinstance(lookback, bool) or not isinstance(lookback, int) or lookback not in _ROWS:
        raise ConfigError(
            f"{who}: lookback must be a whole number of rows from 1 to {MOST_ROWS}, was "
            f"{lookback!r}"
        )
    timeframe = getattr(model, "timeframe", "")
    if timeframe:
        span(timeframe, who)
    return Declared(
        needs=tuple(needs),
        timeframe=timeframe,
        lookback=lookback,
        shared=bool(getattr(model, "shared", False)),
        awaited=bool(getattr(model, "awaited", False))
        or inspect.iscoroutinefunction(model.predict),
        offers_all=callable(getattr(model, "predict_all", None)),
    )


_ROWS = range(1, MOST_ROWS + 1)


def span(timeframe: object, who: str) -> int:
    """Return the length of a timeframe such as ``15m`` in nanoseconds.

    Parameters
    ----------
    who : str
        What an error begins with.

    Raises
    ------
    ConfigError
        If it is none.
    """
    match = _TIMEFRAME.fullmatch(timeframe) if isinstance(timeframe, str) else None
    if match is None:
        raise ConfigError(
            f"{who}: timeframe must be a number and s, m, h or d, such as 15m, was {timeframe!r}"
        )
    return int(match[1]) * _UNITS[match[2]]
