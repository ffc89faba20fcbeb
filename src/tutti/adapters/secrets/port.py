"""What is asked of a source of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from pydantic import SecretStr

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS: Final = ("api_key", "secret", "passphrase", "private_key", "wallet_address", "uid")
"""Parts of a venue's keys; each venue needs some of them."""

_SPELLINGS = {
    "apikey": "api_key",
    "key": "api_key",
    "api_secret": "secret",
    "apisecret": "secret",
    "password": "passphrase",
    "privatekey": "private_key",
    "walletaddress": "wallet_address",
}


class KeySource(Protocol):
    """Place that keeps the keys of venues."""

    def read(self, venue: str) -> dict[str, SecretStr]:
        """Return a venue's keys by the names in ``FIELDS``; empty where there are none.

        Raises
        ------
        ConfigError
            If the place can't be read, or is readable by others. The message holds no secret.
        """
        ...


def keys_in(told: Mapping[str, Any], venue: str, source: str) -> dict[str, SecretStr]:
    """Return a venue's keys out of what a source holds, by venue or for this one alone.

    Raises
    ------
    ConfigError
        If a field is unknown, or no text.
    """
    own = told.get(venue)
    if own is None:
        own = {} if any(isinstance(each, dict) for each in told.values()) else told
    if not isinstance(own, dict):
        raise ConfigError(f"{source}: {venue} must hold fields such as api_key and secret")
    found: dict[str, SecretStr] = {}
    for name, value in own.items():
        field = _SPELLINGS.get(str(name).lower(), str(name).lower())
        if field not in FIELDS:
            raise ConfigError(f"{source}: {venue} has no field {name!r}; there are {_LISTED}")
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(f"{source}: {field} of {venue} must be text; put it in quotes")
        found[field] = SecretStr(value.strip())
    return found


_LISTED = ", ".join(FIELDS)
