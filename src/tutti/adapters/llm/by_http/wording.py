"""What providers say of failures, in words that may be shown: short, on one line, no secrets."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "[hidden]"
_LONGEST = 300
_SECRETS = re.compile(
    r"(?:sk|pk|rk|gsk|xai|hf)[-_][\w\-*.]{6,}"  # keys of several providers, masked or not
    r"|AIza[\w\-*]{10,}"
    r"|Bearer\s+\S+"
    r"|(?<=key=)[\w\-*.]+"
    r"|[\w\-]*\*{3,}[\w\-*]*"  # anything masked: its ends are still the key's
)


def shown(text: str, secret: str = "") -> str:
    """Return a provider's words as they may be shown.

    Parameters
    ----------
    secret : str
        Key that must not be in them, in whole; whatever looks like one is hidden, too.
    """
    if secret:
        text = text.replace(secret, HIDDEN)
    line = " ".join(_SECRETS.sub(HIDDEN, text).split())
    printable = "".join(each if each.isprintable() else "?" for each in line)
    return printable if len(printable) <= _LONGEST else f"{printable[: _LONGEST - 3]}..."
