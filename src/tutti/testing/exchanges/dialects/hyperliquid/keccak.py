"""Keccak-256, as Ethereum hashes: like SHA3-256, but with the padding of the submission."""

from __future__ import annotations

import struct
from functools import lru_cache

_RATE = 136
_LANES = 25
_MASK = (1 << 64) - 1
# Round constants and rotations: FIPS 202, section 3.2.
_ROUNDS = (
    0x0000000000000001,
    0x0000000000008082,
    0x800000000000808A,
    0x8000000080008000,
    0x000000000000808B,
    0x0000000080000001,
    0x8000000080008081,
    0x8000000000008009,
    0x000000000000008A,
    0x0000000000000088,
    0x0000000080008009,
    0x000000008000000A,
    0x000000008000808B,
    0x800000000000008B,
    0x8000000000008089,
    0x8000000000008003,
    0x8000000000008002,
    0x8000000000000080,
    0x000000000000800A,
    0x800000008000000A,
    0x8000000080008081,
    0x8000000000008080,
    0x0000000080000001,
    0x8000000080008008,
)
_ROTATIONS = (
    0,
    1,
    62,
    28,
    27,
    36,
    44,
    6,
    55,
    20,
    3,
    10,
    43,
    25,
    39,
    41,
    45,
    15,
    21,
    8,
    18,
    2,
    61,
    56,
    14,
)
# Where each lane goes to in the step that is called pi.
_TARGETS = tuple((k // 5) + 5 * ((2 * (k % 5) + 3 * (k // 5)) % 5) for k in range(_LANES))
_STEPS = tuple(zip(range(_LANES), _ROTATIONS, _TARGETS, strict=True))


def _permute(a: list[int]) -> list[int]:
    mask = _MASK
    b = [0] * _LANES
    for constant in _ROUNDS:
        c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20]
        c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21]
        c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22]
        c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23]
        c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24]
        d = (
            c4 ^ (c1 << 1 | c1 >> 63) & mask,
            c0 ^ (c2 << 1 | c2 >> 63) & mask,
            c1 ^ (c3 << 1 | c3 >> 63) & mask,
            c2 ^ (c4 << 1 | c4 >> 63) & mask,
            c3 ^ (c0 << 1 | c0 >> 63) & mask,
        )
        for k, turn, target in _STEPS:
            lane = a[k] ^ d[k % 5]
            b[target] = (lane << turn | lane >> 64 - turn) & mask
        for y in (0, 5, 10, 15, 20):
            b0, b1, b2, b3, b4 = b[y : y + 5]
            a[y] = b0 ^ ~b1 & b2
            a[y + 1] = b1 ^ ~b2 & b3
            a[y + 2] = b2 ^ ~b3 & b4
            a[y + 3] = b3 ^ ~b4 & b0
            a[y + 4] = b4 ^ ~b0 & b1
        a[0] ^= constant
    return a


def keccak_256(data: bytes) -> bytes:
    """Return the hash of some bytes.

    Source: Bertoni et al., "The Keccak reference" (2011), with rate 1088 and the padding 0x01;
    FIPS 202 differs in the padding alone.
    """
    missing = _RATE - len(data) % _RATE
    padding = b"\x81" if missing == 1 else b"\x01" + bytes(missing - 2) + b"\x80"
    padded = data + padding
    state = [0] * _LANES
    for start in range(0, len(padded), _RATE):
        block = struct.unpack("<17Q", padded[start : start + _RATE])
        for k, lane in enumerate(block):
            state[k] ^= lane
        state = [lane & _MASK for lane in _permute(state)]
    return struct.pack("<4Q", *state[:4])


@lru_cache(maxsize=256)
def keccak_of_text(text: str) -> bytes:
    """Return the hash of a text; those of types and names come again and again."""
    return keccak_256(text.encode())
