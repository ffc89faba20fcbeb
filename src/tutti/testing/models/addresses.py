"""Where fake models are served, as each client wants to be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAddresses:
    """What a client needs to find the fake models.

    Parameters
    ----------
    http : str
        Root, ``http://127.0.0.1:4321``.
    """

    http: str

    @property
    def openai(self) -> str:
        """Base URL for OpenAI's dialect."""
        return f"{self.http}/v1"

    @property
    def openrouter(self) -> str:
        """Base URL as OpenRouter has it."""
        return f"{self.http}/api/v1"

    @property
    def anthropic(self) -> str:
        """Base URL for Anthropic's dialect."""
        return f"{self.http}/v1"

    @property
    def gemini(self) -> str:
        """Base URL for Gemini's dialect."""
        return f"{self.http}/v1beta"

    @property
    def ollama(self) -> str:
        """Base URL for Ollama's own dialect."""
        return self.http

    @property
    def control(self) -> str:
        """Where faults, script and state are."""
        return f"{self.http}/_control"

    def to_dict(self) -> dict[str, str]:
        """Return it as the line that ``python -m tutti.testing.models`` prints."""
        names = ("http", "openai", "openrouter", "anthropic", "gemini", "ollama", "control")
        return {name: getattr(self, name) for name in names}
