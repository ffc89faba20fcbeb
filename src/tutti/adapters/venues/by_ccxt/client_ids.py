"""Client order ids in the form that each venue takes; made from our order's id alone, and back.

An order's id (32 hexadecimal digits) is on disk before the order leaves. What the venue knows it by
is a function of that id and nothing else, so that after a crash the order can still be looked for.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

_OURS = re.compile(r"[0-9a-f]{32}")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_WIDTH = 22  # the digits of base 62 that 128 bits take


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIds:
    """A venue's form of client order ids.

    Parameters
    ----------
    encode : callable
        Our order's id to the venue's client order id.
    decode : callable
        The reverse; None for an id that is not of this form, so not of our making.
    """

    encode: Callable[[str], str]
    decode: Callable[[str], str | None]


def _plain(order_id: str) -> str:
    return order_id


def _from_plain(client_id: str) -> str | None:
    return client_id if _OURS.fullmatch(client_id) else None


def _uuid(order_id: str) -> str:
    cuts = (0, 8, 12, 16, 20, 32)
    return "-".join(order_id[a:b] for a, b in itertools.pairwise(cuts))


def _from_uuid(client_id: str) -> str | None:
    joined = client_id.lower().replace("-", "")
    return joined if _OURS.fullmatch(joined) and _uuid(joined) == client_id.lower() else None


def _prefixed(order_id: str) -> str:
    return f"0x{order_id}"


def _from_prefixed(client_id: str) -> str | None:
    bare = client_id.lower().removeprefix("0x")
    return bare if client_id.lower() != bare and _OURS.fullmatch(bare) else None


def _short(order_id: str) -> str:
    number, digits = int(order_id, 16), ""
    for _ in range(_WIDTH):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def _from_short(client_id: str) -> str | None:
    if len(client_id) != _WIDTH or any(digit not in _DIGITS for digit in client_id):
        return None
    number = 0
    for digit in client_id:
        number = number * len(_DIGITS) + _DIGITS.index(digit)
    return f"{number:032x}" if number < 1 << 128 else None


def _gate(order_id: str) -> str:
    return f"t-{_short(order_id)}"


def _from_gate(client_id: str) -> str | None:
    return _from_short(client_id[2:]) if client_id.startswith("t-") else None


PLAIN = ClientIds(encode=_plain, decode=_from_plain)
"""32 hexadecimal digits, as they are."""

UUID = ClientIds(encode=_uuid, decode=_from_uuid)
"""The same digits with the dashes of a UUID."""

HEX = ClientIds(encode=_prefixed, decode=_from_prefixed)
"""The same digits after ``0x``."""

GATE = ClientIds(encode=_gate, decode=_from_gate)
"""``t-`` and 22 digits of base 62, for venues that take no more than 30 characters."""
