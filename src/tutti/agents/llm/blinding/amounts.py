"""Prices and other large numbers in running text, in units that say nothing about a date.

Amounts of money are told in a currency of the run's own, in which the last close is 100. So a price
says how far it is from the close, and the proportions of all amounts stay. Other numbers from 1,000
on (levels of indices, counts) are multiplied by a factor of the run. Both are rounded to three
digits. Percentages and small numbers stay.
"""

from __future__ import annotations

import math
import re

UNIT = "\u00a4"
"""Of the run's own currency; the last close is 100 of them."""

_DIGITS = 3
_LARGE = 1000.0
_NEAR = 0.35
_LIKE_A_YEAR = 4
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_SCALE = (
    r"(?:\s?(?:thousand|million|billion|trillion|mln|bln|mn|bn|tn|mm|K|k|M|B|T)(?![A-Za-z0-9])"
    r"|-(?:million|billion|trillion))"
)
_SIGNS = r"(?:US|A|C|HK)?\$|[\u20ac\u00a3\u00a5\u20bf\u20b9]|(?:USD|USDT|USDC|EUR|GBP|JPY|CNY|Rs\.?|INR)\s?"
_WORDS = r"(?:[\s-]?(?:dollars?|bucks|cents|euros?|pounds?|yen|yuan|rupees?)\b|\s?(?:USD|USDT|USDC|EUR|GBP)\b)"
_MONEY = re.compile(
    rf"(?<![A-Za-z0-9])(?:{_SIGNS})\s?(?P<a>{_NUMBER})(?![\d,]*\d)(?P<s>{_SCALE})?{_WORDS}?"
    rf"|(?<![\w.,{UNIT}])(?P<b>{_NUMBER})(?P<t>{_SCALE})?{_WORDS}",
    re.IGNORECASE,
)
_PLAIN = re.compile(rf"(?<![\w.,{UNIT}-])(?P<n>{_NUMBER})(?P<s>{_SCALE})?(?![\w%]|[.,]\d|\s?%)")
_CUE = re.compile(
    r"(?:\b(?:at|to|near|above|below|around|past|over|under|hits?|hit|target|pt|of|level|support"
    r"|resistance|from|close[sd]?|open(?:ed|s)?|price|strike|@)\s*:?\s*|@\s*)\Z",
    re.IGNORECASE,
)


def without_amounts(text: str, *, close: float, factor: float) -> str:
    """Return a text with amounts in the run's own currency and large numbers out of proportion.

    Parameters
    ----------
    close : float
        Last close; NaN where none is known, and ``factor`` stands in for 100 over it.
    factor : float
        Of numbers that are no money; positive.
    """
    known = math.isfinite(close) and close > 0
    rate = 100.0 / close if known else factor

    def money(match: re.Match[str]) -> str:
        number, scale = match["a"] or match["b"], match["s"] or match["t"] or ""
        return f"{UNIT}{_rounded(_value(number) * rate)}{scale.replace('-', ' ')}"

    def plain(match: re.Match[str]) -> str:
        value, scale = _value(match["n"]), match["s"] or ""
        if known and not scale and abs(value / close - 1) <= _NEAR and _is_price(match):
            return f"{UNIT}{_rounded(value * rate)}"
        if value < _LARGE and not scale:
            return match[0]
        return f"{_rounded(value * factor)}{scale}"

    return _PLAIN.sub(plain, _MONEY.sub(money, text))


def _is_price(match: re.Match[str]) -> bool:
    if "." in match["n"] or "," in match["n"]:
        return True
    return _CUE.search(match.string[max(0, match.start() - 14) : match.start()]) is not None


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _rounded(value: float) -> str:
    # without an exponent, whatever the size, and never like a year
    text = f"{value:.{_DIGITS}g}"
    text = text if "e" not in text else f"{float(text):.12f}".rstrip("0").rstrip(".")
    return f"{text[0]},{text[1:]}" if len(text) == _LIKE_A_YEAR and text.isdigit() else text
