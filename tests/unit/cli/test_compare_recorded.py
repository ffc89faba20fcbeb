"""A run that left only a ledger, on paper or for real, is compared like any other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.recorded import recorded_result
from tutti.model.errors import ConfigError
from tutti.sandbox.saved import load_result

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Backtested, Tutti


def test_ledger_alone_tells_what_the_backtest_left(backtested: Backtested) -> None:
    whole, heard = load_result(backtested.folder), recorded_result(backtested.folder)
    assert heard.run_id == whole.run_id
    assert heard.ledger_hash == whole.ledger_hash
    assert heard.fills == whole.fills
    assert heard.trades == whole.trades
    assert [each.order_id for each in heard.orders] == [each.order_id for each in whole.orders]
    assert [each.status for each in heard.orders] == [each.status for each in whole.orders]
    assert heard.refusals == whole.refusals
    assert heard.final_equity == pytest.approx(whole.final_equity, rel=1e-12)
    assert heard.metrics["fees"] == pytest.approx(whole.metrics["fees"], rel=1e-12)
    assert heard.metrics["hit_rate"] == whole.metrics["hit_rate"]
    assert "exposure" not in heard.metrics  # no bars, so nobody knows


def test_run_without_result_is_compared_by_its_ledger(
    tutti: Tutti, backtested: Backtested, copied_run: Path
) -> None:
    configuration = json.loads((copied_run / "run.json").read_text())["configuration"]
    digest = backtested.document["configuration_hash"]
    (copied_run / "configurations").mkdir()
    (copied_run / "configurations" / f"{digest}.json").write_text(json.dumps(configuration))
    (copied_run / "run.json").unlink()
    answer = tutti("compare", backtested.folder, copied_run, "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["configuration"]["differing"] == {}
    assert document["against_the_first"][0]["first_different_fill"] is None
    assert "final_equity" not in document["results"]["differing"]
    page = tutti("compare", backtested.folder, copied_run, "--out", "page.html")
    assert page.code == 0, page.err


def test_ledger_without_a_run_has_nothing_to_compare(tmp_path: Path) -> None:
    SqliteLedger(tmp_path, Durability.BATCHED).close()
    with pytest.raises(ConfigError, match="nothing was recorded"):
        recorded_result(tmp_path)
