"""Where a fake exchange listens, and how a ccxt client is pointed at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tutti.testing.exchanges.exchange import FakeExchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """What a client needs to find a fake exchange.

    Parameters
    ----------
    http, ws : str
        Roots, ``http://127.0.0.1:4321`` and ``ws://127.0.0.1:4321``.
    urls : mapping
        What goes into ``urls["api"]`` of a ccxt client.
    credentials : mapping of str to (mapping of str to str)
        Settings of a ccxt client by account: ``apiKey`` and ``secret``, or what the venue has.
    """

    dialect: str
    http: str
    ws: str
    urls: Mapping[str, Any]
    credentials: Mapping[str, Mapping[str, str]]

    def apply_to(self, client: Any, *, account: str | None = "main") -> None:
        """Point an unmodified ccxt client here, and give it an account's keys.

        Parameters
        ----------
        client : ccxt.Exchange
            Of any kind: sync, async or pro. Its ``urls``, and its keys if ``account`` is named,
            are set; everything else is left alone.
        account : str or None
            Whose keys; None for a client of public data.
        """
        known = client.urls.get("api")
        if isinstance(known, dict) and isinstance(self.urls, dict):
            client.urls["api"] = _merged(known, self.urls)
        else:
            client.urls["api"] = self.urls
        if account is not None:
            for name, value in self.credentials[account].items():
                setattr(client, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Return it as the line that ``python -m tutti.testing.exchanges`` prints."""
        return {
            "dialect": self.dialect,
            "http": self.http,
            "ws": self.ws,
            "control": f"{self.http}/_control",
            "urls": dict(self.urls),
            "credentials": {name: dict(each) for name, each in self.credentials.items()},
        }


def addresses_of(exchange: FakeExchange, host: str) -> Addresses:
    """Return the addresses of an exchange that listens on ``host`` (name and port)."""
    http, ws = f"http://{host}", f"ws://{host}"
    return Addresses(
        dialect=exchange.name,
        http=http,
        ws=ws,
        urls=exchange.dialect.urls(http, ws),
        credentials={
            account.name: exchange.dialect.credentials(account)
            for account in exchange.marketplace.accounts.values()
        },
    )


def _merged(known: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    # every address that isn't ours leads nowhere: no request may reach a real exchange
    merged: dict[str, Any] = {}
    for key, value in known.items():
        ours = new.get(key)
        if isinstance(value, dict):
            merged[key] = _merged(value, ours if isinstance(ours, dict) else {})
        else:
            merged[key] = ours if ours is not None else "http://127.0.0.1:9/not-served"
    for key, value in new.items():
        merged.setdefault(key, value)
    return merged
