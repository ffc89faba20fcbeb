"""How orders seek their price, are split, are held against what venues say, and are ended."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tutti.app.settings.section import Exact, Instrument, Number, Section, Whole, refuse_twice


class ExecutionSettings(Section):
    """How an approved order seeks its price: ``execution``."""

    order_type: Literal["market", "limit"] = "market"
    limit_offset_bps: Number = Field(0.0, ge=-1000, le=1000)
    time_in_force_bars: Whole = Field(1, ge=1, le=1_000_000)


class LiveSettings(Section):
    """Real money: what holds whatever the policy and risk say, and how venues are asked: ``live``."""

    max_order_notional: Exact | None = Field(None, gt=0, examples=[200])
    max_orders_per_minute: Whole | None = Field(None, ge=1, examples=[20])
    order_timeout_s: Number = Field(10.0, gt=0)
    poll_orders_s: Number = Field(5.0, gt=0)
    poll_holdings_s: Number = Field(15.0, gt=0)
    dead_mans_switch: bool = True


class RouteSettings(Section):
    """Where else an instrument is traded, and how orders are split: ``routes.<id>``."""

    strategy: Literal["best_price", "equal_split", "priority", "liquidity"] = "best_price"
    instruments: tuple[Instrument, ...] = Field(
        min_length=1, examples=[["BTC-USDT-PERP.BINANCE_USDM", "BTC-USDT-PERP.BYBIT_LINEAR"]]
    )

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        refuse_twice(self.instruments, key="instruments")
        return self


class ReconcileSettings(Section):
    """How what we believe is held against what venues say: ``reconcile``."""

    every_s: Number = Field(30.0, ge=0)
    patience_s: Number = Field(10.0, ge=0)
    unknown: Literal["quarantine", "adopt"] = "quarantine"
    balance_tolerance: Number = Field(1.0, ge=0)


class KillSettings(Section):
    """Closing everything and stopping: ``kill``."""

    deadline_s: Number = Field(10.0, gt=0)
