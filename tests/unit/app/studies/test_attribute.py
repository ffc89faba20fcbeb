"""Attribution of recorded runs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.backtest import read_source, run_source
from tutti.app.config import Config, override
from tutti.app.studies.attribute import RunAttribution, attribute_run, run_and_attribute
from tutti.app.studies.regimes import regimes_of
from tutti.kernel.clock import HOUR, iso
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import Adopted, Started, Stopped, Transfer
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.order import Position
from tutti.sandbox.result import write_result

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.backtest import Source


def _quiet(done: int, total: int, what: str) -> None:
    """Take no notice."""


def _adds_up(found: RunAttribution) -> None:
    total = float(found.end_equity - found.start_equity)
    plain = found.to_dict()
    assert plain["residual"] == 0.0
    assert plain["total"] == pytest.approx(total, abs=1e-9)
    assert sum(plain["components"].values()) == pytest.approx(total, abs=1e-9)
    for lines in plain["by"].values():
        assert sum(line["total"] for line in lines) == pytest.approx(total, abs=1e-9)
    assert found.recorded_equity == pytest.approx(float(found.end_equity), abs=1e-8)


@pytest.fixture
def agents(config: Config) -> Config:
    """Return the hybrid policy with its panel, on a fifth of its money each."""
    return override(
        Config(),
        {
            "policy.sizing.method": "fixed_fraction",
            "policy.sizing.fraction": 0.2,
            "policy.entry_threshold": 0.2,
            "policy.exit_threshold": 0.1,
            "risk.max_instrument_fraction": 0.6,
            "risk.max_daily_loss": None,
            "risk.max_agent_daily_loss": None,
            "risk.max_bar_move": None,
        },
    )


def test_attribution_of_a_run_with_agents_adds_up_and_names_them(
    agents: Config, source: Source, tmp_path: Path
) -> None:
    found = run_and_attribute(agents, source, tmp_path, _quiet)
    _adds_up(found)
    assert len(found.attribution.by("agent")) > 1
    assert len(found.attribution.by("venue")) == 2
    assert {line.names[0] for line in found.attribution.by("side")} == {"long", "short"}
    assert found.attribution.parts.funding != 0
    assert found.attribution.parts.cost < 0
    assert found.notes == ()


def test_attribution_of_a_policy_without_agents_goes_to_the_policy_and_knows_regimes(
    config: Config, source: Source, tmp_path: Path
) -> None:
    found = run_and_attribute(config, source, tmp_path, _quiet)
    _adds_up(found)
    assert [line.names for line in found.attribution.by("agent")] == [("ema_cross",)]
    assert len(found.attribution.by("regime")) > 1


def test_ledger_alone_gives_the_same_but_for_timing(
    agents: Config, source: Source, tmp_path: Path
) -> None:
    whole = run_and_attribute(agents, source, tmp_path, _quiet)
    (tmp_path / "run.json").unlink()
    alone = attribute_run(tmp_path)
    _adds_up_without_timing(alone)
    assert alone.attribution.total == whole.attribution.total
    assert alone.attribution.parts.signal == whole.attribution.parts.signal
    shortfall = whole.attribution.parts.timing + whole.attribution.parts.slippage
    assert alone.attribution.parts.slippage == shortfall
    regimes = [
        {line.names: line.parts.total for line in each.attribution.by("regime")}
        for each in (whole, alone)
    ]
    assert regimes[0] == regimes[1]
    assert any("timing is contained in slippage" in note for note in alone.notes)


def _adds_up_without_timing(found: RunAttribution) -> None:
    parts = found.to_dict()["components"]
    assert parts.pop("timing") is None
    assert sum(parts.values()) == pytest.approx(float(found.attribution.total), abs=1e-9)


def test_run_on_files_is_attributed_from_its_folder_as_from_its_bars(
    config: Config, source: Source, tmp_path: Path
) -> None:
    bars = _written(source, tmp_path)
    again = read_source([str(bars)], None, None, repair=False, timeframe=None, funding=None)
    folder = tmp_path / "run"
    write_result(run_source(config, again, "event", folder, _quiet), folder)
    found = attribute_run(folder)
    _adds_up(found)
    assert found.attribution.has_timing
    bars.write_text(bars.read_text().replace("00:00:00", "00:00:00", 1) + "\n")
    changed = attribute_run(folder)
    assert not changed.attribution.has_timing
    assert any("not the file that was recorded" in note for note in changed.notes)
    bars.unlink()
    gone = attribute_run(folder)
    assert gone.attribution.total == found.attribution.total
    assert not gone.attribution.has_timing


def _written(source: Source, folder: Path) -> Path:
    path = folder / "A-USDT-PERP_1h.csv"
    block = source.block
    rows = ["ts,open,high,low,close,volume"]
    for t, ts in enumerate(block.ts.tolist()):
        values = (block.open, block.high, block.low, block.close, block.volume)
        rows.append(",".join([iso(ts), *(repr(float(each[t, 0])) for each in values)]))
    path.write_text("\n".join(rows) + "\n")
    return path


def test_ledger_without_closes_can_not_be_attributed_without_its_bars(
    config: Config, source: Source, tmp_path: Path
) -> None:
    silent = override(config, {"ledger.keep_opinions": False})
    run_and_attribute(silent, source, tmp_path, _quiet)
    (tmp_path / "run.json").unlink()
    with pytest.raises(ConfigError, match="holds no closes"):
        attribute_run(tmp_path)


def test_liquidation_is_attributed_like_any_other_loss(
    config: Config, source: Source, tmp_path: Path
) -> None:
    bold = override(
        config,
        {
            "policy.sizing.fraction": 9.0,
            "policy.sizing.max_fraction": 9.0,
            "risk.max_instrument_fraction": None,
            "risk.max_gross_fraction": None,
            "risk.max_venue_fraction": None,
            "risk.care.liquidation_margin": 0.0,
        },
    )
    found = run_and_attribute(bold, source, tmp_path, _quiet)
    with SqliteLedgerReader(tmp_path) as ledger:
        assert next(ledger.rows(kinds=["liquidation"]), None) is not None
    _adds_up(found)


def test_routed_orders_are_attributed_to_who_decided_and_to_where_they_went(
    config: Config, twins: Source, tmp_path: Path
) -> None:
    routed = override(
        config,
        {
            "routes": {
                "A-USDT-PERP.X": {"strategy": "equal_split", "instruments": ["A-USDT-PERP.Y"]}
            }
        },
    )
    found = run_and_attribute(routed, twins, tmp_path, _quiet)
    assert found.residual == 0
    assert {line.names for line in found.attribution.by("venue")} == {("X",), ("Y",)}
    assert [line.names for line in found.attribution.by("agent")] == [("ema_cross",)]
    # each part is held against the price at which the whole was decided
    assert found.attribution.parts.timing != 0
    assert found.attribution.parts.slippage < 0


def test_what_no_order_explains_is_attributed_to_nobody_and_transfers_are_no_profit(
    tmp_path: Path,
) -> None:
    coin = InstrumentId("A-USD", "X")
    journal = Journal(SqliteLedger(tmp_path, Durability.BATCHED), "live")
    hours = np.arange(1, 4, dtype=np.int64) * HOUR
    started = Started(
        run_id="live", configuration="", seed=1, versions={}, instruments=(str(coin),), agents=(),
        balances={"X": Decimal(1000)}, step=HOUR,
    )  # fmt: skip
    journal.append("started", 0, started)
    adopted = Adopted(instrument=coin, ts=HOUR, quantity=Decimal(2), price=Decimal(100))
    journal.append("adopted", HOUR, adopted, str(coin))
    held = Position(
        instrument=coin, quantity=Decimal(2), average_price=Decimal(100), opened_at=HOUR,
        updated_at=HOUR, realised=Decimal(0), fees=Decimal(0), lead="",
    )  # fmt: skip
    journal.append("position", HOUR, held, str(coin))
    gone = Transfer(venue="X", ts=2 * HOUR, amount=Decimal(-50))
    journal.append("transfer", 2 * HOUR, gone, "X")
    close = np.array([[100.0], [101.0], [103.0]])
    journal.segment(hours, {"close": close, "equity": np.zeros(3)})
    journal.append("stopped", 3 * HOUR, Stopped(reason="end", totals={}, equity=950.0))
    journal.close()
    found = attribute_run(tmp_path)
    assert found.start_equity == 950
    assert found.end_equity == 956
    assert [line.names for line in found.attribution.by("agent")] == [("adopted",)]
    assert found.attribution.total == 6
    assert any("the run itself wrote down 950.00" in note for note in found.notes)


def test_empty_ledger_has_nothing_to_attribute(tmp_path: Path) -> None:
    Journal(SqliteLedger(tmp_path, Durability.BATCHED), "empty").close()
    with pytest.raises(ConfigError, match="nothing was recorded"):
        attribute_run(tmp_path)


def test_regimes_of_cut_bars_are_the_same_as_of_whole_ones(config: Config, source: Source) -> None:
    whole = regimes_of(config, source.block)
    half = regimes_of(config, source.block.rows(0, 330))
    assert whole.shape == source.block.close.shape
    assert np.array_equal(whole[:330], half)
    assert len(np.unique(whole)) > 2
    follower = override(
        config, {"conductor.scope": "reference", "conductor.reference": "A-USDT-PERP.X"}
    )
    shared = regimes_of(follower, source.block)
    assert np.array_equal(shared[:, 0], shared[:, 1])
