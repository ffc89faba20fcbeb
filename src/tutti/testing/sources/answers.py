"""What made-up sources tell: the same for the same question, whenever it is asked.

All is a function of time, so that a test knows every row that there is: see ``n_posts`` and the
constants. Nothing here resembles anything that happened.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from typing import TYPE_CHECKING, Any
from zlib import crc32

from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND, iso, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable

POST_EVERY = 37 * MINUTE
"""A post, an item of news."""

POLYGON_PAGE = 200
ALPHA_PAGE = 1000
_MILLISECOND = 1_000_000
_FEED_ITEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request: header names are in small letters."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


def answer_to(asked: Asked, now: int) -> bytes | None:
    """Return the answer of the source that has the path; None where nobody has it."""
    for start, answer in _PATHS:
        if asked.path.startswith(start):
            told = answer(asked, now)
            return told if isinstance(told, bytes) else json.dumps(told).encode()
    return None


def posts_between(since: int, until: int) -> list[int]:
    """Return the instants of the posts in ``[since, until)``, oldest first, ns UTC."""
    first = -(-since // POST_EVERY)
    return [POST_EVERY * k for k in range(first, -(-until // POST_EVERY))]


def bar_at(ts: int, symbol: str) -> tuple[float, float, float, float, float]:
    """Return open, high, low, close and volume of a bar that starts then."""
    close = 100.0 + (crc32(f"{symbol} {ts}".encode()) % 1000) / 100.0
    return close - 0.5, close + 1.0, close - 1.0, close, 10.0 + ts // HOUR % 24


def _fear_greed(asked: Asked, now: int) -> Any:
    limit = int(asked.query.get("limit", "1")) or 100_000
    today = now // DAY
    days = range(today, max(today - limit, parse_instant("2018-02-01") // DAY - 1), -1)
    return {
        "name": "Fear and Greed Index",
        "data": [
            {
                "value": str(day * 37 % 101),
                "value_classification": "made up",
                "timestamp": str(day * DAY // SECOND),
            }
            for day in days
        ],
        "metadata": {"error": None},
    }


def fred_value(day: int, revision: int) -> float:
    """Return what is told of a day: first at revision 0, corrected ten days later at 1."""
    return round(3.0 + day % 50 / 100.0 + 0.01 * revision, 2)


def _fred(asked: Asked, now: int) -> Any:
    query = asked.query
    start = parse_instant(query["observation_start"])
    told_from, told_to = (parse_instant(query[f"realtime_{each}"]) for each in ("start", "end"))
    found = []
    for day in range(start // DAY, now // DAY):
        date = iso(day * DAY)[:10]
        if day % 7 == 0:
            row = {"date": date, "value": ".", "realtime_start": date}
            if told_from <= day * DAY <= told_to:
                found.append(row)
            continue
        vintages = [(day + 1, 0), (day + 11, 1)]
        for (first, revision), end in zip(vintages, (day + 10, 2**40), strict=True):
            if first * DAY > min(told_to, now) or end * DAY < told_from:
                continue
            # as FRED does: what was told before is told as if at the start of the period
            at = max(first * DAY, told_from)
            value = str(fred_value(day, revision))
            found.append({"date": date, "value": value, "realtime_start": iso(at)[:10]})
    offset, limit = int(query["offset"]), int(query["limit"])
    return {
        "realtime_start": query["realtime_start"],
        "realtime_end": query["realtime_end"],
        "count": len(found),
        "offset": offset,
        "observations": found[offset:][:limit],
    }


def _charts(asked: Asked, now: int) -> Any:
    name = asked.path.rpartition("/")[2]
    start = parse_instant(asked.query["start"])
    days = int(asked.query["timespan"].removesuffix("days"))
    # the day that is not over is among them
    last = min(start // DAY + days - 1, now // DAY)
    values = [
        {"x": day * DAY // SECOND, "y": float(day * 31 % 997)}
        for day in range(start // DAY, last + 1)
    ]
    return {"status": "ok", "name": name, "period": "day", "values": values}


def _feed(asked: Asked, now: int) -> bytes:
    about = asked.query.get("s", "market")
    items = []
    for ts in posts_between(now - _FEED_ITEMS * POST_EVERY, now)[::-1]:
        stamp = format_datetime(datetime.fromtimestamp(ts // SECOND, tz=UTC))
        title = escape(f"{about} rises & falls {ts // POST_EVERY}")
        items.append(
            f"<item><title>{title}</title><guid>{about}-{ts}</guid><pubDate>{stamp}</pubDate>"
            f"<link>http://news.invalid/{ts}</link>"
            f"<description>&lt;p&gt;Nobody knows why {escape(about)} moved.&lt;/p&gt;</description></item>"
        )
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>'
        f"{''.join(items)}</channel></rss>"
    ).encode()


def _alpha_vantage(asked: Asked, now: int) -> Any:
    query = asked.query
    since, until = (_compact(query[f"time_{each}"]) for each in ("from", "to"))
    page = posts_between(since, min(until, now))[: min(int(query["limit"]), ALPHA_PAGE)]
    return {
        "items": str(len(page)),
        "feed": [
            {
                "title": f"{query['tickers']} item {ts // POST_EVERY}",
                "url": f"http://news.invalid/{ts}",
                "time_published": iso(ts)[:19].replace("-", "").replace(":", ""),
                "summary": "It went up and down.",
                "source": "Made Up Wire",
            }
            for ts in page
        ],
    }


def _compact(text: str) -> int:
    return parse_instant(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[9:11]}:{text[11:13]}")


def _reddit(asked: Asked, now: int) -> Any:
    after = asked.query.get("after", "")
    until = int(after.partition("_")[2]) * POST_EVERY if after else now
    limit = int(asked.query["limit"])
    page = posts_between(until - limit * POST_EVERY, until)[::-1]
    name = asked.path.split("/")[2]
    children = [
        {
            "data": {
                "name": f"t3_{ts // POST_EVERY}",
                "title": f"{name} to the moon {ts // POST_EVERY}",
                "selftext": "Not advice.",
                "created_utc": ts / SECOND,
                "permalink": f"/r/{name}/{ts // POST_EVERY}",
            }
        }
        for ts in page
    ]
    return {"data": {"children": children, "after": children[-1]["data"]["name"]}}


def _token(asked: Asked, now: int) -> Any:
    del now
    return {"access_token": f"token-{asked.form['grant_type']}", "expires_in": 86400}


def _polygon(asked: Asked, now: int) -> Any:
    symbol, _, size, unit, start, end = asked.path.split("/")[4:10]
    step = int(size) * {"day": DAY, "hour": HOUR, "minute": MINUTE}[unit]
    first = -(-int(start) * _MILLISECOND // step) * step
    until = min(int(end) * _MILLISECOND, now)
    # the bar that is not over is among them
    starts = range(first, until + 1, step)
    bars = [
        dict(zip("ohlcv", bar_at(ts, symbol), strict=True)) | {"t": ts // _MILLISECOND, "n": 5}
        for ts in starts[:POLYGON_PAGE]
    ]
    more = {"next_url": "https://api.polygon.invalid/next"} if len(starts) > POLYGON_PAGE else {}
    return {"status": "OK", "resultsCount": len(bars), "results": bars, **more}


def _yahoo(asked: Asked, now: int) -> Any:
    step = {"1d": DAY, "1h": HOUR, "1m": MINUTE}[asked.query["interval"]]
    since, until = (int(asked.query[f"period{k}"]) * SECOND for k in (1, 2))
    starts = list(range(-(-since // step) * step, min(until, now), step))
    symbol = asked.path.rpartition("/")[2]
    sides = zip(*(bar_at(ts, symbol) for ts in starts), strict=True) if starts else [()] * 5
    quote: dict[str, Any] = {
        side: list(values)
        for side, values in zip(("open", "high", "low", "close", "volume"), sides, strict=True)
    }
    times = [ts // SECOND for ts in starts]
    return {
        "chart": {
            "error": None,
            "result": [{"timestamp": times, "indicators": {"quote": [quote]}}],
        }
    }


_PATHS: tuple[tuple[str, Callable[[Asked, int], Any]], ...] = (
    ("/fng/", _fear_greed),
    ("/fred/", _fred),
    ("/charts/", _charts),
    ("/rss/", _feed),
    ("/query", _alpha_vantage),
    ("/r/", _reddit),
    ("/api/v1/access_token", _token),
    ("/v2/aggs/", _polygon),
    ("/v8/finance/chart/", _yahoo),
)
