"""Training cut-offs and what an opinion is stamped."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tutti.agents.llm.knowledge import MARGIN_DAYS, Cutoffs, built_in
from tutti.kernel.clock import DAY, SECOND
from tutti.model.errors import ConfigError


def _at(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("model", "stated"),
    [
        ("openai:gpt-5-mini", "2024-05-30"),
        ("openai:gpt-5-mini-2025-08-07", "2024-05-30"),
        ("openrouter:openai/gpt-5", "2024-09-30"),
        ("openrouter:meta-llama/llama-3.3-70b-instruct:free", "2023-12"),
        ("anthropic:claude-sonnet-4-5", "2025-07-31"),
        ("anthropic:claude-sonnet-4-5-20250929", "2025-07-31"),
        ("gemini:gemini-2.5-flash", "2025-01"),
        ("ollama:llama3.2", "2023-12"),
        ("ollama:llama3.2:3b", "2023-12"),
        ("ollama:llama3.1:8b-instruct-q4_K_M", "2023-12"),
        ("ollama:llama4:16x17b", "2024-08"),
        ("vllm:meta-llama/Llama-3.3-70B-Instruct", "2023-12"),
        ("gateway:@cf/meta/llama-3.1-8b-instruct", "2023-12"),
        ("gemini:models/gemini-2.5-flash", "2025-01"),
        ("local:GPT-4.1", "2024-04"),
    ],
)
def test_cutoff_of_a_model_is_found_as_providers_spell_it(model: str, stated: str) -> None:
    found = Cutoffs().find(model)
    assert found.stated == stated
    assert found.source


@pytest.mark.parametrize(
    "model",
    [
        "openai:gpt-6",
        "openai:gpt-5-mini-turbo",
        "openai:gpt-5-2026-09-01",
        "openai:gpt-5-20259999",
        "local:finetuned",
        "openai:chatgpt-latest",
        # reads today's web
        "openrouter:openai/gpt-4o:online",
        "openrouter:openai/gpt-4o-2024-11-20:online",
        # floats to the newest
        "openrouter:~openai/gpt-4o",
        # somebody else's, under the name of what it was tuned from
        "ollama:someone/llama3.1",
        "ollama:hf.co/someone/llama3.1:8b",
        "ollama:llama3.1:my-news",
        "gemini:tunedModels/gemini-2.5-flash",
        "openai:ft:gpt-4o-mini-2024-07-18:acme::x1",
        "local:acme/gpt-4o",
    ],
)
def test_model_that_nobody_knows_is_contaminated_for_ever(model: str) -> None:
    cutoffs = Cutoffs()
    assert not cutoffs.find(model).is_known
    assert cutoffs.clean_since(model) is None
    assert cutoffs.stamp(model, _at(2100, 1, 1)) == "contaminated"


def test_stamp_turns_clean_a_margin_after_the_stated_month() -> None:
    cutoffs = Cutoffs({"local:mine": "2024-02"})
    turn = _at(2024, 3, 1) + MARGIN_DAYS * DAY
    assert cutoffs.stamp("local:mine", turn - 1) == "contaminated"
    assert cutoffs.stamp("local:mine", turn) == "clean"
    assert Cutoffs({"local:mine": "2024-02-10"}, margin_days=0).clean_since("local:mine") == _at(
        2024, 2, 11
    )


def test_configured_cutoff_goes_before_the_built_in_one() -> None:
    found = Cutoffs({"openai:gpt-5": "2025-12-31"}).find("openai:gpt-5")
    assert (found.stated, found.source) == ("2025-12-31", "configuration")


@pytest.mark.parametrize("wrong", ["soon", "2024", "2024-13", "2024-02-30", "24-02-01"])
def test_configured_cutoff_that_is_no_date_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="must be a date or a month"):
        Cutoffs({"local:mine": wrong})


def test_built_in_cutoffs_are_all_dates_and_say_who_stated_them() -> None:
    assert len(built_in()) > 100
    for model, cutoff in built_in().items():
        assert model == model.casefold()
        assert _at(2019, 1, 1) < cutoff.end < _at(2027, 1, 1), model
        assert "read 20" in cutoff.source
        assert "latest" not in model
