"""Language models, and what agents may read, remember and load beside bars."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tutti.app.settings.section import Exact, Number, Section, Whole


class ProviderSettings(Section):
    """Where a language model is served: ``llm.providers.<name>``."""

    kind: Literal["openai", "openrouter", "anthropic", "gemini", "ollama"] = "openai"
    url: str = Field("", examples=["http://127.0.0.1:8000/v1"])
    key: str = Field("environment", min_length=1)
    input_usd_per_million: Exact | None = Field(None, ge=0, examples=[0.15])
    output_usd_per_million: Exact | None = Field(None, ge=0, examples=[0.6])


class LlmSettings(Section):
    """Language models: ``llm``."""

    providers: dict[str, ProviderSettings] = Field({})
    temperature: Number = Field(0.0, ge=0, le=2)
    max_output_tokens: Whole = Field(400, ge=16)
    blind: bool = False
    cutoffs: dict[str, str] = Field({}, examples=[{"openai:gpt-5-mini": "2024-05-31"}])
    cutoff_margin_days: Whole = Field(90, ge=0, le=3650)


class TextSettings(Section):
    """Text, and figures beside bars, that agents may read: ``text``."""

    files: tuple[str, ...] = Field((), examples=[["text/*.parquet"]])
    readings: tuple[str, ...] = Field((), examples=[["macro/*.parquet"]])
    lookback_s: Number = Field(86_400.0, gt=0)
    most: Whole = Field(20, ge=1)


class MemorySettings(Section):
    """What is remembered of past situations: ``memory``."""

    file: str = Field("", examples=["memory.sqlite"])
    nearest: Whole = Field(0, ge=0, le=50)
    horizon_s: Number = Field(86_400.0, gt=0)


class ModelsSettings(Section):
    """Plug-in models: ``models``."""

    folders: tuple[str, ...] = Field((), examples=[["models"]])
