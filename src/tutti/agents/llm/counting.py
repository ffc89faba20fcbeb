"""How many tokens a call takes: what it can't exceed, and what it is likely to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tutti.agents.llm.port import Call

OVERHEAD: Final = 64
"""Tokens that a provider puts around a prompt, at most."""

_CHARACTERS_A_TOKEN: Final = 4


def at_most(call: Call) -> int:
    """Return the input tokens that a call can't exceed.

    A tokenizer that works on bytes, as all of today's do, never makes more tokens than there are
    bytes. Providers may render the schema into the prompt, so it counts.
    """
    return len(_prompt(call).encode()) + OVERHEAD


def about(call: Call) -> int:
    """Return the input tokens that a call is likely to take: one for every four characters."""
    return math.ceil(len(_prompt(call)) / _CHARACTERS_A_TOKEN) + OVERHEAD // 4


def _prompt(call: Call) -> str:
    return f"{call.system}{call.user}{call.schema}"
