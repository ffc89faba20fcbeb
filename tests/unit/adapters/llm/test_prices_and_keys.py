"""What tokens cost, and where keys are."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tutti.adapters.llm.by_http.keys import model_key, name_of
from tutti.adapters.llm.prices import Prices, Tariff
from tutti.kernel.clock import SimulatedClock, parse_instant
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

NOW = SimulatedClock(parse_instant("2026-06-01"))


def test_price_of_the_configuration_goes_before_the_table() -> None:
    tariff = Tariff(kind="openai", input_usd=Decimal(2), output_usd=Decimal(8))
    prices = Prices({"openai": tariff}, NOW)
    assert prices.cost("openai:gpt-5-mini", 1_000_000, 500_000) == 6
    assert prices.cost("openai:gpt-5-mini", 1_000_000, 0, 900_000) == 2


def test_known_models_have_the_price_of_the_table() -> None:
    kinds = ("openai", "gemini", "anthropic", "openrouter")
    prices = Prices({kind: Tariff(kind=kind) for kind in kinds}, NOW)
    million = 1_000_000
    assert prices.cost("openai:gpt-4o", million, million) == Decimal("12.5")
    assert prices.cost("openai:gpt-4o", million, 0, million) == Decimal("1.25")
    assert prices.cost("gemini:gemini-2.5-flash", million, 0) == Decimal("0.3")
    assert prices.cost("openrouter:openai/gpt-4o", 0, million) == 10
    small = prices.cost("anthropic:claude-sonnet-4-5", 1000, 0)
    large = prices.cost("anthropic:claude-sonnet-4-5", 1_000_000, 0)
    assert small is not None
    assert large is not None
    # dearer the longer the prompt is
    assert large > 1000 * small > 0


def test_local_models_are_free_and_unknown_ones_have_no_price() -> None:
    tariffs = {
        "ollama": Tariff(kind="ollama"),
        "vllm": Tariff(kind="openai", url="http://127.0.0.1:8000/v1"),
        "groq": Tariff(kind="openai", url="https://api.groq.com/openai/v1"),
        "openai": Tariff(kind="openai"),
    }
    prices = Prices(tariffs, NOW)
    assert prices.cost("ollama:llama3.2", 10**9, 10**9) == 0
    assert prices.cost("vllm:my-lora", 1, 1) is None
    assert prices.cost("openai:no-such-model", 1, 1) is None
    assert prices.cost("nobody:gpt-4o", 1, 1) is None
    groq = prices.cost("groq:llama-3.3-70b-versatile", 1_000_000, 0)
    assert groq is not None
    assert 0 < groq < 1


def test_key_is_found_under_our_name_then_under_the_usual_one() -> None:
    both = {"TUTTI_OPENAI_API_KEY": "ours", "OPENAI_API_KEY": "usual"}
    usual = {"GOOGLE_API_KEY": " usual "}
    ours = model_key("openai", environment=both)
    theirs = model_key("gemini", environment=usual)
    assert ours is not None
    assert theirs is not None
    assert (ours.get_secret_value(), theirs.get_secret_value()) == ("ours", "usual")
    assert model_key("anthropic", environment=both) is None
    assert model_key("my-own.one", environment={"TUTTI_MY_OWN_ONE_API_KEY": "k"}) is not None
    assert name_of("my-own.one") == "MY_OWN_ONE"


def test_key_in_a_file_is_found_by_the_providers_name(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text("OPENAI: {api_key: in-a-file}\n")
    path.chmod(0o600)
    key = model_key("openai", f"file:{path}", {"OPENAI_API_KEY": "not this"})
    assert key is not None
    assert key.get_secret_value() == "in-a-file"
    assert model_key("gemini", f"file:{path}", {}) is None
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        model_key("openai", f"file:{path}", {})


def test_table_is_not_loaded_before_a_price_is_looked_up() -> None:
    import subprocess

    words = "import sys, tutti.adapters.llm.prices; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0
