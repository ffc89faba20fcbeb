"""What clients send and how answers look in JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tutti.app.settling import Claim
from tutti.kernel.clock import SECOND, iso, parse_instant
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.model.order import OrderStatus

_TIMES = frozenset({"ts", "as_of", "started_at", "opened_at", "last_seen"})
_MOST_BARS = 20_000
_FIRST_NS = 10**17  # in 1973

_Price = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class BarBody(BaseModel):
    """One bar; ``ts`` is its start, ISO 8601 or nanoseconds since the epoch, UTC."""

    model_config = ConfigDict(extra="forbid")

    ts: int | str
    open: _Price
    high: _Price
    low: _Price
    close: _Price
    volume: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @field_validator("ts")
    @classmethod
    def _is_time(cls, value: int | str) -> int | str:
        # a count of milliseconds, as browsers have it, would pass for a moment in 1970
        if isinstance(value, int):
            if value < _FIRST_NS:
                raise ValueError("must be ISO 8601, or nanoseconds since the epoch")
            return value
        try:
            parse_instant(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is no time; write 2024-01-31T12:00:00Z") from error
        return value

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise ValueError("low and high must enclose open and close")
        return self

    def start(self) -> int:
        """Return ``ts`` in ns UTC."""
        return self.ts if isinstance(self.ts, int) else parse_instant(self.ts)


class PredictBody(BaseModel):
    """What to form a view of: an instrument as it stands, or on bars sent along."""

    model_config = ConfigDict(extra="forbid")

    instrument: str
    bars: list[BarBody] | None = Field(None, min_length=2, max_length=_MOST_BARS)

    def block(self) -> MarketBlock | None:
        """Return the bars as a block of one column, or None when none were sent.

        Raises
        ------
        ValueError
            If the instrument's name or a time can't be read, or times don't rise.
        """
        if self.bars is None:
            return None
        ts = np.array([bar.start() for bar in self.bars], np.int64)
        steps = np.diff(ts)
        if not (steps > 0).all():
            raise ValueError("bars must be sorted by ts, each ts once")

        def column(name: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            return np.array([[getattr(bar, name)] for bar in self.bars or ()], np.float64)

        return MarketBlock(
            instruments=(InstrumentId.parse(self.instrument),),
            ts=ts,
            step=int(steps.min()),
            open=column("open"),
            high=column("high"),
            low=column("low"),
            close=column("close"),
            volume=column("volume"),
            funding=np.zeros((len(ts), 1)),
        )


class ActBody(BaseModel):
    """Why the service is to do something."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("asked through the API", max_length=200)


class ShutdownBody(ActBody):
    """Why the service is to stop, and whether positions are closed before it does."""

    positions: Literal["close", "keep"] = "close"


class SettleBody(ActBody):
    """What became of an order, as a person says."""

    order_id: str = Field(min_length=1, max_length=64)
    outcome: Literal["filled", "cancelled", "rejected"]
    filled: Annotated[Decimal, Field(ge=0)] | None = None
    price: Annotated[Decimal, Field(gt=0)] | None = None
    fee: Decimal = Decimal(0)
    force: bool = False

    def claim(self) -> Claim:
        """Return it as the service takes it."""
        return Claim(
            order_id=self.order_id,
            outcome=OrderStatus(self.outcome),
            filled=self.filled,
            price=self.price,
            fee=self.fee,
            by="the API",
            reason=self.reason,
            force=self.force,
        )


def presented(value: Any) -> Any:
    """Return a snapshot as JSON values: times as ISO text, None where nothing or not a number."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _time(inner) if field.name in _TIMES else presented(inner)
            for field in dataclasses.fields(value)
            for inner in (getattr(value, field.name),)
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): presented(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [presented(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _time(ts: int) -> str | None:
    return iso(ts) if ts >= SECOND else None
