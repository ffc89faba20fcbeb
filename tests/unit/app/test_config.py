"""One YAML file over complete defaults, and one clear line for each mistake."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from tutti.app.config import (
    Config,
    config_hash,
    load_config,
    override,
    parse_config,
    resolved,
)
from tutti.app.settings import VenueSettings
from tutti.model.errors import ConfigError

_ROOT = Path(__file__).resolve().parents[3]


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "tutti.yaml")
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null", "risk:\n  # all default\n"])
def test_config_empty_is_the_defaults(text: str) -> None:
    assert parse_config(text) == Config()


def test_config_none_needs_no_file() -> None:
    assert load_config(None) == Config()


def test_config_defaults_survive_being_written_and_read() -> None:
    assert parse_config(json.dumps(resolved(Config()))) == Config()


def test_config_of_ones_own_survives_being_written_and_read() -> None:
    config = parse_config(
        "agents: [{name: mine, params: {n: 1, name: x, on: true}}]\n"
        "venues: {default: {taker_fee: 0.002}, KRAKEN: {maker_fee: 0.001}}\n"
        "instruments: {A.SIM: {price_step: 1e-8}}\nrisk: {max_daily_loss: null}\n"
    )
    again = parse_config(json.dumps(resolved(config)))
    assert config_hash(again) == config_hash(config)
    assert again.venue("KRAKEN") == config.venue("KRAKEN")
    assert again.agents == config.agents
    assert again.conductor == config.conductor


def test_config_values_replace_defaults_and_only_them() -> None:
    config = parse_config("seed: 11\nrisk:\n  care:\n    stop_loss: 0.05\n")
    assert config.seed == 11
    assert config.risk.care.stop_loss == 0.05
    assert config.risk.care.take_profit == Config().risk.care.take_profit


def test_config_once_read_can_not_change() -> None:
    with pytest.raises(ValidationError):
        Config().risk.max_drawdown = 1.0  # type: ignore[misc]


def test_config_prices_are_exact() -> None:
    config = parse_config("instruments: {A.SIM: {price_step: 0.1, quantity_step: 1e-8}}")
    terms = config.instrument("A.SIM")
    assert terms.price_step == Decimal("0.1")
    assert terms.quantity_step == Decimal("1e-8")
    assert config.instrument("B.SIM").price_step is None


def test_config_scalars_are_read_as_yaml_1_2() -> None:
    config = parse_config(
        "risk: {max_drawdown: 1e-3}\nseed: 007\nquote_currency: NO\nfeed: {repair: true}\n"
        "agents: [{name: 12:30, params: {day: 2024-01-01, n: 1_000, on: on}}]"
    )
    assert config.risk.max_drawdown == 0.001
    assert config.seed == 7
    assert config.quote_currency == "NO"
    assert config.agents[0].name == "12:30"
    assert config.agents[0].params == {"day": "2024-01-01", "n": 1000, "on": "on"}


def test_config_weights_of_ones_own_replace_the_table() -> None:
    config = parse_config("conductor: {weights: {RANGE_BOUND: {vpin: 2}}}")
    assert config.conductor.weights == {"RANGE_BOUND": {"vpin": 2.0}}


def test_config_null_lifts_a_limit() -> None:
    assert parse_config("risk: {max_daily_loss: null}").risk.max_daily_loss is None


def test_config_alias_repeats_a_value() -> None:
    config = parse_config("venues: {A: &fees {taker_fee: 0.001}, B: *fees}")
    assert config.venue("A") == config.venue("B")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "seed: 7\nrisk:\n  max_drawdown: -0.2\n",
            "tutti.yaml:3: risk.max_drawdown must be between 0 and 1, 0 excluded, was -0.2; "
            "write a fraction such as 0.2",
            id="negative limit",
        ),
        pytest.param(
            "risk: {max_drawdwon: 0.2}",
            "tutti.yaml:1: risk.max_drawdwon is not a known key; did you mean max_drawdown?",
            id="unknown key, one near",
        ),
        pytest.param(
            "execution:\n  foo: 1",
            "tutti.yaml:2: execution.foo is not a known key; known keys are order_type, "
            "limit_offset_bps, time_in_force_bars",
            id="unknown key, none near",
        ),
        pytest.param(
            "seed: abc",
            "tutti.yaml:1: seed must be a whole number, 0 or more, was 'abc'; "
            "write a whole number such as 7",
            id="text for a number",
        ),
        pytest.param(
            "seed: '7'",
            "tutti.yaml:1: seed must be a whole number, 0 or more, was '7'; "
            "write a whole number such as 7",
            id="quoted number",
        ),
        pytest.param(
            "seed: 1.5",
            "tutti.yaml:1: seed must be a whole number, 0 or more, was 1.5; "
            "write a whole number such as 7",
            id="fraction for a whole number",
        ),
        pytest.param(
            "seed: true",
            "tutti.yaml:1: seed must be a whole number, 0 or more, was true; "
            "write a whole number such as 7",
            id="switch for a number",
        ),
        pytest.param(
            "starting_balance: true",
            "tutti.yaml:1: starting_balance must be a number, above 0, was true; "
            "write a number such as 10000",
            id="switch for an exact number",
        ),
        pytest.param(
            "seed:",
            "tutti.yaml:1: seed must be a whole number, 0 or more, was nothing; "
            "write a whole number such as 7",
            id="nothing for a number",
        ),
        pytest.param(
            "risk: {max_daily_loss: .inf}",
            "tutti.yaml:1: risk.max_daily_loss must be a finite number, was inf; "
            "write a number such as 1000, or null for none",
            id="infinity",
        ),
        pytest.param(
            "feed: {repair: maybe}",
            "tutti.yaml:1: feed.repair must be true or false, was 'maybe'; "
            "write true or false such as false",
            id="text for a switch",
        ),
        pytest.param(
            "quote_currency: 5",
            "tutti.yaml:1: quote_currency must be text, not empty, was 5; write text such as USDT",
            id="number for text",
        ),
        pytest.param(
            "risk: [1]",
            "tutti.yaml:1: risk must be a mapping of keys, was a list; write keys below it",
            id="list for a section",
        ),
        pytest.param(
            "agents: {}",
            "tutti.yaml:1: agents must be a list, was an empty mapping; "
            "write a list such as - name: momentum_hunter",
            id="mapping for a list",
        ),
        pytest.param(
            "feed: {bars: data.csv}",
            "tutti.yaml:1: feed.bars must be a list, was 'data.csv'; "
            "write a list such as [data/*.parquet]",
            id="text for a list",
        ),
        pytest.param(
            "feed: {simulated: {symbols: []}}",
            "tutti.yaml:1: feed.simulated.symbols must be a list, not empty, "
            "was an empty list; write a list such as [BTC-USDT-PERP.SIM]",
            id="empty list",
        ),
        pytest.param(
            "aggregation: {method: majority}",
            "tutti.yaml:1: aggregation.method must be one of weighted_average, majority_vote, "
            "bayesian_pool, was 'majority'; write for example majority_vote",
            id="no such choice",
        ),
        pytest.param(
            "feed: {timeframe: 1x}",
            "tutti.yaml:1: feed.timeframe must be a length such as 30s, 5m, 1h or 1d, was '1x'; "
            "write for example 1m, or null for none",
            id="timeframe",
        ),
        pytest.param(
            "venues:\n  KRAKEN:\n    taker_fee: 0.1\n",
            "tutti.yaml:3: venues.KRAKEN.taker_fee must be above -0.1 and below 0.1, was 0.1; "
            "write a number such as 0.0005, or null for none",
            id="fee of ten per cent",
        ),
        pytest.param(
            "agents:\n  - name: a\n    weight: -1\n",
            "tutti.yaml:3: agents[0].weight must be between 0 and 1000, was -1; write a number such as 1",
            id="value in a list",
        ),
        pytest.param(
            "agents:\n  - weight: 1\n",
            "tutti.yaml:2: agents[0].name is missing; write for example momentum_hunter",
            id="missing key",
        ),
        pytest.param(
            "agents:\n  - name: a\n  - name: b\n  - name: a\n",
            "tutti.yaml:4: agents[2] is a for the second time; remove one",
            id="agent twice",
        ),
        pytest.param(
            "agents: [{name: a, params: {x: [1]}}]",
            "tutti.yaml:1: agents[0].params.x must be a number, text, or true or false, "
            "was a list; write one value",
            id="parameter that is a list",
        ),
        pytest.param(
            "feed: {simulated: {symbols: [A.SIM, A.SIM]}}",
            "tutti.yaml:1: feed.simulated.symbols[1] is A.SIM for the second time; remove one",
            id="symbol twice",
        ),
        pytest.param(
            "instruments:\n  BTC: {}\n",
            "tutti.yaml:2: instruments.BTC is wrong: instrument id must look like SYMBOL.VENUE "
            "(BTC-USDT.BINANCE), was 'BTC'",
            id="instrument without venue",
        ),
        pytest.param(
            "policy: {pairs: [[A.SIM]]}",
            "tutti.yaml:1: policy.pairs[0][1] is missing; add it",
            id="pair of one",
        ),
        pytest.param(
            "policy:\n  fast: 50\n",
            "tutti.yaml:2: policy.fast must be below slow (26), was 50; write for example 12",
            id="fast not faster",
        ),
        pytest.param(
            "policy: {exit_threshold: 0.9}",
            "tutti.yaml:1: policy.exit_threshold must not be above entry_threshold (0.65), "
            "was 0.9; write for example 0.5",
            id="exit above entry",
        ),
        pytest.param(
            "policy: {weights: {momentum: 0, mean_reversion: 0, pairs: 0, context: 0}}",
            "tutti.yaml:1: policy.weights.context must not be 0 when all others are; "
            "write for example 0.5",
            id="policy without parts",
        ),
        pytest.param(
            "conductor: {rules: {adx_range: 30}}",
            "tutti.yaml:1: conductor.rules.adx_range must not be above adx_trend (25), was 30; "
            "write for example 20",
            id="range above trend",
        ),
        pytest.param(
            "conductor: {scope: reference}",
            "tutti.yaml:1: conductor.scope 'reference' needs conductor.reference; "
            "write for example reference: BTC-USDT-PERP.SIM",
            id="reference without one",
        ),
        pytest.param(
            "conductor: {weights: {UP: {vpin: 1}}}",
            "tutti.yaml:1: conductor.weights.UP is wrong: no regime is called 'UP'; there are "
            "RANGE_BOUND, BULL_TRENDING, BULL_VOLATILE, BEAR_TRENDING, BEAR_VOLATILE",
            id="unknown regime",
        ),
        pytest.param(
            "agents: [{name: a}]\nconductor:\n  weights:\n    RANGE_BOUND:\n      b: 1\n",
            "tutti.yaml:5: conductor.weights.RANGE_BOUND.b names an agent that is not in agents; "
            "there are a",
            id="factor for a stranger",
        ),
        pytest.param(
            "conductor:\n  weights:\n    RANGE_BOUND: {vpin: -1}\n",
            "tutti.yaml:3: conductor.weights.RANGE_BOUND.vpin must be between 0 and 1000, was -1; "
            "write a number",
            id="negative factor",
        ),
        pytest.param(
            "seed: -1\nrisk:\n  max_drawdown: 2\n  care: {stop_loss: 5}\n",
            "tutti.yaml:1: seed must be 0 or more, was -1; write a whole number such as 7 "
            "(2 more problems in this file)",
            id="several, the first is named",
        ),
        pytest.param(
            "risk: {max_drawdown: 2}\nseed: -1",
            "tutti.yaml:1: risk.max_drawdown must be between 0 and 1, 0 excluded, was 2; "
            "write a fraction such as 0.2 (1 more problem in this file)",
            id="two, the upper is named",
        ),
    ],
)
def test_config_mistake_is_one_line_with_place_reason_and_remedy(text: str, message: str) -> None:
    assert complaint(text) == message


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("seed: 1\nrisk: {}\nseed: 2\n", "tutti.yaml:3", "seed is here twice, first in line 1"),
        ("risk:\n  care:\n    a: 1\n    a: 2\n", "tutti.yaml:4", "risk.care.a is here twice"),
        ("- 1", "tutti.yaml:1", "must hold keys, for example seed: 7, was a list"),
        ("# top\nhello", "tutti.yaml:2", "must hold keys, for example seed: 7, was 'hello'"),
        ("a: [1\n", "tutti.yaml:2", "not valid YAML"),
        ("risk:\n\tseed: 1", "tutti.yaml:2", "indent with spaces"),
        ("a: 1\n---\nb: 2\n", "tutti.yaml:2", "expected a single document"),
        ("5: 1", "tutti.yaml:1", "a key must be text, was 5"),
        ("seed: !!python/object:os.system x", "tutti.yaml:1", "not valid YAML"),
        ("a: &a [*a]", "tutti.yaml:1", "an alias leads back to itself"),
        ("seed: \x07", "tutti.yaml", "special characters are not allowed"),
        (f"seed: {'9' * 5000}", "tutti.yaml:1", "write it shorter"),
        ("[" * 5000, "tutti.yaml", "nested too deeply"),
    ],
)
def test_config_that_is_no_yaml_mapping_says_where(text: str, place: str, says: str) -> None:
    message = complaint(text)
    assert message.startswith(f"{place}: ")
    assert says in message


def test_config_aliases_that_multiply_are_refused() -> None:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for name, last in zip("bcdefg", "abcdef", strict=True):
        rows.append(f"{name}: &{name} [{', '.join([f'*{last}'] * 10)}]")
    assert "too many values" in complaint("\n".join(rows))


def test_config_long_value_is_shown_in_part() -> None:
    message = complaint(f"seed: {'x' * 500}")
    assert len(message) < 250


def test_config_secret_in_the_file_is_refused_and_not_repeated() -> None:
    message = complaint("api:\n  token: hunter2hunter2\n")
    assert message.startswith("tutti.yaml:2: api.token is a secret")
    assert "TUTTI_API_TOKEN" in message
    assert "hunter2" not in message


def test_config_api_open_to_the_network_is_refused() -> None:
    assert "127.0.0.1" in complaint("api: {host: 0.0.0.0}")


def test_config_file_missing_says_so(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigError, match=f"^{re.escape(str(path))}: no such file; .* --config"):
        load_config(path)


def test_config_file_that_is_a_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        load_config(tmp_path)


def test_config_file_that_is_no_text_says_so(tmp_path: Path) -> None:
    path = tmp_path / "tutti.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ConfigError, match="save it as UTF-8"):
        load_config(path)


def test_config_file_is_named_in_the_message(tmp_path: Path) -> None:
    path = tmp_path / "tutti.yaml"
    path.write_text("seed: -1")
    with pytest.raises(ConfigError, match=f"^{re.escape(str(path))}:1: seed must be"):
        load_config(path)


def test_override_changes_what_it_names() -> None:
    config = override(
        parse_config("api: {port: 9000}\nseed: 3"), {"api.enabled": False, "feed.kind": "replay"}
    )
    assert (config.api.port, config.api.enabled, config.feed.kind, config.seed) == (
        9000,
        False,
        "replay",
        3,
    )


def test_override_keeps_what_the_file_left_open() -> None:
    # otherwise the default table of weights would count as written and be checked against agents
    config = override(parse_config("agents: [{name: mine}]"), {"seed": 5})
    assert config.conductor == Config().conductor


def test_override_out_of_bounds_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^command line: api\.port must be between 0 and 65535"):
        override(Config(), {"api.port": -1})


@pytest.mark.parametrize("key", ["conductor.rules.hysteresis_bars", "execution.time_in_force_bars"])
def test_number_of_bars_that_nothing_can_count_to_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^command line: {re.escape(key)} must be "):
        override(Config(), {key: 10**30})


def test_hash_is_the_same_for_the_same_settings_however_written() -> None:
    one = parse_config("seed: 7\nrisk: {max_drawdown: 0.2}")
    two = parse_config("risk:\n  max_drawdown: 2e-1\n")
    assert config_hash(one) == config_hash(two) == config_hash(Config())
    assert re.fullmatch("[0-9a-f]{64}", config_hash(one))


def test_hash_differs_where_a_setting_does() -> None:
    assert config_hash(parse_config("seed: 8")) != config_hash(Config())


def test_venue_takes_its_own_settings_over_those_of_default() -> None:
    config = parse_config(
        "venues: {default: {taker_fee: 0.002, latency_ms: 5}, KRAKEN: {taker_fee: 0.003}}"
    )
    assert config.venue("KRAKEN").taker_fee == Decimal("0.003")
    assert config.venue("KRAKEN").latency_ms == 5
    assert config.venue("OTHER").taker_fee == Decimal("0.002")
    assert Config().venue("OTHER") == VenueSettings()


def test_example_file_says_the_defaults() -> None:
    assert load_config(_ROOT / "examples" / "tutti.yaml") == Config()


def test_documentation_names_every_key() -> None:
    text = (_ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    missing = [key for key in _keys(Config.model_json_schema()) if f"`{key}`" not in text]
    assert not missing, f"docs/configuration.md does not explain {missing}"


def _keys(schema: dict[str, object]) -> list[str]:
    definitions = schema.get("$defs", {})
    assert isinstance(definitions, dict)
    named = [schema, *definitions.values()]
    return sorted({key for part in named for key in part.get("properties", {})})
