"""Real money needs keys, limits and a typed phrase, each of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tutti.app.config import override, parse_config
from tutti.app.venues_live import (
    keys_for,
    phrase_for,
    refuse_unconfirmed,
    refuse_unlimited,
    venues_in,
)
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.settings import Config

_TEXT = """
feed:
  kind: live
  live: {symbols: [BTC-USDT.BINANCE, BTC-USD.KRAKEN, ETH-USDT.BINANCE]}
live: {max_order_notional: 200, max_orders_per_minute: 20}
"""


@pytest.fixture
def config() -> Config:
    return parse_config(_TEXT)


def test_limits_that_are_all_set_let_real_money_be_traded(config: Config) -> None:
    refuse_unlimited(config)
    assert config.live.max_order_notional == Decimal(200)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("live: {max_orders_per_minute: 20}", "live.max_order_notional"),
        ("live: {max_order_notional: 200}", "live.max_orders_per_minute"),
        (f"{_TEXT.partition('live: {max')[0]}risk: {{max_daily_loss: null}}", "live.max_order"),
    ],
)
def test_limit_that_is_missing_is_named(text: str, key: str) -> None:
    base = "" if "feed:" in text else "feed: {kind: live}\n"
    with pytest.raises(ConfigError, match=f"{key}.*needs it"):
        refuse_unlimited(parse_config(base + text))


@pytest.mark.parametrize(
    "name", ["max_daily_loss", "max_instrument_fraction", "max_gross_fraction"]
)
def test_risk_without_a_limit_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"risk\.{name}: is not set"):
        refuse_unlimited(parse_config(f"{_TEXT}\nrisk: {{{name}: null}}"))


def test_real_money_is_traded_on_the_live_market_only() -> None:
    with pytest.raises(ConfigError, match="add --feed live"):
        refuse_unlimited(parse_config("live: {max_order_notional: 1, max_orders_per_minute: 1}"))


def test_phrase_names_every_venue(config: Config) -> None:
    assert venues_in(config) == ("BINANCE", "KRAKEN")
    assert phrase_for(config) == "trade real money on BINANCE and KRAKEN"


def test_phrase_stays_the_same_when_the_list_of_symbols_is_put_in_another_order(
    config: Config,
) -> None:
    others = ["BTC-USD.KRAKEN", "BTC-USDT.BINANCE"]
    other = override(config, {"feed.live.symbols": others})
    assert venues_in(other) == ("KRAKEN", "BINANCE")
    assert phrase_for(other) == phrase_for(config)


@pytest.mark.parametrize("typed", ["", "yes", "trade real money on BINANCE", "TRADE REAL MONEY"])
def test_other_words_start_nothing(config: Config, typed: str) -> None:
    with pytest.raises(ConfigError, match="nothing was started"):
        refuse_unconfirmed(config, typed)


def test_the_phrase_itself_is_taken_whatever_the_spaces(config: Config) -> None:
    refuse_unconfirmed(config, "  trade real  money on BINANCE and KRAKEN\n")


def test_keys_have_the_names_that_ccxt_gives_them(config: Config) -> None:
    environment = {
        f"TUTTI_{venue}_{field}": f"{venue}-{field}"
        for venue in ("BINANCE", "KRAKEN")
        for field in ("API_KEY", "SECRET", "PASSPHRASE", "PRIVATE_KEY", "WALLET_ADDRESS", "UID")
    }
    found = keys_for(config, environment)
    assert set(found["KRAKEN"]) == {
        "apiKey", "secret", "password", "privateKey", "walletAddress", "uid",
    }  # fmt: skip
    assert found["KRAKEN"]["apiKey"].get_secret_value() == "KRAKEN-API_KEY"


def test_venue_without_keys_is_named(config: Config) -> None:
    environment = {"TUTTI_BINANCE_API_KEY": "k", "TUTTI_BINANCE_SECRET": "s"}
    with pytest.raises(ConfigError, match=r"venues\.KRAKEN\.keys: environment has none"):
        keys_for(config, environment)
