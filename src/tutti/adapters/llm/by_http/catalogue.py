"""Providers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tutti.adapters.llm.by_http.anthropic import AnthropicDialect
from tutti.adapters.llm.by_http.client import Provider
from tutti.adapters.llm.by_http.gemini import GeminiDialect
from tutti.adapters.llm.by_http.keys import name_of
from tutti.adapters.llm.by_http.ollama import OllamaDialect
from tutti.adapters.llm.by_http.openai import OpenAIDialect
from tutti.adapters.llm.by_http.openrouter import OpenRouterDialect
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from tutti.adapters.llm.by_http.dialect import Dialect

KINDS: Final = ("openai", "openrouter", "anthropic", "gemini", "ollama")
"""Each is also the name of a provider that need not be configured."""


def provider_of(
    name: str, kind: str, url: str, key_of: Callable[[str], SecretStr | None]
) -> Provider:
    """Return a provider.

    Parameters
    ----------
    kind : str
        Dialect that it speaks, one of ``KINDS``.
    url : str
        Root of its API; empty for the kind's own.
    key_of : callable
        From the provider's name to its key, None for none.

    Raises
    ------
    ConfigError
        If it needs a key and there is none, or the URL can't be one.
    """
    dialect = _dialect(kind, is_own=not url)
    root = address(kind, url)
    if not root.startswith(("http://", "https://")):
        raise ConfigError(
            f"llm.providers.{name}.url must begin with http:// or https://, was {url!r}"
        )
    key = key_of(name)
    if key is None and dialect.needs_key and not url:
        raise ConfigError(
            f"there is no key for {name}; set TUTTI_{name_of(name)}_API_KEY, or say in "
            f"llm.providers.{name}.key where it is"
        )
    return Provider(name=name, dialect=dialect, url=root, key=key)


def address(kind: str, url: str) -> str:
    """Return the root of a provider's API: the one that is given, else the kind's own."""
    return (url or _dialect(kind, is_own=True).url).rstrip("/")


def _dialect(kind: str, *, is_own: bool) -> Dialect:
    match kind:
        case "openai":
            return OpenAIDialect("https://api.openai.com/v1", is_original=is_own)
        case "openrouter":
            return OpenRouterDialect()
        case "anthropic":
            return AnthropicDialect()
        case "gemini":
            return GeminiDialect()
        case "ollama":
            return OllamaDialect()
        case _:
            raise ConfigError(f"no provider is of kind {kind!r}; there are {', '.join(KINDS)}")
