"""The key that a provider of language models knows us by."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from tutti.adapters.secrets.catalogue import key_source

if TYPE_CHECKING:
    from collections.abc import Mapping

_USUAL: Final = {
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "ollama": ("OLLAMA_API_KEY",),
}


def name_of(provider: str) -> str:
    """Return what a provider is called where keys are: ``my-server`` is ``MY_SERVER``."""
    return provider.upper().replace("-", "_").replace(".", "_")


def model_key(
    provider: str, words: str = "environment", environment: Mapping[str, str] | None = None
) -> SecretStr | None:
    """Return the key of a provider, None for none.

    Parameters
    ----------
    words : str
        Where keys are; see ``tutti.adapters.secrets.catalogue.key_source``. In the environment it
        is ``TUTTI_OPENAI_API_KEY``, else what a provider's own tools read, ``OPENAI_API_KEY``.

    Raises
    ------
    ConfigError
        If the place can't be read.
    """
    found = key_source(words, environment).read(name_of(provider)).get("api_key")
    if found is not None or words != "environment":
        return found
    told = os.environ if environment is None else environment
    values = (told.get(name, "").strip() for name in _USUAL.get(provider, ()))
    return next((SecretStr(value) for value in values if value), None)
