"""Runs both tiers over recorded bars and says how far apart they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from tutti.app.backtest import Source, read_source, terms_overrides
from tutti.app.build import Plan, plan_of
from tutti.app.config import Config, override
from tutti.app.tiers import Outcome, parity, run_event, run_fast
from tutti.kernel.clock import parse_instant
from tutti.sandbox.result import Parity
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from pathlib import Path


class Comparison(NamedTuple):
    """Both tiers on the same bars."""

    source: Source
    plan: Plan
    event: Outcome
    fast: Outcome
    parity: Parity


class BothTiers(Protocol):
    def __call__(
        self, patterns: list[str], start: str, end: str, **changes: object
    ) -> Comparison: ...


@pytest.fixture
def both_tiers(market_data: Path, tmp_path: Path) -> BothTiers:
    """Return a function of bar files (below ``crypto/ohlcv``), dates and changed settings.

    Settings are named with two underscores for each dot.
    """

    def compare(patterns: list[str], start: str, end: str, **changes: object) -> Comparison:
        config = override(
            Config(), {key.replace("__", "."): value for key, value in changes.items()}
        )
        files = [str(market_data / "crypto" / "ohlcv" / pattern) for pattern in patterns]
        source = read_source(
            files,
            parse_instant(start),
            parse_instant(end),
            repair=False,
            timeframe=None,
            funding=None,
        )
        block = source.block
        universe = Universe.of_block(block, terms_overrides(config, block.instruments))
        plan = plan_of(config, universe.instruments, block.step)
        event = run_event(config, plan, block, source.files, "parity", tmp_path, lambda *_: None)
        fast = run_fast(config, plan, block, lambda *_: None)
        return Comparison(source, plan, event, fast, parity(event, fast))

    return compare
