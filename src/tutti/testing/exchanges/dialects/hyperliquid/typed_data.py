"""Ethereum's typed data, as Hyperliquid uses it: hashed, and the signer's address recovered.

Source: EIP-712, "Typed structured data hashing and signing", sections "Definition of hashStruct"
and "Definition of domainSeparator"; for the agent that stands for an action: Hyperliquid's API
documentation, "Signing".
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from coincurve import PrivateKey, PublicKey

from tutti.testing.exchanges.dialects.hyperliquid.keccak import keccak_256, keccak_of_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_AGENT = keccak_of_text("Agent(string source,bytes32 connectionId)")
_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_NOBODY = bytes(32)
_ACTIONS_CHAIN = 1337
_FEE_APPROVAL = (
    "HyperliquidTransaction:ApproveBuilderFee("
    "string hyperliquidChain,string maxFeeRate,address builder,uint64 nonce)"
)


@lru_cache(maxsize=16)
def _domain(name: str, chain: int) -> bytes:
    parts = (
        keccak_of_text(_DOMAIN),
        keccak_of_text(name),
        keccak_of_text("1"),
        chain.to_bytes(32, "big"),
        _NOBODY,
    )
    return keccak_256(b"".join(parts))


def _digest(domain: bytes, struct_hash: bytes) -> bytes:
    return keccak_256(b"\x19\x01" + domain + struct_hash)


def action_digest(
    action: Any, nonce: int, vault: str | None, expires_after: int | None, *, is_mainnet: bool
) -> bytes:
    """Return what the signature of an action signs.

    Parameters
    ----------
    action : object
        As it was sent, its keys in the same order.
    nonce : int
        Milliseconds.
    vault : str or None
        Address that is acted for.
    expires_after : int or None
        Milliseconds.
    is_mainnet : bool
        Part of what is signed, so that a test's signature is worth nothing elsewhere.
    """
    data = msgspec.msgpack.encode(action) + nonce.to_bytes(8, "big")
    if vault is None:
        data += b"\x00"
    else:
        data += b"\x01" + bytes.fromhex(vault.removeprefix("0x"))
    if expires_after is not None:
        data += b"\x00" + expires_after.to_bytes(8, "big")
    source = keccak_of_text("a" if is_mainnet else "b")
    return _digest(
        _domain("Exchange", _ACTIONS_CHAIN), keccak_256(_AGENT + source + keccak_256(data))
    )


def fee_approval_digest(action: Mapping[str, Any]) -> bytes:
    """Return what the signature of an approval of a builder's fee signs."""
    builder = bytes.fromhex(str(action["builder"]).removeprefix("0x"))
    struct = (
        keccak_of_text(_FEE_APPROVAL),
        keccak_of_text(str(action["hyperliquidChain"])),
        keccak_of_text(str(action["maxFeeRate"])),
        builder.rjust(32, b"\x00"),
        int(action["nonce"]).to_bytes(32, "big"),
    )
    chain = int(str(action["signatureChainId"]), 16)
    domain = _domain("HyperliquidSignTransaction", chain)
    return _digest(domain, keccak_256(b"".join(struct)))


def recovered_address(digest: bytes, signature: Mapping[str, Any]) -> str:
    """Return the address of who signed, lower case with 0x.

    Raises
    ------
    ValueError
        If that is no signature.
    """
    r = int(str(signature["r"]), 16).to_bytes(32, "big")
    s = int(str(signature["s"]), 16).to_bytes(32, "big")
    v = int(signature["v"])
    recovery = v - 27 if v >= 27 else v  # noqa: PLR2004
    if recovery not in (0, 1):
        raise ValueError(f"v must be 27 or 28, was {v}")
    public = PublicKey.from_signature_and_message(r + s + bytes([recovery]), digest, hasher=None)
    return _address(public)


@lru_cache(maxsize=64)
def _address_of_point(point: bytes) -> str:
    return "0x" + keccak_256(point[1:])[-20:].hex()


def _address(public: PublicKey) -> str:
    return _address_of_point(public.format(compressed=False))


def address_of(private_key: str) -> str:
    """Return the address of a private key (hex), lower case with 0x."""
    key = PrivateKey(bytes.fromhex(private_key.removeprefix("0x")))
    return _address(key.public_key)


def agent_of(private_key: str) -> str:
    """Return the private key (hex with 0x) of the agent that a wallet has approved to trade for it."""
    return "0x" + keccak_256(b"agent" + bytes.fromhex(private_key.removeprefix("0x"))).hex()
