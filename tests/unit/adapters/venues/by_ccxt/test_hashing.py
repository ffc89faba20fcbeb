"""Hashes and signatures of wallets in compiled code: the bytes that ccxt's own Python makes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.adapters.venues.by_ccxt.hashing import hash_natively

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPED = "ccxt.static_dependencies.ethabi.typed_data"
_ABI = "ccxt.static_dependencies.ethabi.abi"
_KEY = "0x" + "1f" * 32


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    modules: list[Any] = [importlib.import_module(name) for name in (_TYPED, _ABI)]
    ccxts: Any = importlib.import_module("ccxt.static_dependencies.keccak")
    before = [each.keccak for each in modules], ccxts.SHA3
    for each in modules:
        each.keccak = ccxts.keccak.SHA3
    ccxts.SHA3 = ccxts.keccak.SHA3
    yield
    for module, keccak in zip(modules, before[0], strict=True):
        module.keccak = keccak
    ccxts.SHA3 = before[1]


def _keccaks() -> tuple[Any, Any]:
    ccxts: Any = importlib.import_module("ccxt.static_dependencies.keccak")
    return ccxts.SHA3, ccxts.keccak.SHA3


# around the rate of 136 bytes, where blocks begin
@pytest.mark.parametrize("length", [0, 1, 31, 32, 135, 136, 137, 271, 272, 273, 1000])
def test_native_hash_is_ccxts_own_at_every_edge(length: int) -> None:
    assert hash_natively()
    native, plain = _keccaks()
    data = bytes(k * 7 % 256 for k in range(length))
    assert native(data) == plain(data)
    assert type(native(data)) is type(plain(data))


@given(st.binary(max_size=400))
def test_native_hash_is_ccxts_own_for_any_bytes(data: bytes) -> None:
    hash_natively()
    native, plain = _keccaks()
    assert native(data) == plain(data)


def test_known_answer_of_the_original_keccak() -> None:
    # of the empty string, with the padding of the submission: Ethereum's hash of nothing
    hash_natively()
    native, _ = _keccaks()
    assert bytes(native(b"")).hex() == (
        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    )


def test_order_is_signed_alike_by_both() -> None:
    hyperliquid: Any = importlib.import_module("ccxt.async_support.hyperliquid").hyperliquid
    client = hyperliquid({"privateKey": _KEY, "walletAddress": "0x" + "ab" * 20})
    order = {
        "a": 0,
        "b": True,
        "p": "60000",
        "s": "0.01",
        "r": False,
        "t": {"limit": {"tif": "Gtc"}},
    }
    action = {"type": "order", "orders": [order], "grouping": "na"}
    plain = client.sign_l1_action(action, 1_700_000_000_000)
    assert hash_natively()
    assert importlib.import_module(_TYPED).keccak is not _keccaks()[1]
    assert client.sign_l1_action(action, 1_700_000_000_000) == plain


def test_hashing_natively_twice_is_the_same_as_once() -> None:
    assert hash_natively()
    first = _keccaks()[0]
    assert hash_natively()
    assert _keccaks()[0] is first
