"""The service on a live market: on paper without a key, and for real with all that it takes."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.config import parse_config
from tutti.app.live_market import addresses_in
from tutti.app.serve import run_service
from tutti.app.venues_live import keys_for
from tutti.model.errors import ConfigError, VenueError
from tutti.testing.exchanges import FakeExchange, serve_in_thread

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.settings import Config
    from tutti.app.state import ServiceSummary
    from tutti.testing.exchanges import Addresses

_SETTINGS: dict[str, Any] = {
    "feed": {
        "kind": "live",
        "tick_s": 2,
        "warm_up_bars": 5,
        "live": {"symbols": ["BTC-USDT.BINANCE", "ETH-USDT.BINANCE"], "book_levels": 5},
    },
    "policy": {"name": "ema_cross", "fast": 2, "slow": 3},
    "api": {"enabled": False},
    "live": {"max_order_notional": 1000, "max_orders_per_minute": 100},
}


def _config(folder: Path, addresses: Addresses, **more: Any) -> Config:
    path = folder / "fake.json"
    path.write_text(json.dumps(addresses.to_dict()), encoding="utf-8")
    settings = _SETTINGS | {"venues": {"BINANCE": {"addresses": str(path)}}} | more
    return parse_config(yaml.safe_dump(settings))


async def _run(config: Config, out: Path, seconds: float, keys: Any = None) -> ServiceSummary:
    out.mkdir(exist_ok=True)  # noqa: ASYNC240 - before anything runs
    return await run_service(
        config, feed="live", bars=[], speed=1.0, seconds=seconds, out=out, view=None, keys=keys
    )


async def test_service_trades_on_paper_on_a_live_market_without_a_key(tmp_path: Path) -> None:
    exchange = FakeExchange("binance", seed=3, limits=0.0)
    with serve_in_thread(exchange, rate=20.0) as addresses:
        config, out = _config(tmp_path, addresses), tmp_path / "run"
        summary = await _run(config, out, 9.0)
        environment = {"TUTTI_BINANCE_API_KEY": "k", "TUTTI_BINANCE_SECRET": "s"}
        for name, field in (("apiKey", "API_KEY"), ("secret", "SECRET")):
            environment[f"TUTTI_BINANCE_{field}"] = addresses.credentials["main"][name]
        with pytest.raises(ConfigError, match="choose another --out"):
            await _run(config, out, 1.0, keys_for(config, environment))
        assert "order.create" not in exchange.n_requests
    assert summary.ticks >= 2
    assert summary.run_id.startswith("paper-")
    assert summary.start_equity == 10_000.0


async def test_service_sends_real_orders_and_leaves_no_secret_behind(tmp_path: Path) -> None:
    # nothing but cash: coins that were there before would be quarantined
    money = {"USDT": Decimal(100_000)}
    exchange = FakeExchange("binance", seed=3, limits=0.0, spot=money)
    with serve_in_thread(exchange, rate=20.0) as addresses:
        config = _config(tmp_path, addresses, reconcile={"every_s": 2, "patience_s": 1})
        secrets = addresses.credentials["main"]
        environment = {
            "TUTTI_BINANCE_API_KEY": secrets["apiKey"],
            "TUTTI_BINANCE_SECRET": secrets["secret"],
        }
        out = tmp_path / "run"
        async with asyncio.TaskGroup() as group:
            rising = group.create_task(_rise(addresses.http))
            summary = await _run(config, out, 14.0, keys_for(config, environment))
            rising.cancel()
        sent = exchange.n_requests.get("order.create", 0)
    assert summary.run_id.startswith("live-")
    # what the account holds there, not what the configuration says
    assert summary.start_equity == 100_000.0
    assert summary.n_orders == sent > 0
    assert summary.n_fills > 0
    for path in out.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [name for name, value in secrets.items() if value.encode() in content]
    store = SqliteLedger(out, Durability.EACH_COMMIT)
    try:
        rows = list(store.rows())
        kinds = {row.kind for row in rows}
    finally:
        store.close()
    assert {"intent", "approval", "order", "fill", "reconciled"} <= kinds
    # Binance takes its fee in coins: no difference is made of that
    assert not [row.body for row in rows if row.kind == "difference" and "position" in row.body]


async def _rise(http: str) -> None:
    price = 60_000.0
    async with aiohttp.ClientSession() as session:
        while True:
            price *= 1.002
            action = {"do": "move", "listing": "BTC/USDT", "price": f"{price:.2f}"}
            async with session.post(f"{http}/_control/market", json=action) as answer:
                assert answer.status == 200, await answer.text()
            await asyncio.sleep(0.2)


async def test_service_says_which_venue_can_not_be_reached(tmp_path: Path) -> None:
    path = tmp_path / "gone.json"
    path.write_text('{"rest": "http://127.0.0.1:9", "ws": "ws://127.0.0.1:9"}', encoding="utf-8")
    settings = _SETTINGS | {"venues": {"BINANCE": {"addresses": str(path)}}}
    with pytest.raises(VenueError, match="BINANCE: ExchangeNotAvailable"):
        await _run(parse_config(yaml.safe_dump(settings)), tmp_path / "run", 1.0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rest": ""}'])
def test_file_of_addresses_that_has_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "addresses.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"venues\.X\.addresses"):
        addresses_in(str(path), "venues.X.addresses")


def test_addresses_are_read_as_a_fake_exchange_prints_them(tmp_path: Path) -> None:
    path = tmp_path / "addresses.json"
    path.write_text('{"rest": "http://127.0.0.1:1", "ws": "ws://127.0.0.1:2"}', encoding="utf-8")
    assert addresses_in(str(path), "k").rest == "http://127.0.0.1:1"
    assert addresses_in("", "k").rest == ""
