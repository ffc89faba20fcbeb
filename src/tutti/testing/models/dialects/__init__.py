"""The dialects of model servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tutti.testing.models.dialects.anthropic import AnthropicDialect
from tutti.testing.models.dialects.gemini import GeminiDialect
from tutti.testing.models.dialects.ollama import OllamaDialect
from tutti.testing.models.dialects.openai import OpenAIDialect

if TYPE_CHECKING:
    from tutti.testing.models.dialects.dialect import Dialect

DIALECTS: Final[tuple[Dialect, ...]] = (
    OpenAIDialect(),
    GeminiDialect(),
    AnthropicDialect(),
    OllamaDialect(),
)
"""In the order in which a path is tried against them."""
