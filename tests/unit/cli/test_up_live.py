"""`tutti up --live`: nothing starts without the feed, the limits, the keys and the words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti

_LIVE = """\
feed: {kind: live, live: {symbols: [BTC-USDT.BINANCE]}}
venues: {BINANCE: {keys: "file:%s"}}
live: {max_order_notional: 200, max_orders_per_minute: 20}
"""
_SECRET = "hunter2-hunter2"


@pytest.fixture
def live(tmp_path: Path) -> Path:
    keys = tmp_path / "keys.yaml"
    keys.write_text(f"BINANCE: {{api_key: {_SECRET}, secret: {_SECRET}}}")
    keys.chmod(0o600)
    path = tmp_path / "live.yaml"
    path.write_text(_LIVE % keys)
    return path


def test_real_money_needs_the_words(tutti: Tutti, live: Path) -> None:
    told = tutti("up", "--config", live, "--live")
    assert told.code == 2
    assert "real money needs the words 'trade real money on BINANCE'" in told.err
    wrong = tutti("up", "--config", live, "--live", "--i-understand", "yes")
    assert wrong.code == 2
    assert _SECRET not in told.err + told.out + wrong.err + wrong.out


def test_greeting_names_no_balance_of_real_money_before_its_venue_has(
    tutti: Tutti, live: Path, tmp_path: Path
) -> None:
    (tmp_path / "there.json").write_text("")
    told_where = live.read_text().replace("keys:", f"addresses: {tmp_path / 'there.json'}, keys:")
    live.write_text(told_where + "api: {enabled: false}\n")
    words = "trade real money on BINANCE"
    told = tutti("up", "--config", live, "--live", "--i-understand", words, "--out", tmp_path)
    assert "no JSON with addresses" in told.err
    assert "trading real money on a live market" in told.out
    assert "policy hybrid, USDT, run folder" in " ".join(told.out.split())


def test_real_money_needs_the_live_feed(tutti: Tutti, live: Path) -> None:
    told = tutti("up", "--config", live, "--feed", "sim", "--live")
    assert told.code == 2
    assert "add --feed live" in told.err


def test_real_money_needs_keys_that_nobody_else_reads(
    tutti: Tutti, live: Path, tmp_path: Path
) -> None:
    (tmp_path / "keys.yaml").chmod(0o644)
    told = tutti("up", "--config", live, "--live")
    assert told.code == 2
    assert "chmod 600" in told.err
    assert _SECRET not in told.err + told.out


def test_real_money_needs_limits(tutti: Tutti) -> None:
    told = tutti("up", "--feed", "live", "--live")
    assert told.code == 2
    assert "live.max_order_notional: is not set" in told.err


@pytest.mark.parametrize("symbols", ["", "symbols.yaml"])
def test_live_market_that_is_not_opened_ends_the_command_with_the_reason(
    symbols: str, tutti: Tutti, tmp_path: Path
) -> None:
    (tmp_path / "there.json").write_text("")
    listed = tmp_path / "symbols.yaml"
    listed.write_text("symbols: [{symbol: BTC-USDT, exchanges: [BINANCE]}]")
    config = tmp_path / "live.yaml"
    chosen = f"symbols: {listed}" if symbols else "live: {symbols: [BTC-USDT.BINANCE]}"
    config.write_text(
        f"feed: {{kind: live, {chosen}}}\n"
        f"venues: {{BINANCE: {{addresses: {tmp_path / 'there.json'}}}}}\n"
        "api: {enabled: false}\n"
    )
    told = tutti("up", "--config", config, "--out", tmp_path / "run")
    assert told.code == 2
    assert "venues.BINANCE.addresses" in told.err
    assert "no JSON with addresses can be read here" in told.err
