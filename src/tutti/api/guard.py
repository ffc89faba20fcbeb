"""Who may talk to the API: only this machine, by name, and from pages of its own."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr
    from starlette.types import ASGIApp, Receive, Scope, Send

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_WEB = frozenset({"http", "websocket"})


class Guard:
    """Refuses requests by ``Host``, by ``Origin``, and acts without the token.

    A page of another site can make a browser send requests to this machine, and can make its own
    name resolve to 127.0.0.1; the first is told by ``Origin``, the second by ``Host``. Everything
    that isn't a plain read is an act.

    Parameters
    ----------
    hosts : sequence of str
        Names in ``Host`` that are ours, without port.
    origins : sequence of str
        Origins beside our own, with scheme and port.
    token : SecretStr
        Sent by the client as ``Authorization: Bearer TOKEN``.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Sequence[str], origins: Sequence[str], token: SecretStr
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._token = token.get_secret_value().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the reason why not."""
        if scope["type"] in _WEB:
            refusal = self._refusal(scope)
            if refusal is not None:
                await _answer(scope, send, *refusal)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.decode("latin-1"))
        hosts = headers.get(b"host", [])
        if len(hosts) != 1 or _host_name(hosts[0]) not in self._hosts:
            return 403, "this host name is not served; see api.allowed_hosts"
        origins = headers.get(b"origin", [])
        if any(not self._is_ours(origin, hosts[0]) for origin in origins):
            return 403, "pages of this origin may not ask; see api.allowed_origins"
        if scope["type"] == "http" and scope["method"] in _SAFE:
            return None
        given = headers.get(b"authorization", [""])[0].encode("latin-1")
        if not hmac.compare_digest(given, b"Bearer " + self._token):
            return 401, "this needs the token, as 'Authorization: Bearer TOKEN'"
        return None

    def _is_ours(self, origin: str, host: str) -> bool:
        origin = origin.lower().rstrip("/")
        # the host was found to be one of ours already
        return origin == f"http://{host.lower()}" or origin in self._origins


def _host_name(host: str) -> str:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
    return f"[{name}]" if ":" in name else name


async def _answer(scope: Scope, send: Send, status: int, reason: str) -> None:
    if scope["type"] == "websocket":
        # closing before accepting is how a server says 403 to a websocket
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    body = json.dumps({"error": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == 401:  # noqa: PLR2004 - HTTP's own number
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
