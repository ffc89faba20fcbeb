"""Any cutting of the same bars leaves the same ledger, bit for bit; so does running twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.backtest import terms_overrides
from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.session import Session
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.backtest import Source
    from tutti.ledger.store import Head
    from tutti.model.market import FloatArray

pytestmark = pytest.mark.data


def _run(
    source: Source, config: Config, folder: Path, ends: list[int]
) -> tuple[Head, FloatArray, int]:
    block = source.block
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    plan = plan_of(config, universe.instruments, block.step)
    store = SqliteLedger(folder, Durability.BATCHED)
    session = Session(config, plan, store, run_id="cuts", start=int(block.ts[0]))
    curves = [
        session.engine.process(block.rows(start, end)).equity
        for start, end in zip([0, *ends[:-1]], ends, strict=True)
    ]
    head = session.stop(int(block.known_at[-1]), "end of data")
    return head, np.concatenate(curves), session.engine.counts.fills


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="default"),
        pytest.param(
            {"execution.order_type": "limit", "venues.default.latency_ms": 500}, id="limits"
        ),
        pytest.param(
            {"risk.max_daily_loss": 5, "risk.max_agent_daily_loss": 3, "ledger.segment_ticks": 50},
            id="daily-losses",
        ),
    ],
)
def test_ledger_hash_does_not_depend_on_the_cutting(
    recorded_hours: Source, tmp_path: Path, changes: dict[str, object]
) -> None:
    config = override(Config(), changes)
    n = len(recorded_hours.block)
    rng = np.random.default_rng(11)
    cuttings = {
        "whole": [n],
        "ticks": list(range(1, n + 1)),
        "random": [*sorted(rng.choice(np.arange(1, n), 60, replace=False).tolist()), n],
    }
    found = {
        name: _run(recorded_hours, config, tmp_path / name, ends) for name, ends in cuttings.items()
    }
    head, equity, fills = found["whole"]
    assert fills > 50
    for other, curve, count in found.values():
        assert (other, count) == (head, fills)
        np.testing.assert_array_equal(curve, equity)


def test_same_run_twice_has_the_same_hash_and_another_seed_another(
    recorded_hours: Source, tmp_path: Path
) -> None:
    n = len(recorded_hours.block)
    once, again, other = (
        _run(recorded_hours, override(Config(), {"seed": seed}), tmp_path / str(k), [n])
        for k, seed in enumerate((7, 7, 8))
    )
    assert once[0] == again[0]
    # the seed is on the ledger, whether or not anything was drawn
    assert other[0] != once[0]
    np.testing.assert_array_equal(once[1], other[1])
