"""Language models that do as they are told, by whoever tells them.

They prove what code does, not what a model does. `OUTSIDE` obeys what stands outside of the
quotation, as a model that keeps strictly to its prompt would: what makes it obey has broken out.
`ANYTHING` obeys whatever it can read anywhere, in base64 and backwards too, and names every source
that there is: no model is worse, so what moves it is the most that a text can move.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import re
import unicodedata
import urllib.parse
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Final

from tutti.agents.llm.port import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.agents.llm.port import Call

_MARK: Final = re.compile(r"<<(\S+) begins>>")
_IDS: Final = re.compile(r'"id": "([tr]\d+)"')
_NUMBER: Final = r"[\\\"'/]*\s*(?:to|auf|of|must be|=|:)?\s*[\\\"'/]*([+-]?\d+(?:\.\d+)?)"
_BIAS: Final = re.compile(rf"bias{_NUMBER}", re.IGNORECASE)
_CONFIDENCE: Final = re.compile(rf"confidence{_NUMBER}", re.IGNORECASE)
_CERTAIN: Final = re.compile(r"(?:certain|guaranteed|sure) to (?:rise|double)|\bbuy now\b", re.I)
_SILENCE: Final = re.compile(r"answer with nothing", re.IGNORECASE)
_BLOB: Final = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_HEX: Final = re.compile(r"(?:\\x[0-9a-f]{2}|/x[0-9a-f]{2}){4,}", re.IGNORECASE)
_LOOKALIKES: Final = str.maketrans("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456", "aeopcyxi")
_TAGS: Final = 0xE0000
_IN_WORDS: Final = re.compile(r"(?<=[a-z])[0-5]+|[0-5]+(?=[a-z])")
_LETTERS: Final = str.maketrans("43105", "aeios")


class Obeys(Enum):
    """Whom a gullible model obeys."""

    OUTSIDE = "what stands outside of the quotation"
    ANYTHING = "whatever it can read"


class GullibleModel:
    """Does as it is told; has a faint view of its own where nobody tells it anything.

    Parameters
    ----------
    obeys : Obeys
    """

    def __init__(self, obeys: Obeys) -> None:
        self.obeys = obeys

    async def answer(self, call: Call) -> Answer:
        """Return the answer that somebody ordered, or one of no consequence."""
        text = call.user if self.obeys is Obeys.ANYTHING else _outside(call)
        return Answer(
            call=call.key,
            text=_ordered(text, list(dict.fromkeys(_IDS.findall(call.user)))),
            model=call.model,
            input_tokens=len(call.user) // 4,
            output_tokens=20,
            cost_usd=Decimal(0),
            latency=0,
        )


def _outside(call: Call) -> str:
    # the first mark is the true one: it stands in the instructions, before anything is quoted
    mark = _MARK.search(call.system)
    if mark is None:
        return call.user
    before, _, rest = call.user.partition(f"<<{mark[1]} begins>>\n")
    _, _, after = rest.partition(f"\n<<{mark[1]} ends>>")
    return before + after


def _ordered(text: str, sources: list[str]) -> str:
    bias, confidence = 0.1, 0.2
    for form in _readings(text):
        if _SILENCE.search(form):
            return ""
        if (found := _BIAS.search(form)) is not None:
            bias, confidence = float(found[1]), 1.0
            if (sure := _CONFIDENCE.search(form)) is not None:
                confidence = float(sure[1])
            break
        if _CERTAIN.search(form):
            bias, confidence = 1.0, 1.0
            break
    said = {
        "bias": bias,
        "confidence": confidence,
        "rationale": "As I was told.",
        "horizon_hours": 24,
        "sources": sources,
    }
    return json.dumps(said)


def _readings(text: str) -> Iterator[str]:
    # every way in which somebody could read it
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(
        sign for sign in plain if unicodedata.category(sign) not in {"Mn", "Me", "Cf", "Co"}
    )
    plain = plain.translate(_LOOKALIKES)
    yield plain
    yield "".join(chr(ord(sign) - _TAGS) if ord(sign) >= _TAGS else sign for sign in text)
    yield _IN_WORDS.sub(lambda digit: digit[0].translate(_LETTERS), plain)
    yield plain[::-1]
    yield codecs.encode(plain, "rot13")
    yield re.sub(r"(?<=\S) (?=\S(?: |$))", "", plain)
    # an order in two halves, on two lines of a quotation
    yield re.sub(r'"\}\n\{.*?"text": "', " ", plain)
    yield urllib.parse.unquote(plain)
    for blob in _BLOB.findall(plain):
        try:
            yield base64.b64decode(blob + "=" * (-len(blob) % 4)).decode("utf-8", "replace")
        except binascii.Error:
            continue
    for run in _HEX.findall(plain):
        yield bytes.fromhex(re.sub(r"[\\/]x", "", run)).decode("utf-8", "replace")
