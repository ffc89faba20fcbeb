"""Dates in running text, told as days, months and years from the instant of reading."""

from __future__ import annotations

import re
from datetime import date

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_YEAR = r"(?:19[5-9]\d|20[0-4]\d)"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_BEFORE = r"(?<![\w$.,/-])"
_CLOCK = r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_CUE = (
    r"(?:in|since|by|of|last|this|next|early|late|mid|until|till|through|thru|from|for|during|before"
    r"|after|to|and|between|end|on|around|past)"
)

_UNITS = r"one|two|three|four|five|six|seven|eight|nine"
_SPELLED = (
    r"(?:ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    rf"|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[\s-](?:{_UNITS}))?)"
)

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(form, 0 if kind == "month" else re.IGNORECASE))
    for kind, form in (
        ("ymd", rf"{_BEFORE}({_YEAR})[-/.](0?[1-9]|1[0-2])[-/.]({_DAY}){_CLOCK}(?!\d)"),
        ("ymd", rf"{_BEFORE}({_YEAR})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)"),
        ("stamp", r"(?<![\w.,])1[0-9]{9}(?:[0-9]{3}|[0-9]{6}|[0-9]{9})?(?![\w.,])"),
        ("mdy", rf"{_BEFORE}(\d{{1,2}})[/.-](\d{{1,2}})[/.-]({_YEAR}|\d{{2}})(?![\w/-])"),
        ("named_mdy", rf"\b({_MONTH})\s+({_DAY})\b(?:\s*,?\s*({_YEAR})\b)?"),
        ("named_dmy", rf"\b({_DAY})[\s-]+(?:of\s+)?({_MONTH})(?![a-z])(?:[\s,-]*({_YEAR})\b)?"),
        ("named_my", rf"\b({_MONTH})(?:\s+of)?[\s,-]*(?:({_YEAR})\b|['\u2019](\d{{2}})\b)"),
        ("part", rf"{_BEFORE}({_YEAR})[\s_-]?(?:Q[1-4]|[1-4]Q|H[12]|W\d{{1,2}})(?![A-Za-z0-9])"),
        ("part", rf"(?<=_)({_YEAR})(?=_|\b)"),
        (
            "quarter",
            rf"\b(?:(?:Q|H)[1-4]|[1-4](?:Q|H))(?:(?:\s*|[-/_])(?:of\s+)?(?:fiscal\s+|FY\s?)?"
            rf"['\u2019]?(?:({_YEAR})|(\d{{2}}))(?![\d%]|\.\d))?\b",
        ),
        (
            "quarter",
            r"\b(?:first|second|third|fourth|1st|2nd|3rd|4th)[\s-](?:fiscal[\s-])?(?:quarter|half)"
            rf"(?:\s+of)?(?:\s+fiscal)?\s+({_YEAR})()\b",
        ),
        ("year", rf"\b(?:fiscal(?:\s+year)?|FY)\s?['\u2019]?(?:({_YEAR})|(\d{{2}}))\b"),
        ("year", rf"{_BEFORE}({_YEAR})()[AEFP]\b"),
        ("some", rf"\b(?:twenty|nineteen|two[\s-]thousand(?:\s+and)?)[\s-]{_SPELLED}\b"),
        ("some", rf"\b{_MONTH}-\d{{2}}\b(?!-)"),
        ("span", rf"{_BEFORE}({_YEAR})\s?[-/\u2013]\s?(?:{_YEAR}|\d{{2}})\b"),
        ("decade", rf"{_BEFORE}({_YEAR})s\b"),
        ("month", rf"\b{_CUE}[\s-]+({_MONTH})(?![a-z\w])"),
        (
            "month",
            r"\b(May)(?=\s+(?:CPI|PPI|jobs|data|sales|retail|payrolls?|inflation|meeting|expiry|futures)\b)",
        ),
        ("month", r"\b(Mar|May)\b\.?(?=\s+\$?\d)"),
        (
            "month",
            r"\b(January|February|March|April|June|July|August|September|October|November|December)\b",
        ),
        ("month", r"\b(Jan|Feb|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?"),
        ("year", rf"(?<![\w$.,/\u00a3\u20ac#-])({_YEAR})()(?![\d%]|[.,]\d|-?[a-z])"),
        ("year", r"(?<=[\s(])['\u2019]([0-4]\d)()(?!\w)"),
        ("md", r"(?<![\w$./])(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])(?![\w/%])"),
    )
)
_FRACTIONS = frozenset(
    {"1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "2/5", "3/5", "4/5", "1/10", "9/10"}
)
_DAYS_TOLD = 400
_HALF_A_YEAR = 6
_CENTURY, _PIVOT = 2000, 50


def without_dates(text: str, today: date) -> str:
    """Return a text with every date told from ``today``: ``3 days earlier``, ``2 years earlier``.

    A date without a year is taken for the nearest one. A fraction that could be a day (3/4) stays.
    """
    for kind, form in _FORMS:
        text = form.sub(lambda match, kind=kind: _told(kind, match, today), text)  # type: ignore[misc]
    return text


def _told(kind: str, match: re.Match[str], today: date) -> str:
    try:
        return _TELLERS[kind](match, today)
    except ValueError:
        # a day that no month has
        return "some day"


def _of_ymd(match: re.Match[str], today: date) -> str:
    return _days(date(int(match[1]), int(match[2]), _number(match[3])), today)


def _of_mdy(match: re.Match[str], today: date) -> str:
    first, second, year = int(match[1]), int(match[2]), _year(match[3])
    month, day = (second, first) if first > 12 else (first, second)  # noqa: PLR2004
    return _days(date(year, month, day), today)


def _of_md(match: re.Match[str], today: date) -> str:
    if match[0] in _FRACTIONS:
        return match[0]
    return _days(_nearest(int(match[1]), int(match[2]), today), today)


def _of_named_mdy(match: re.Match[str], today: date) -> str:
    return _of_named(match[1], match[2], match[3], today)


def _of_named_dmy(match: re.Match[str], today: date) -> str:
    return _of_named(match[2], match[1], match[3], today)


def _of_named(month: str, day: str, year: str | None, today: date) -> str:
    if year is None:
        return _days(_nearest(_month(month), _number(day), today), today)
    return _days(date(int(year), _month(month), _number(day)), today)


def _of_named_my(match: re.Match[str], today: date) -> str:
    year = _year(match[2] or match[3])
    return _months(12 * (year - today.year) + _month(match[1]) - today.month)


def _of_month(match: re.Match[str], today: date) -> str:
    apart = (_month(match[1]) - today.month) % 12
    told = _months(apart - 12 if apart > _HALF_A_YEAR else apart)
    return match[0][: match.start(1) - match.start()] + told


def _of_quarter(match: re.Match[str], today: date) -> str:
    year = match[1] or match[2]
    half = "half" if "h" in match[0][:2].casefold() and "th" not in match[0] else "quarter"
    half = "half" if "half" in match[0].casefold() else half
    return f"a {half}" if not year else f"a {half} of {_years(_year(year) - today.year)}"


def _of_part(match: re.Match[str], today: date) -> str:
    return f"a part of {_years(int(match[1]) - today.year)}"


def _of_some(match: re.Match[str], today: date) -> str:  # noqa: ARG001
    return "some time"


def _of_year(match: re.Match[str], today: date) -> str:
    return _years(_year(match[1] or match[2]) - today.year)


def _of_span(match: re.Match[str], today: date) -> str:
    return f"{_years(int(match[1]) - today.year)} and after"


def _of_decade(match: re.Match[str], today: date) -> str:
    apart = today.year // 10 - int(match[1][:3])
    return "this decade" if apart == 0 else f"{abs(apart)} decades {_way(-apart)}"


def _of_stamp(match: re.Match[str], today: date) -> str:  # noqa: ARG001
    return "[time]"


_TELLERS = {
    "ymd": _of_ymd,
    "mdy": _of_mdy,
    "md": _of_md,
    "named_mdy": _of_named_mdy,
    "named_dmy": _of_named_dmy,
    "named_my": _of_named_my,
    "month": _of_month,
    "quarter": _of_quarter,
    "part": _of_part,
    "some": _of_some,
    "year": _of_year,
    "span": _of_span,
    "decade": _of_decade,
    "stamp": _of_stamp,
}


def _days(day: date, today: date) -> str:
    apart = (day - today).days
    if abs(apart) > _DAYS_TOLD:
        return _years(day.year - today.year)
    if apart == 0:
        return "today"
    return f"{abs(apart)} day{'s' * (abs(apart) > 1)} {_way(apart)}"


def _months(apart: int) -> str:
    if apart == 0:
        return "this month"
    if abs(apart) > 24:  # noqa: PLR2004 (beyond two years, years will do)
        return _years(round(apart / 12))
    return f"{abs(apart)} month{'s' * (abs(apart) > 1)} {_way(apart)}"


def _years(apart: int) -> str:
    if apart == 0:
        return "this year"
    return f"{abs(apart)} year{'s' * (abs(apart) > 1)} {_way(apart)}"


def _way(apart: int) -> str:
    return "earlier" if apart < 0 else "ahead"


def _nearest(month: int, day: int, today: date) -> date:
    # 29 February is there in one of the three years or in none of them
    days = []
    for year in (today.year - 1, today.year, today.year + 1):
        try:
            days.append(date(year, month, day))
        except ValueError:
            continue
    if not days:
        raise ValueError("no such day")
    return min(days, key=lambda found: abs((found - today).days))


def _month(word: str) -> int:
    start = word[:3].casefold()
    return 1 + next(index for index, name in enumerate(_MONTHS) if name.startswith(start))


def _number(day: str) -> int:
    return int(re.sub(r"\D", "", day))


def _year(digits: str) -> int:
    year = int(digits)
    if year >= 100:  # noqa: PLR2004
        return year
    return _CENTURY + year if year < _PIVOT else _CENTURY - 100 + year
