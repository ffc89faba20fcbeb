"""Keccak in compiled code for what wallets sign, in place of ccxt's own in Python.

With an OpenSSL before 3.2 (Debian 12 has 3.0) ccxt hashes in pure Python, 0.4 ms a hash, and an order
takes six. The bytes are the same: a test compares them.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

_HASHED_BY = ("ccxt.static_dependencies.ethabi.typed_data", "ccxt.static_dependencies.ethabi.abi")
_BITS = 256


def hash_natively() -> bool:
    """Let ccxt hash in compiled code from now on; return whether it does.

    Where neither OpenSSL nor pycryptodome can, it remembers its own hashes: of the six of an order
    four never change.
    """
    ccxts: Any = importlib.import_module("ccxt.static_dependencies.keccak")
    if ccxts.SHA3 is not ccxts.keccak.SHA3:
        return True
    try:
        compiled: Any = importlib.import_module("Crypto.Hash.keccak")
    except ModuleNotFoundError:
        for name in _HASHED_BY:
            module: Any = importlib.import_module(name)
            if not hasattr(module.keccak, "cache_info"):
                module.keccak = functools.lru_cache(maxsize=256)(module.keccak)
        return False

    def keccak(data: bytes) -> bytearray:
        # a bytearray, as ccxt's own answers
        return bytearray(compiled.new(digest_bits=_BITS, data=bytes(data)).digest())

    ccxts.SHA3 = keccak
    for name in _HASHED_BY:
        importlib.import_module(name).keccak = keccak  # type: ignore[attr-defined]
    return True
