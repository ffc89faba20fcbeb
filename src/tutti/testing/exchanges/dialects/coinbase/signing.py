"""Checks Coinbase's tokens: JWTs that are signed with ES256 for one request each."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tutti.kernel.clock import SECOND
from tutti.testing.exchanges.values import Reason, Refused

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.marketplace import Marketplace

_PARTS = 3
_RAW_BYTES = 64


class Tokens:
    """Checks who made a token, whether it is still good, and for what.

    Parameters
    ----------
    place : Marketplace
        Whose accounts.
    """

    def __init__(self, place: Marketplace) -> None:
        self._place = place
        self._public: dict[str, ec.EllipticCurvePublicKey] = {}

    def whose(self, token: str, *, uri: str | None) -> Account:
        """Return who signed a token.

        Parameters
        ----------
        uri : str or None
            Method, host and path that it has to be for; None for a websocket's.

        Raises
        ------
        Refused
            If it is malformed, of nobody here, for something else, or not good now.
        """
        parts = token.split(".")
        if len(parts) != _PARTS:
            raise Refused(Reason.BAD_SIGNATURE)
        header, claims = _decoded(parts[0]), _decoded(parts[1])
        account = self._place.by_key.get(str(header.get("kid")))
        if account is None or header.get("alg") != "ES256":
            raise Refused(Reason.BAD_KEY)
        self._check_signature(account, f"{parts[0]}.{parts[1]}", parts[2])
        self._check_claims(claims, account, uri)
        return account

    def _check_claims(self, claims: dict[str, Any], account: Account, uri: str | None) -> None:
        now = self._place.now() / SECOND
        if claims.get("sub") != account.key:
            raise Refused(Reason.BAD_KEY)
        if not float(claims.get("nbf", 0)) - 5 <= now <= float(claims.get("exp", 0)):
            raise Refused(Reason.BAD_TIME)
        if uri is None:
            return
        # clients name the host without its scheme; over plain HTTP ccxt leaves it in
        named = str(claims.get("uri")).replace("http://", "").replace("https://", "")
        if named != uri:
            raise Refused(Reason.BAD_SIGNATURE, "uri")

    def _check_signature(self, account: Account, signed: str, signature: str) -> None:
        public = self._public.get(account.name)
        if public is None:
            private = load_pem_private_key(account.secret.encode(), None)
            if not isinstance(private, ec.EllipticCurvePrivateKey):
                raise Refused(Reason.BAD_KEY)
            public = self._public[account.name] = private.public_key()
        raw = _bytes(signature)
        if len(raw) != _RAW_BYTES:
            raise Refused(Reason.BAD_SIGNATURE)
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        try:
            public.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Refused(Reason.BAD_SIGNATURE) from None


def _bytes(encoded: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        raise Refused(Reason.BAD_SIGNATURE) from None


def _decoded(encoded: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(encoded))
    except ValueError:
        raise Refused(Reason.BAD_SIGNATURE) from None
    if not isinstance(found, dict):
        raise Refused(Reason.BAD_SIGNATURE)
    return found
