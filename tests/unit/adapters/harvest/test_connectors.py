"""What each source's answers become."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from tests.unit.adapters.harvest.conftest import KEYS, NOW, OpenAt

from tutti.adapters.harvest.catalogue import SOURCES, Wanted, open_source
from tutti.adapters.harvest.crawl import Desk, crawl
from tutti.adapters.harvest.port import Series, Window
from tutti.adapters.harvest.rss_news import items_of, plain, time_of
from tutti.adapters.secrets.local import EnvironmentKeys
from tutti.adapters.stores.point_in_time import open_readings
from tutti.kernel.clock import DAY, HOUR, MINUTE, SimulatedClock, iso, parse_instant
from tutti.model.errors import ConfigError, RateLimited, Transient, VenueError
from tutti.model.instrument import InstrumentId
from tutti.testing.sources import Fault
from tutti.testing.sources.answers import bar_at, fred_value, posts_between

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.testing.sources import FakeSources

_BTC = InstrumentId.parse("BTC-USDT.BINANCE")
_MONTH = Window(since=NOW - 30 * DAY, until=NOW)


async def _collect(open_at: OpenAt, desk: Desk, name: str, *symbols: str, **more: int) -> int:
    connector = open_at(name, **more)
    added = 0
    for series in connector.series(symbols):
        added += (await crawl(connector, series, _MONTH, desk)).rows
    return added


async def test_fred_tells_what_each_value_was_when_it_was_first_told(
    open_at: OpenAt, desk: Desk, tmp_path: Path
) -> None:
    assert await _collect(open_at, desk, "fred", "dff") > 26
    readings = open_readings([tmp_path / "readings"])
    day = parse_instant("2024-02-20") // DAY
    told_first, told_again = (day + 1) * DAY + 30 * HOUR, (day + 11) * DAY + 30 * HOUR
    # at the time of the first telling it is the newest, later others are
    (reading,) = readings.readings(_BTC, told_first)
    assert (reading.id, reading.value) == (f"fred:DFF:{told_first}", fred_value(day, 0))
    rows = pl.concat([pl.read_parquet(each) for each in (tmp_path / "readings").rglob("*.parquet")])
    of_day = rows.filter(pl.col("ts").to_physical() == day * DAY).sort("known_at")
    assert of_day.get_column("value").to_list() == [fred_value(day, 0), fred_value(day, 1)]
    assert of_day.get_column("known_at").to_physical().to_list() == [told_first, told_again]


async def test_fred_is_asked_a_year_of_revisions_at_a_time(
    open_at: OpenAt, sources: FakeSources, desk: Desk
) -> None:
    fred = open_at("fred")
    (series,) = fred.series(["DFF"])
    await crawl(fred, series, Window(since=parse_instant("2022-11-01"), until=NOW), desk)
    spans = [(each.query["realtime_start"], each.query["realtime_end"]) for each in sources.asked]
    assert spans == [
        ("2022-11-01", "2022-12-31"),
        ("2023-01-01", "2023-12-31"),
        ("2024-01-01", "2024-03-05"),
    ]
    again = await crawl(fred, series, Window(since=parse_instant("2022-11-01"), until=NOW), desk)
    assert again.rows == 0
    # what was told in the last two days
    assert [each.query["realtime_start"] for each in sources.asked[3:]] == ["2024-03-03"]


async def test_fear_and_greed_is_known_an_hour_into_its_day(
    open_at: OpenAt, desk: Desk, tmp_path: Path
) -> None:
    assert await _collect(open_at, desk, "fear_greed") == 30
    (reading,) = open_readings([tmp_path / "readings"]).readings(_BTC, NOW)
    assert iso(reading.known_at) == "2024-03-05T01:00:00.000Z"
    assert reading.kind == "sentiment"
    assert reading.instrument is None


async def test_figures_of_the_chain_are_known_when_their_day_is_over(
    open_at: OpenAt, desk: Desk, tmp_path: Path
) -> None:
    assert await _collect(open_at, desk, "blockchain", "hash-rate", "n-transactions") == 2 * 29
    found = open_readings([tmp_path / "readings"]).readings(_BTC, NOW)
    assert [each.name for each in found] == ["hash_rate", "n_transactions"]
    assert iso(found[0].known_at) == "2024-03-05T01:00:00.000Z"
    assert found[0].instrument == _BTC


async def test_chart_that_is_refused_is_an_error(
    open_at: OpenAt, sources: FakeSources, desk: Desk
) -> None:
    sources.overrides["/charts/none"] = b'{"status": "not-found", "error": "no such chart"}'
    with pytest.raises(VenueError, match="blockchain: none: no such chart"):
        await _collect(open_at, desk, "blockchain", "none")


async def test_news_of_alpha_vantage_are_paged_by_their_time(
    open_at: OpenAt, sources: FakeSources, desk: Desk, tmp_path: Path
) -> None:
    posts = posts_between(_MONTH.since, _MONTH.until)
    assert await _collect(open_at, desk, "alpha_vantage", "BTC=CRYPTO:BTC") == len(posts) > 1000
    assert len(sources.asked) == 2
    rows = pl.read_parquet(tmp_path / "text" / "alpha_vantage" / "2024-03.parquet")
    assert rows.get_column("symbol").unique().to_list() == ["BTC"]
    assert rows.get_column("kind").unique().to_list() == ["news"]


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (
            b'{"Information": "alpha-key: 25 requests per day"}',
            VenueError,
            r"\[key\]: 25 requests",
        ),
        (b'{"Note": "5 calls per minute"}', RateLimited, "5 calls per minute"),
        (b'{"Error Message": "Invalid inputs."}', VenueError, "Invalid inputs"),
    ],
)
async def test_notes_of_alpha_vantage_are_no_news(
    open_at: OpenAt, body: bytes, kind: type[Exception], said: str
) -> None:
    alpha = open_at("alpha_vantage")
    (series,) = alpha.series(["AAPL"])
    with pytest.raises(kind, match=said):
        await alpha.parse(body, series, _MONTH, alpha.start(series, _MONTH))
    nothing = await alpha.parse(b'{"Information": "No articles found."}', series, _MONTH, "x")
    assert (nothing.rows, nothing.next, nothing.upto) == ([], None, NOW)


async def test_reddit_is_asked_as_an_application_where_there_are_keys(
    open_at: OpenAt, sources: FakeSources, desk: Desk
) -> None:
    keys = {"TUTTI_REDDIT_API_KEY": "id", "TUTTI_REDDIT_SECRET": "hidden"}
    reddit = open_at("reddit", environment=keys)
    (series,) = reddit.series(["r/Bitcoin"])
    added = await crawl(reddit, series, _MONTH, desk)
    assert added.rows == len(posts_between(_MONTH.since, _MONTH.until))
    assert sources.asked[0].path == "/api/v1/access_token"
    assert sources.asked[1].headers["authorization"] == "Bearer token-client_credentials"
    assert sources.asked[1].path == "/r/Bitcoin/new"
    assert series == Series(name="Bitcoin")


async def test_reddit_gets_a_new_token_when_the_old_one_has_ended(
    open_at: OpenAt, sources: FakeSources, desk: Desk
) -> None:
    keys = {"TUTTI_REDDIT_API_KEY": "id", "TUTTI_REDDIT_SECRET": "hidden"}
    reddit = open_at("reddit", environment=keys)
    (series,) = reddit.series(["Bitcoin"])
    sources.fail([None, None, Fault.REFUSED])
    added = await crawl(reddit, series, _MONTH, desk)
    assert added.rows == len(posts_between(_MONTH.since, _MONTH.until))
    assert [each.path for each in sources.asked].count("/api/v1/access_token") == 2


async def test_polygon_keeps_its_key_out_of_the_address(
    open_at: OpenAt, sources: FakeSources, desk: Desk, tmp_path: Path
) -> None:
    assert await _collect(open_at, desk, "polygon", "AAPL", step=DAY) == 29
    assert sources.asked[0].headers["authorization"] == "Bearer polygon-key"
    assert sources.asked[0].query == {"adjusted": "false", "sort": "asc", "limit": "50000"}
    assert (tmp_path / "ohlcv" / "polygon" / "AAPL_1d_2024.parquet").exists()


async def test_yahoo_bars_are_those_that_are_over(
    open_at: OpenAt, desk: Desk, tmp_path: Path
) -> None:
    assert await _collect(open_at, desk, "yfinance", "aapl") == 29
    frame = pl.concat(
        [pl.read_parquet(each) for each in sorted((tmp_path / "ohlcv" / "yahoo").glob("*"))]
    )
    assert iso(frame.get_column("ts").to_physical()[-1])[:10] == "2024-03-04"
    assert frame.get_column("close")[-1] == bar_at(parse_instant("2024-03-04"), "AAPL")[3]


async def test_yahoo_says_what_it_has_not(
    open_at: OpenAt, sources: FakeSources, desk: Desk
) -> None:
    sources.overrides["/v8/finance/chart/NONE"] = (
        b'{"chart": {"result": null, "error": {"description": "No data found"}}}'
    )
    with pytest.raises(VenueError, match="yfinance: NONE: No data found"):
        await _collect(open_at, desk, "yfinance", "NONE")


def test_yahoo_has_few_lengths_of_bars(open_at: OpenAt) -> None:
    with pytest.raises(ConfigError, match=r"bars of 1m, 5m, 15m, 30m, 1h, 1d only"):
        open_at("yfinance", step=7 * MINUTE).series(["AAPL"])


async def test_feed_is_read_without_its_markup(
    open_at: OpenAt, sources: FakeSources, desk: Desk, tmp_path: Path
) -> None:
    assert await _collect(open_at, desk, "rss", f"BTC={sources.address}/rss/any?x=1") == 20
    row = pl.read_parquet(tmp_path / "text" / "rss" / "2024-03.parquet").row(0, named=True)
    assert row["title"].startswith("market rises & falls")
    assert row["text"] == "Nobody knows why market moved."
    assert (row["symbol"], row["source"]) == ("BTC", sources.address.removeprefix("http://"))


_ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>a</id><title>Up</title>
<link href="http://x.invalid/1"/><published>2024-03-05T10:00:00Z</published>
<summary>why</summary></entry></feed>"""
_BOMB = b"""<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss><channel><item>
<title>&b;</title></item></channel></rss>"""


def test_atom_is_read_too() -> None:
    (item,) = items_of(_ATOM, "rss")
    assert item == {
        "id": "a", "title": "Up", "link": "http://x.invalid/1",
        "published": "2024-03-05T10:00:00Z", "summary": "why",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (_BOMB, "EntitiesForbidden"),
        (b"<rss><channel>", "ParseError"),
        (b"<html></html>", "'html' instead of a feed"),
        (b"", "no feed"),
    ],
)
def test_what_is_no_feed_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(Transient, match=said):
        list(items_of(body, "rss"))


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Tue, 05 Mar 2024 10:00:00 GMT", "2024-03-05T10:00"),
        ("Tue, 05 Mar 2024 05:00:00 -0500", "2024-03-05T10:00"),
        ("2024-03-05T10:00:00Z", "2024-03-05T10:00"),
    ],
)
def test_times_of_feeds_are_read(text: str, when: str) -> None:
    assert time_of(text) == parse_instant(when)


def test_what_is_no_time_is_none() -> None:
    assert time_of("yesterday") == -1


def test_markup_and_entities_are_taken_out() -> None:
    assert plain("<p>a &amp;lt; b</p>\n <b>c</b>") == "a < b c"


@pytest.mark.parametrize(
    ("name", "symbols", "said"),
    [
        ("fear_greed", ["BTC"], "of no symbol"),
        ("fred", ["BTC=DFF"], "by their ids alone"),
        ("blockchain", ["BTC=hash-rate"], "name charts alone"),
        ("rss", [], "say what of it with --symbols"),
        ("rss", ["BTC=feed"], "is no address"),
        ("yahoo_news", ["BTC="], "names nothing"),
        ("polygon", [], "name tickers"),
        ("yfinance", [], "name tickers"),
    ],
)
def test_symbols_that_are_not_understood_are_refused(
    open_at: OpenAt, name: str, symbols: list[str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        open_at(name).series(symbols)


def test_usual_series_are_asked_for_where_none_is_named(open_at: OpenAt) -> None:
    assert len(open_at("fred").series([])) == 6
    assert {each.symbol for each in open_at("blockchain").series([])} == {"BTC"}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(source="fred"), "needs a key; set TUTTI_FRED_API_KEY"),
        (Wanted(source="fear_greed", trades=True), "tells no trades"),
        (Wanted(source="fear_greed", step=HOUR), "tells no bars"),
        (Wanted(source="nowhere"), "no source is called 'nowhere'; there are yfinance"),
    ],
)
def test_sources_that_can_not_be_opened_are_refused(wanted: Wanted, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_source(wanted, EnvironmentKeys({}), SimulatedClock(NOW))


def test_every_source_is_named_for_itself() -> None:
    assert all(name == each.terms.name for name, each in SOURCES.items())
    assert {each.terms.key for each in SOURCES.values() if each.terms.needs_key} == {
        name[6:-8].lower() for name in KEYS
    }
