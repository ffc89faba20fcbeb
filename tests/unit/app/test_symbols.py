"""The file of symbols: read whole or refused whole, and what it makes of a configuration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.feed import made_up
from tutti.app.symbols import (
    closing,
    last_closes,
    load_symbols,
    parse_symbols,
    symbols_path,
    with_symbols,
)
from tutti.kernel.clock import MINUTE
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.symbols import SymbolsFile

_CONFIG = override(Config(), {"feed.symbols": "symbols.yaml"})
_TEXT = """\
symbols:
- symbol: BTC-USDT-PERP
  exchanges: [A, B]
  strategy: liquidity
  limits: {max_fraction: 0.05, max_notional: 500}
- symbol: ETH-USDT-PERP
  exchanges: [A]
  agents: [vpin]
"""


def _read(text: str = _TEXT) -> SymbolsFile:
    return parse_symbols(text, "symbols.yaml", _CONFIG.agents)


def _ids(*names: str) -> tuple[InstrumentId, ...]:
    return tuple(map(InstrumentId.parse, names))


# ---- reading ----


def test_file_says_what_is_traded_where_and_within_which_limits() -> None:
    first, second = _read().listed.symbols
    assert (first.exchanges, first.strategy) == (("A", "B"), "liquidity")
    assert (first.max_fraction, first.max_notional, first.agents) == (0.05, 500.0, None)
    assert (second.strategy, second.max_notional, second.agents) == ("priority", None, ("vpin",))
    assert _read().listed.closes_removed
    assert not _read(f"on_removal: keep\n{_TEXT}").listed.closes_removed


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", r"symbols\.yaml: symbols is missing"),
        ("symbols: []", r":1: symbols must hold one symbol at least"),
        ("symbols: BTC", r":1: symbols must be a list"),
        ("symbols:\n- symbol: X", r":2: symbols\[0\]\.exchanges is missing"),
        ("symbols:\n- symbol: X\n  exchanges: []", r":3: symbols\[0\]\.exchanges must name an"),
        ("symbols:\n- symbol: X\n  exchanges: [A, A]", r":3: .*exchanges\[1\] is A for the second"),
        ("symbols:\n- symbol: X\n  exchanges: [A.B]", r":3: .*exchanges\[0\] is wrong: instrument"),
        (
            "symbols:\n- symbol: 'X Y'\n  exchanges: [A]",
            r":2: .*symbol is wrong: 'X Y' is no symbol",
        ),
        (f"{_TEXT}- symbol: ETH-USDT-PERP\n  exchanges: [B]", r":9: symbols\[2\] is ETH-USDT-PERP"),
        (f"{_TEXT}  limit: 7", r":9: symbols\[1\]\.limit is not a known key; did you mean limits"),
        (f"{_TEXT}  limits: {{max_fraction: -1}}", r":9: .*max_fraction must be"),
        (_TEXT.replace("vpin", "me"), r":8: symbols\[1\]\.agents\[0\] names 'me', .*there are mom"),
        (f"on_removal: sell\n{_TEXT}", r":1: on_removal must be one of close, keep"),
    ],
)
def test_mistake_is_told_with_line_key_and_remedy(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        _read(text)


def test_file_that_can_not_be_read_is_told_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; make it with tutti symbols add"):
        load_symbols(tmp_path / "gone.yaml", ())
    with pytest.raises(ConfigError, match="can't be read"):
        load_symbols(tmp_path, ())
    (tmp_path / "latin.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigError, match="not text in UTF-8; save it as UTF-8"):
        load_symbols(tmp_path / "latin.yaml", ())


def test_file_is_where_the_configuration_says() -> None:
    assert symbols_path(Config()) is None
    assert str(symbols_path(_CONFIG)) == "symbols.yaml"
    with pytest.raises(ConfigError, match=r"feed\.symbols: recorded bars"):
        symbols_path(override(_CONFIG, {"feed.kind": "replay"}))


def test_error_about_an_instrument_gets_the_line_of_its_symbol() -> None:
    file = _read()
    told = file.about(ConfigError("ETH-USDT-PERP.A: no such contract"))
    assert str(told) == (
        "symbols.yaml:7: symbols[1]: ETH-USDT-PERP.A: no such contract; correct it, or take it off"
    )
    for other in ("WETH-USDT-PERP.A: none", "ETH-USDT-PERP.A2: none", "symbols.yaml:7: BTC.A"):
        error = ConfigError(other)
        assert file.about(error) is error


# ---- what it makes of a configuration ----


@pytest.mark.parametrize(("kind", "section"), [("sim", "simulated"), ("live", "live")])
def test_symbols_become_the_market_routes_and_limits_of_a_configuration(
    kind: str, section: str
) -> None:
    config = with_symbols(override(_CONFIG, {"feed.kind": kind}), _read().listed)
    names = ("BTC-USDT-PERP.A", "BTC-USDT-PERP.B", "ETH-USDT-PERP.A")
    assert getattr(config.feed, section).symbols == names
    route = config.routes["BTC-USDT-PERP.A"]
    assert (route.strategy, route.instruments) == ("liquidity", names[:2])
    own = config.risk.instruments["BTC-USDT-PERP.A"]
    assert (own.max_fraction, own.max_notional, own.leaving) == (0.05, 500.0, None)
    spoken = {agent.name: agent.instruments for agent in config.agents}
    assert spoken["vpin"] == names
    assert spoken["momentum_hunter"] == names[:2]
    assert closing(config) == ()


def test_agents_of_a_list_that_names_none_are_left_alone() -> None:
    listed = _read("symbols:\n- symbol: X\n  exchanges: [A]").listed
    assert with_symbols(_CONFIG, listed).agents == _CONFIG.agents


def test_agent_that_is_limited_speaks_on_what_both_allow() -> None:
    agents = [{"name": "vpin", "instruments": ["ETH-USDT-PERP.A", "SOL-USDT.A"]}]
    config = with_symbols(override(_CONFIG, {"agents": agents}), _read().listed)
    assert config.agents[0].instruments == ("ETH-USDT-PERP.A",)


def test_what_a_configuration_says_of_others_is_let_fall() -> None:
    config = override(
        _CONFIG,
        {
            "venues": {"A": {"latency_ms": 5}, "C": {}, "default": {}},
            "instruments": {"SOL-USDT.A": {"price_step": 1}, "ETH-USDT-PERP.A": {"price_step": 1}},
            "routes": {"SOL-USDT.A": {"instruments": ["SOL-USDT.C"]}},
            "risk.instruments": {"SOL-USDT.A": {}, "ETH-USDT-PERP.A": {"max_notional": 9}},
        },
    )
    made = with_symbols(config, _read().listed)
    assert set(made.venues) == {"A", "default"}
    assert set(made.instruments) == {"ETH-USDT-PERP.A"}
    assert set(made.routes) == {"BTC-USDT-PERP.A"}
    assert made.risk.instruments["ETH-USDT-PERP.A"].max_notional == 9.0


@pytest.mark.parametrize("how", ["close", "keep"])
def test_what_is_leaving_is_traded_still_and_opens_nothing(how: str) -> None:
    file = _read(f"on_removal: {how}\n{_TEXT}")
    leaving = _ids("SOL-USDT-PERP.C")
    config = with_symbols(_CONFIG, file.listed, leaving)
    assert config.feed.simulated.symbols[-1] == "SOL-USDT-PERP.C"
    assert config.risk.instruments["SOL-USDT-PERP.C"].leaving == how
    assert closing(config) == (("SOL-USDT-PERP.C",) if how == "close" else ())
    block = made_up(config, 0).sample()
    limits = plan_of(config, Universe.of_block(block).instruments, MINUTE).setup.rules.limits
    assert limits.own_notional.tolist() == [500.0, math.inf, math.inf, 0.0]


# ---- limits that allow nothing ----


@pytest.mark.parametrize(
    ("text", "changes", "why"),
    [
        (
            _TEXT.replace("500", "4"),
            {},
            r":5: symbols\[0\]\.limits allows BTC-USDT-PERP a position of 4\.00, and the smallest "
            r"order at A is 7\.00; raise the limit",
        ),
        (
            _TEXT.replace("0.05", "0.0005"),
            {},
            r":5: symbols\[0\]\.limits allows BTC-USDT-PERP a position of 5\.00",
        ),
        (
            _TEXT,
            {"risk.max_instrument_fraction": 0.0004},
            r":2: risk allows BTC-USDT-PERP a position of 4\.00",
        ),
    ],
)
def test_limit_below_the_smallest_order_is_refused(
    text: str, changes: dict[str, object], why: str
) -> None:
    terms = {"BTC-USDT-PERP.A": {"min_notional": 7}}
    base = override(_CONFIG, changes)
    file = _read(text)
    config = with_symbols(base, file.listed)
    block = made_up(config, 0).sample()
    plan = plan_of(config, Universe.of_block(block, terms).instruments, MINUTE)
    with pytest.raises(ConfigError, match=why):
        file.refuse_small_caps(plan, last_closes(block.close), 10_000.0)


def test_last_close_of_an_instrument_that_has_none_is_missing() -> None:
    closes = np.array([[1.0, math.nan, 3.0], [2.0, math.nan, math.nan]])
    np.testing.assert_array_equal(last_closes(closes), [2.0, math.nan, 3.0])
