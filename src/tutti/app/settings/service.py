"""What a run keeps, logs and serves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tutti.app.settings.section import Section, Whole


class LedgerSettings(Section):
    """What is kept of a run: ``ledger``."""

    segment_ticks: Whole = Field(16384, ge=1)
    keep_opinions: bool = True


class ApiSettings(Section):
    """HTTP interface of a running service: ``api``; only this machine can reach it."""

    enabled: bool = True
    host: Literal["127.0.0.1", "localhost", "::1"] = "127.0.0.1"
    port: Whole = Field(8765, ge=0, le=65535)
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    allowed_origins: tuple[str, ...] = Field((), examples=[["http://127.0.0.1:5173"]])


class LoggingSettings(Section):
    """What is logged: ``logging``."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    console: bool = False
