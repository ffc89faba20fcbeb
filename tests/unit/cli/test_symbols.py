"""`tutti symbols`, on a file and with a real service on a simulated market."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.unit.cli.test_service import started

from tutti.testing.exchanges import FakeExchange, serve_in_thread

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Tutti

_SMALL = """\
feed:
  symbols: symbols.yaml
  warm_up_bars: 60
  speed: 600
policy: {name: ema_cross, fast: 2, slow: 5, long_only: false, sizing: {method: fixed_fraction}}
risk: {care: {cooldown_s: 0}}
agents: [{name: momentum_hunter}]
api: {port: 0}
"""
_LIST = """\
# ours
symbols:
- symbol: BTC-USDT-PERP
  exchanges: [SIM]
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(_SMALL)
    return path


@pytest.fixture
def listed(tutti: Tutti) -> Path:
    del tutti  # it works in a folder of its own
    path = Path("symbols.yaml")
    path.write_text(_LIST)
    return path


def test_symbols_are_listed_added_and_removed_in_a_file(tutti: Tutti, listed: Path) -> None:
    added = tutti(
        "symbols", "add", "ETH-USDT-PERP", "--exchange", "SIM", "--exchange", "OTHER",
        "--max-notional", "500", "--max-fraction", "0.05", "--agent", "vpin", "--json",
    )  # fmt: skip
    assert added.code == 0, added.err
    assert json.loads(added.out)["running"] is False
    shown = tutti("symbols", "list")
    assert "SIM, OTHER" in shown.out
    assert "0.05 of equity, 500" in shown.out
    rows = json.loads(tutti("symbols", "list", "--json").out)["symbols"]
    assert [row["symbol"] for row in rows] == ["BTC-USDT-PERP", "ETH-USDT-PERP"]
    assert rows[1]["agents"] == ["vpin"]
    assert tutti("symbols", "remove", "ETH-USDT-PERP").code == 0
    assert listed.read_text() == _LIST


def test_first_symbol_makes_the_file(tutti: Tutti, tmp_path: Path) -> None:
    path = tmp_path / "mine" / "symbols.yaml"
    assert tutti("symbols", "add", "A-B", "--exchange", "SIM", "--file", path).code == 0
    assert "A-B" in tutti("symbols", "list", "--file", path).out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["add", "BTC-USDT-PERP", "--exchange", "SIM"], "listed already"),
        (["add", "A-B", "--exchange", "S.M"], "symbols.yaml:6: symbols[1].exchanges[0] is wrong"),
        (
            ["add", "A-B", "--exchange", "SIM", "--agent", "me"],
            "names 'me', which is not in agents",
        ),
        (["add", "WORD", "--exchange", "SIM"], "WORD is no symbol: it names no currency"),
        (["add", "WORD-", "--exchange", "SIM"], "write for example WORD-USDT"),
        (["remove", "A-B"], "A-B is not listed; there are BTC-USDT-PERP"),
        (["remove", "BTC-USDT-PERP"], "no symbol is left to trade"),
        (["list", "--file", "gone.yaml"], "gone.yaml: no such file"),
    ],
)
def test_edit_that_can_not_be_is_refused_and_changes_nothing(
    tutti: Tutti, listed: Path, arguments: list[str], why: str
) -> None:
    answer = tutti("symbols", *arguments)
    assert answer.code == 2
    assert why in answer.err
    assert listed.read_text() == _LIST


def test_running_service_follows_and_says_so(tutti: Tutti, listed: Path, small: Path) -> None:
    with started("--config", small):
        added = tutti(
            "symbols", "add", "SOL-USDT-PERP", "--exchange", "SIM", "--config", small, "--json"
        )
        assert added.code == 0, added.err
        told = json.loads(added.out)
        assert (added.code, told["in_force"], told["leaving"]) == (0, True, [])
        assert told["traded"] == ["BTC-USDT-PERP.SIM", "SOL-USDT-PERP.SIM"]
        assert "yes" in tutti("symbols", "list", "--config", small).out
        refused = tutti(
            "symbols", "add", "ETH-USDT-PERP", "--exchange", "SIM", "--max-notional", "1",
            "--config", small,
        )  # fmt: skip
        assert refused.code == 2
        assert "symbols.yaml:9: symbols[2].limits allows ETH-USDT-PERP a position" in refused.err
        assert "ETH" not in listed.read_text()
        time.sleep(1)
        removed = tutti("symbols", "remove", "SOL-USDT-PERP", "--config", small, "--json")
        told = json.loads(removed.out)
        assert (removed.code, told["traded"]) == (0, ["BTC-USDT-PERP.SIM"])
        assert listed.read_text() == _LIST


def test_symbol_of_a_live_market_is_shown_as_its_exchange_quotes_it(
    tutti: Tutti, tmp_path: Path
) -> None:
    with serve_in_thread(FakeExchange("binance", seed=3), rate=0.0) as place:
        (tmp_path / "there.json").write_text(json.dumps(place.to_dict()), encoding="utf-8")
        config = tmp_path / "live.yaml"
        config.write_text(
            "feed: {kind: live, live: {symbols: [BTC-USDT.BINANCE]}}\n"
            f"venues: {{BINANCE: {{addresses: {tmp_path / 'there.json'}}}}}\n"
        )
        told = tutti("symbols", "add", "ETH-USDT", "--exchange", "BINANCE", "--config", config)
        assert told.code == 0, told.err
        assert "ETH-USDT.BINANCE: last 3,000" in told.out
        assert "bps" in told.out
        assert "traded in 24 hours" in told.out
        unknown = tutti("symbols", "add", "NO-SUCH", "--exchange", "BINANCE", "--config", config)
        assert unknown.code == 2


def test_answer_of_a_command_has_no_logs_in_it(tutti: Tutti, tmp_path: Path) -> None:
    # Coinbase tells its best prices to those with a key only, which is logged
    with serve_in_thread(FakeExchange("coinbase", seed=3, limits=0.0), rate=0.0) as place:
        (tmp_path / "there.json").write_text(json.dumps(place.to_dict()), encoding="utf-8")
        config = tmp_path / "live.yaml"
        config.write_text(
            "feed: {kind: live, live: {symbols: [BTC-USD.COINBASE]}}\n"
            f"venues: {{COINBASE: {{addresses: {tmp_path / 'there.json'}}}}}\n"
        )
        told = tutti(
            "symbols", "add", "ETH-USD", "--exchange", "COINBASE", "--config", config, "--json"
        )
        assert told.code == 0, told.err
        assert json.loads(told.out)["in_force"] is False
