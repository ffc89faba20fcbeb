"""Codes that stand for names, and shifts of time and size, all drawn from the key of a run."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_DIGITS = "23456789"
_KNOWN, _UNKNOWN = 4, 8


def run_key(seed: int) -> bytes:
    """Return the key of a run, from its seed."""
    return hashlib.sha256(f"tutti blinding {seed}".encode()).digest()


def drawn(key: bytes, *parts: str) -> int:
    """Return a number in [0, 2^256) that depends on the key and on what it is for."""
    said = "\0".join(parts).encode()
    return int.from_bytes(hmac.new(key, said, hashlib.sha256).digest())


def code(key: bytes, *parts: str, length: int = _UNKNOWN) -> str:
    """Return letters and digits in turn, which no word and no ticker consists of."""
    number = drawn(key, *parts)
    out = []
    for place in range(length):
        signs = _DIGITS if place % 2 else _LETTERS
        number, sign = divmod(number, len(signs))
        out.append(signs[sign])
    return "".join(out)


def codes(key: bytes, keys: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a short code for each of several keys, no two alike, and none of those taken.

    Which key gets which of two codes that collide depends on the set, not on its order.
    """
    given: dict[str, str] = {}
    used = set(taken)
    for known in sorted(set(keys)):
        tries = 0
        while (short := code(key, "known", known, str(tries), length=_KNOWN)) in used:
            tries += 1
        used.add(short)
        given[known] = short
    return given
