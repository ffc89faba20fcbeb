"""Names in running text, replaced by codes: those that are listed, and those that nobody knows.

Listed names are replaced wherever they stand. Whatever else is written like a name is replaced as
well: a word with a capital letter that is no ordinary word, a `$` tag, what stands before a ticker
in parentheses or before Inc. So a name that nobody thought of does not pass for want of a list;
a name made of ordinary words alone does, unless it is listed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.agents.llm.blinding.codes import code, codes
from tutti.agents.llm.blinding.spaced import closed_up
from tutti.agents.llm.names import allowed, is_word, listed, ordinary

if TYPE_CHECKING:
    from collections.abc import Iterable

_KINDS = {
    "company": "Company",
    "coin": "Coin",
    "fund": "Fund",
    "venue": "Venue",
    "index": "Index",
    "era": "Event",
    "asset": "Asset",
    "name": "Name",
}
_TOKEN = re.compile(r"[^\W_]+")
_TAG = re.compile(r"(?<![\w$])\$(?P<tag>[^\W\d_]\w{0,30}(?:[.-][A-Za-z]{1,3})?)\b")
_TICKER = re.compile(
    r"(?P<before>(?:(?:[A-Z][\w&.'\u2019-]*|of|and|&|the)\s+){0,5})"
    r"\(\s*(?:(?:NYSE|NASDAQ|Nasdaq|AMEX|OTC\w*|TSXV?|TSE|LSE|LON|ASX|HKG|BATS|CVE)[\w\s-]*:\s*)?"
    r"\$?(?P<ticker>[A-Z][A-Z0-9]{0,5}(?:[.-][A-Z]{1,3})?)\s*\)"
)
_LISTED_AT = re.compile(
    r"\b(?:NYSE|NASDAQ|Nasdaq|AMEX|OTC\w*|TSXV?|LSE|ASX)\s?:\s?(?P<ticker>[A-Z]{1,5})\b"
)
_INCORPORATED = re.compile(
    r"(?P<name>(?:[A-Z][\w&'\u2019-]*,?\s+){1,4})"
    r"(?P<form>Inc|Incorporated|Corp|Corporation|Ltd|Limited|PLC|plc|LLC|LP|AG|SA|NV|SE|Holdings?|Co)\b\.?"
)
_CODE = re.compile(
    rf"(?<![A-Za-z0-9])(?:{'|'.join((*_KINDS.values(), 'Publisher'))})-(?:[B-Z][2-9]){{2,8}}(?![A-Za-z0-9])"
)
_CODE_OR_TOKEN = re.compile(rf"{_CODE.pattern}|{_TOKEN.pattern}")
# before a number it is a unit, and goes with it
_BITCOIN = re.compile("\u20bf(?!\\s?[\\d.])")
_HANDLE = re.compile(r"(?<!\w)@\w+")
_GOES_ON = re.compile(r"[-&]|\.\w")
_SHORT = 2
_INSIDE = 4


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    code: str
    # how it may be written: exactly (or all in capitals), or any way
    any_case: bool


class Names:
    """Names and the codes that stand for them in one run.

    Parameters
    ----------
    key : bytes
        Of the run.
    own : iterable of str
        Tickers of the run's assets.
    aliases : mapping of str to iterable of str, optional
        More names of an asset, by ticker.
    """

    def __init__(
        self, key: bytes, own: Iterable[str], aliases: dict[str, tuple[str, ...]] | None = None
    ) -> None:
        self._key = key
        kinds = {named.key: named.kind for named in listed()}
        # one company may have several tickers: FB is META
        self._alike = {
            name: named.key
            for named in listed()
            for name in named.names
            if name.isupper() and name.isalpha() and name not in kinds
        }
        self._own = {self._alike.get(_plain(ticker), _plain(ticker)) for ticker in own}
        short = codes(key, kinds)
        # what is listed keeps its codes whatever else the run trades
        others = sorted(self._own.difference(kinds))
        short |= codes(key, others, taken=short.values())
        kinds |= dict.fromkeys(others, "asset")
        self._codes = {ticker: f"{_KINDS[kinds[ticker]]}-{short[ticker]}" for ticker in kinds}
        self._entries: dict[str, list[_Entry]] = {}
        self._inside: list[str] = []
        self._spelt: dict[str, list[_Entry]] = {}
        for named in listed():
            more = (aliases or {}).get(named.key, ())
            self._list(named.key, (*named.names, *more), is_own=named.key in self._own)
        for ticker in others:
            self._list(ticker, (aliases or {}).get(ticker, ()), is_own=True)
        for entries in self._entries.values():
            entries.sort(key=lambda entry: -len(entry.name))

    def of_asset(self, ticker: str) -> str:
        """Return the code of an asset, known or not."""
        plain = _plain(ticker)
        plain = plain if plain in self._codes else self._alike.get(plain, plain)
        return self._codes.get(plain) or f"Asset-{code(self._key, 'asset', plain)}"

    def legend(self) -> dict[str, str]:
        """Return which code stands for what, by what it is mostly called."""
        called = {named.key: named.names[0] for named in listed()}
        return {code: called.get(key, key) for key, code in self._codes.items()}

    def of_publisher(self, name: str) -> str:
        """Return the code of a publisher."""
        return f"Publisher-{code(self._key, 'publisher', name.casefold())}"

    def without_names(self, text: str) -> str:
        """Return a text in which every name is a code."""
        text = closed_up(text, self._of_spelt)
        text = _BITCOIN.sub(f"{self.of_asset('BTC')} ", _HANDLE.sub("@user", text))
        text = _TAG.sub(lambda match: f"#{self.of_asset(match['tag'])}", text)
        text = _TICKER.sub(self._of_ticker, text)
        text = _LISTED_AT.sub(lambda match: self.of_asset(match["ticker"]), text)
        text = _INCORPORATED.sub(self._of_incorporated, self._listed_replaced(text))
        return self._unknown_replaced(text)

    def _list(self, ticker: str, names: Iterable[str], *, is_own: bool) -> None:
        given = self._codes[ticker]
        for name in names:
            words = _TOKEN.findall(name.casefold())
            if not is_own and name.casefold() in ordinary():
                continue
            is_plain = all(is_word(word) or len(word) <= _SHORT for word in words)
            self._add(_Entry(name, given, any_case=is_own or not is_plain or name.islower()))
            if len(words) == 1 and len(name) > _INSIDE and (is_own or not is_plain):
                self._inside.append(words[0])
        is_plain = len(ticker) <= _SHORT or is_word(ticker.casefold()) or ticker in allowed()
        if is_own or not is_plain:
            self._add(_Entry(ticker, given, any_case=not is_plain))
            if is_own and not is_plain:
                self._inside.append(ticker.casefold())

    def _add(self, entry: _Entry) -> None:
        self._spelt.setdefault("".join(_TOKEN.findall(entry.name.casefold())), []).append(entry)
        first = _TOKEN.search(entry.name)
        if first is not None:
            self._entries.setdefault(first[0].casefold(), []).append(entry)
        else:
            self._entries.setdefault(entry.name, []).append(entry)

    def _of_spelt(self, word: str) -> str | None:
        lower = word.casefold()
        for entry in self._spelt.get(lower, ()):
            if entry.any_case or word.isupper():
                return entry.code
        return self._unknown(word) if any(name in lower for name in self._inside) else None

    def _of_ticker(self, match: re.Match[str]) -> str:
        ticker = match["ticker"]
        if ticker in allowed() and ticker not in self._own:
            return match[0]
        if _plain(ticker) in self._codes or _plain(ticker) in self._alike:
            # what stands before it is listed, and replaced as that
            return f"{match['before']}({self.of_asset(ticker)})"
        return self.of_asset(ticker)

    def _of_incorporated(self, match: re.Match[str]) -> str:
        if _CODE.search(match["name"]):
            return match[0]
        return self._unknown(match["name"].strip(" ,"))

    def _listed_replaced(self, text: str) -> str:
        out: list[str] = []
        at = 0
        for token in _TOKEN.finditer(text):
            if token.start() < at:
                continue
            for entry in self._entries.get(token[0].casefold(), ()):
                end = token.start() + len(entry.name)
                if self._is_there(text, token.start(), end, entry):
                    out += [text[at : token.start()], entry.code]
                    at = end
                    break
        out.append(text[at:])
        return "".join(out)

    @staticmethod
    def _is_there(text: str, start: int, end: int, entry: _Entry) -> bool:
        written = text[start:end]
        rest = text[end : end + 2]
        # a plural of a name is the name
        if rest[:1].isalnum() and not (rest[0] == "s" and not rest[1:].isalnum()):
            return False
        if len(entry.name) <= _SHORT and _GOES_ON.match(text, end):
            return False
        if written in (entry.name, entry.name.upper()):
            return True
        return entry.any_case and written.casefold() == entry.name.casefold()

    def _unknown_replaced(self, text: str) -> str:
        def told(token: re.Match[str]) -> str:
            word = token[0]
            return word if _CODE.fullmatch(word) or not self._is_name(word) else self._unknown(word)

        return _CODE_OR_TOKEN.sub(told, text)

    def _is_name(self, word: str) -> bool:
        if word[0].isdigit() or word in allowed():
            return False
        lower = word.casefold()
        if is_word(lower) or (word.isascii() and len(word) == 1):
            return False
        if lower in allowed() or (word.isupper() and word.title() in allowed()):
            return False
        if not word.islower():
            return True
        return not word.isascii() or any(name in lower for name in self._inside)

    def _unknown(self, name: str) -> str:
        return f"Name-{code(self._key, 'name', name.casefold())}"


def _plain(ticker: str) -> str:
    # 1000PEPE and kPEPE are contracts on a thousand of them
    for prefix in ("1000000", "1000", "k"):
        if ticker.startswith(prefix) and ticker[len(prefix) :].isupper():
            return ticker[len(prefix) :]
    return ticker.upper()
