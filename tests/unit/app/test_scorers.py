"""The scorer that a name stands for, also one that asks a language model."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tutti.app.config import Config
from tutti.app.scorers import local_scorer, opened_scorer
from tutti.model.errors import ConfigError, NotRecorded

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["lexicon", "vader"])
async def test_scorer_of_a_name_is_opened(name: str) -> None:
    async with opened_scorer(name, Config()) as scorer:
        assert scorer.name == name


async def test_model_that_was_never_asked_is_not_asked_in_a_replay(tmp_path: Path) -> None:
    records = tmp_path / "llm.sqlite"
    async with opened_scorer("llm:ollama:llama3.2", Config(), mode="record", records=records):
        pass
    async with opened_scorer(
        "llm:ollama:llama3.2", Config(), mode="replay", records=records
    ) as scorer:
        assert scorer.name == "llm:ollama:llama3.2"
        with pytest.raises(NotRecorded):
            await scorer.score(["profit fell"])


async def test_model_without_a_name_or_a_price_for_its_budget_is_refused(tmp_path: Path) -> None:
    records = tmp_path / "llm.sqlite"
    with pytest.raises(ConfigError, match="llm needs a model"):
        async with opened_scorer("llm:", Config(), records=records):
            pass
    with pytest.raises(ConfigError, match="price"):
        async with opened_scorer(
            "llm:openai:none-such", Config(), records=records, max_cost=Decimal(1)
        ):
            pass


def test_scorer_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="'crystal'"):
        local_scorer("crystal")
