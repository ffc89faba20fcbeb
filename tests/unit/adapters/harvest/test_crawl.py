"""A series collected through whatever may go wrong: nothing lost, nothing twice, all kept as it came."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from tests.unit.adapters.harvest.conftest import NOW, OpenAt, desk_in

from tutti.adapters.harvest.crawl import Desk, crawl, reparse
from tutti.adapters.harvest.fear_greed import FearGreed
from tutti.adapters.harvest.http import Http
from tutti.adapters.harvest.port import Answer, Connector, Parsed, Series, Window
from tutti.adapters.stores.point_in_time import open_texts
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND, SimulatedClock
from tutti.model.errors import ConfigError, Transient, VenueError
from tutti.model.instrument import InstrumentId
from tutti.testing.sources import FakeSources, Fault
from tutti.testing.sources.answers import bar_at, posts_between

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_DAYS = Window(since=NOW - 40 * DAY, until=NOW)
_LAST_BAR = NOW // HOUR * HOUR - HOUR


def _bars(folder: Path) -> pl.DataFrame:
    files = sorted((folder / "ohlcv").rglob("*.parquet"))
    return pl.concat([pl.read_parquet(each) for each in files])


def _starts(folder: Path) -> list[int]:
    return _bars(folder).get_column("ts").to_physical().to_list()


_EVERY_HOUR = list(range(-(-_DAYS.since // HOUR) * HOUR, _LAST_BAR + 1, HOUR))


def _some_pages(source: str) -> Window:
    days = {"fred": 1000, "alpha_vantage": 60}.get(source, 30)
    return Window(since=NOW - days * DAY, until=NOW)


async def test_bars_are_collected_page_by_page_until_the_last_that_is_over(
    open_at: OpenAt, desk: Desk, tmp_path: Path
) -> None:
    polygon = open_at("polygon")
    (series,) = polygon.series(["aapl"])
    told: list[tuple[int, int]] = []
    added = await crawl(polygon, series, _DAYS, desk, tell=lambda *each: told.append(each))
    # fifteen minutes pass before Polygon tells a bar, and the last one is that old
    assert _starts(tmp_path) == _EVERY_HOUR
    assert added.rows == len(_EVERY_HOUR) == 959
    assert len(told) == 5
    assert told[-1] == (959 * HOUR, 959 * HOUR)
    first = _bars(tmp_path).row(0, named=True)
    assert tuple(first[each] for each in ("open", "high", "low", "close", "volume")) == bar_at(
        _EVERY_HOUR[0], "AAPL"
    )


async def test_bar_of_the_past_is_known_at_its_end_and_the_lag(
    open_at: OpenAt, desk: Desk, tmp_path: Path
) -> None:
    polygon = open_at("polygon")
    (series,) = polygon.series(["AAPL"])
    await crawl(polygon, series, _DAYS, desk)
    times = _bars(tmp_path).select(pl.col("ts", "known_at", "received_at").to_physical())
    assert (times["known_at"] == times["ts"] + HOUR + 15 * MINUTE).all()
    # what it has been asked for is never older than what it says
    assert (times["received_at"] >= NOW).all()


@pytest.mark.parametrize(
    "fault",
    [Fault.BUSY, Fault.DOWN, Fault.HTML, Fault.CUT, Fault.SHORT, Fault.EMPTY, Fault.SLOW,
     Fault.REPEATED],
)  # fmt: skip
@pytest.mark.parametrize("source", ["polygon", "reddit", "fred", "alpha_vantage"])
async def test_every_fault_is_asked_again_and_the_rows_are_the_same(
    open_at: OpenAt, sources: FakeSources, tmp_path: Path, clock: SimulatedClock, source: str,
    fault: Fault,
) -> None:  # fmt: skip
    window = _some_pages(source)
    connector = open_at(source)
    (series,) = connector.series(["X"])
    calm, rough = desk_in(tmp_path / "calm", clock), desk_in(tmp_path / "rough", clock)
    await crawl(connector, series, window, calm)
    sources.fail([None, fault, None, fault, fault, None, fault])
    added = await crawl(connector, series, window, rough)
    assert added.rows > 100
    assert _rows(tmp_path / "rough") == _rows(tmp_path / "calm")


def _rows(folder: Path) -> list[dict[str, Any]]:
    files = sorted(each for each in folder.rglob("*.parquet") if "corrections" not in each.parts)
    drop = ("received_at", "known_at")
    return [row for each in files for row in pl.read_parquet(each).drop(drop).rows(named=True)]


async def test_burst_of_failures_is_survived_with_growing_pauses(
    open_at: OpenAt, sources: FakeSources, desk: Desk, clock: SimulatedClock
) -> None:
    fear = open_at("fear_greed")
    (series,) = fear.series([])
    sources.fail([Fault.DOWN] * 5)
    heard: list[str] = []
    added = await crawl(fear, series, _DAYS, replace(desk, hear=heard.append))
    assert added.rows == 40
    assert len(heard) == 5
    assert heard[0].startswith("fear_greed: answered 503")
    assert 7 * SECOND < clock.now() - NOW < 60 * SECOND


async def test_busy_source_is_left_alone_for_as_long_as_it_asks(
    open_at: OpenAt, sources: FakeSources, desk: Desk, clock: SimulatedClock
) -> None:
    fear = open_at("fear_greed")
    (series,) = fear.series([])
    sources.retry_after = "120"
    sources.fail([Fault.BUSY])
    await crawl(fear, series, _DAYS, desk)
    assert clock.now() - NOW >= 120 * SECOND


async def test_source_that_stays_down_is_an_error_that_names_it(
    open_at: OpenAt, sources: FakeSources, desk: Desk
) -> None:
    fear = open_at("fear_greed")
    (series,) = fear.series([])
    sources.fail([Fault.DOWN] * 6)
    with pytest.raises(Transient, match=r"^fear_greed: answered 503 .* at http://127"):
        await crawl(fear, series, _DAYS, desk)
    # as for a source that never was asked
    added = await crawl(fear, series, _DAYS, desk)
    assert added.rows == 40


async def test_answer_of_another_form_is_an_error_after_some_tries(
    open_at: OpenAt, sources: FakeSources, desk: Desk
) -> None:
    fear = open_at("fear_greed")
    (series,) = fear.series([])
    sources.overrides["/fng/"] = b'{"data": [{"worth": 3}]}'
    with pytest.raises(
        Transient, match=r"index: its answer is not understood \(KeyError: 'timestamp'\)"
    ):
        await crawl(fear, series, _DAYS, desk)
    assert len(sources.asked) == 6


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.MISSING])
async def test_refusal_is_not_asked_again(
    open_at: OpenAt, sources: FakeSources, desk: Desk, fault: Fault
) -> None:
    fred = open_at("fred")
    (series,) = fred.series(["DFF"])
    sources.fail([fault])
    kind = ConfigError if fault is Fault.REFUSED else VenueError
    with pytest.raises(kind, match=r"fred: answered 40[14]") as raised:
        await crawl(fred, series, _DAYS, desk)
    assert len(sources.asked) == 1
    assert "key/1" not in str(raised.value)


async def test_what_was_told_is_not_asked_for_again(
    open_at: OpenAt, sources: FakeSources, desk: Desk, tmp_path: Path
) -> None:
    polygon = open_at("polygon")
    (series,) = polygon.series(["AAPL"])
    await crawl(polygon, series, Window(since=NOW - 10 * DAY, until=NOW - 5 * DAY), desk)
    before = len(sources.asked)
    # earlier and later, with the middle known
    added = await crawl(polygon, series, Window(since=NOW - 12 * DAY, until=NOW - DAY), desk)
    assert added.rows == 6 * 24
    assert len(sources.asked) - before == 2
    assert _starts(tmp_path) == [
        ts for ts in _EVERY_HOUR if NOW - 12 * DAY <= ts <= NOW - DAY - HOUR
    ]
    again = await crawl(polygon, series, Window(since=NOW - 12 * DAY, until=NOW - DAY), desk)
    assert again.rows == 0


class _Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("source", ["polygon", "reddit", "fred"])
@pytest.mark.parametrize("where", ["fetched", "kept", "stored", "moved"])
async def test_kill_anywhere_loses_and_doubles_nothing(
    open_at: OpenAt, sources: FakeSources, clock: SimulatedClock, tmp_path: Path, source: str,
    where: str,
) -> None:  # fmt: skip
    window = _some_pages(source)
    whole = desk_in(tmp_path / "whole", clock)
    connector = open_at(source)
    (series,) = connector.series(["X"])
    await crawl(connector, series, window, whole)
    for step in range(40):
        # each time a new process, which dies a little later than the one before
        desk = desk_in(tmp_path / "killed", clock)
        connector = open_at(source)
        dying = _dying(connector, desk, where, after=1 + step // 2)
        try:
            await crawl(dying[0], series, window, dying[1])
            break
        except _Killed:
            continue
    else:
        pytest.fail("never got to the end")
    assert step > 0
    assert _rows(tmp_path / "killed") == _rows(tmp_path / "whole")


def _dying(connector: Connector, desk: Desk, where: str, after: int) -> tuple[Connector, Desk]:
    left = after

    def die() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise _Killed

    class Dying:
        terms = connector.terms
        series = connector.series
        start = connector.start
        parse = connector.parse
        describe = connector.describe
        recall = connector.recall
        close = connector.close

        async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
            answer = await connector.fetch(series, window, cursor)
            if where == "fetched":
                die()
            return answer

    places: dict[str, tuple[Any, tuple[str, ...]]] = {
        "kept": (desk.raw, ("put",)),
        "stored": (desk.store, ("add_bars", "add_texts", "add_readings")),
        "moved": (desk.cursors, ("write",)),
    }
    if where in places:
        target, names = places[where]
        for name in names:
            setattr(target, name, _then(getattr(target, name), die))
    return Dying(), desk


def _then(done: Callable[..., Any], after: Callable[[], None]) -> Callable[..., Any]:
    def both(*arguments: Any, **more: Any) -> Any:
        result = done(*arguments, **more)
        after()
        return result

    return both


async def test_rows_made_again_of_the_kept_answers_are_the_same(
    open_at: OpenAt, sources: FakeSources, desk: Desk, tmp_path: Path, clock: SimulatedClock
) -> None:
    reddit = open_at("reddit")
    (series,) = reddit.series(["BTC=Bitcoin"])
    sources.fail([Fault.HTML])
    await crawl(reddit, series, _DAYS, desk)
    asked = len(sources.asked)
    before = _rows(tmp_path)
    for each in (tmp_path / "text").rglob("*.parquet"):
        each.unlink()
    added = await reparse(reddit, series, desk)
    assert len(before) == len(posts_between(_DAYS.since, _DAYS.until))
    # the last page reached back further than was asked
    assert added.rows > len(before)
    after = _rows(tmp_path)
    assert after[-len(before) :] == before
    assert len(sources.asked) == asked


async def test_answers_are_kept_as_they_came_without_the_key(
    open_at: OpenAt, sources: FakeSources, desk: Desk, tmp_path: Path
) -> None:
    fred = open_at("fred")
    (series,) = fred.series(["DFF"])
    sources.overrides["/fred/series/observations"] = (
        b'{"realtime_start": "2024-03-04", "offset": 0, "count": 0, "observations": [],'
        b' "note": "you are fred key/1"}'
    )
    await crawl(fred, series, Window(since=NOW - DAY, until=NOW), desk)
    (page,) = desk.raw.pages()
    assert json.loads(desk.raw.body(page))["note"] == "you are [redacted]"
    assert "series_id=DFF" in page.url
    assert page.series == "DFF"
    assert page.received_at >= NOW
    for data in _written(tmp_path):
        assert b"fred key" not in data
        assert b"fred%20key" not in data
        assert b"fred+key" not in data


def _written(folder: Path) -> list[bytes]:
    found = [each.read_bytes() for each in folder.rglob("*") if each.is_file()]
    return found + [gzip.decompress(each) for each in found if each.startswith(b"\x1f\x8b")]


async def test_text_of_a_live_source_is_known_when_it_arrives(
    open_at: OpenAt, sources: FakeSources, desk: Desk, tmp_path: Path, clock: SimulatedClock
) -> None:
    yahoo = open_at("yahoo_news")
    (series,) = yahoo.series(["BTC=BTC-USD"])
    await crawl(yahoo, series, Window(since=NOW - DAY, until=NOW), desk)
    clock.advance_to(NOW + 2 * HOUR)
    sources.now = NOW + 2 * HOUR
    await crawl(yahoo, series, Window(since=NOW - DAY, until=clock.now()), desk, is_live=True)
    texts = open_texts([tmp_path / "text"])
    instrument = InstrumentId.parse("BTC-USDT.BINANCE")
    known = {each.known_at for each in texts.texts(instrument, 0, NOW + DAY)}
    past = set(posts_between(NOW - 20 * 37 * MINUTE, NOW))
    assert {each for each in known if each < NOW} == past
    assert {each for each in known if each >= NOW} == {clock.now()}
    assert len(texts.texts(instrument, NOW, NOW + DAY)) == len(posts_between(NOW, NOW + 2 * HOUR))


async def test_what_may_still_be_added_to_is_asked_for_again(
    open_at: OpenAt, sources: FakeSources, desk: Desk
) -> None:
    chain = open_at("blockchain")
    (series,) = chain.series(["hash-rate"])
    window = Window(since=NOW - 30 * DAY, until=NOW)
    first = await crawl(chain, series, window, desk)
    again = await crawl(chain, series, window, desk)
    assert (first.rows, again.rows) == (29, 0)
    # three days, of which the last is not over
    assert [each.query["start"] for each in sources.asked] == ["2024-02-05", "2024-03-02"]
    corrected = {"status": "ok", "values": [{"x": (NOW // DAY - 2) * 86_400, "y": 5.0}]}
    sources.overrides["/charts/hash-rate"] = json.dumps(corrected).encode()
    later = await crawl(chain, series, window, desk)
    assert (later.rows, later.corrections) == (1, 1)


async def test_vintages_asked_for_again_and_again_stay_as_they_were_told(
    open_at: OpenAt, sources: FakeSources, desk: Desk, tmp_path: Path, clock: SimulatedClock
) -> None:
    fred = open_at("fred")
    (series,) = fred.series(["DFF"])
    await crawl(fred, series, _DAYS, desk)
    before = _rows(tmp_path)
    clock.advance_to(clock.now() + HOUR)
    added = await crawl(fred, series, _DAYS, desk, is_live=True)
    assert added.rows == 0
    assert _rows(tmp_path) == before


async def test_source_that_is_too_slow_is_given_up_and_asked_again(
    sources: FakeSources, desk: Desk, clock: SimulatedClock
) -> None:
    fear = FearGreed(Http("fear_greed", 100.0, clock, timeout_s=0.15), sources.address)
    sources.fail([Fault.SLOW])
    added = await crawl(fear, Series(name="index"), _DAYS, desk)
    sources.fail([Fault.SLOW] * 6)
    with pytest.raises(Transient, match=r"no answer in 0\.15 s from http://127"):
        await crawl(fear, Series(name="index"), _DAYS, desk)
    await fear.close()
    assert added.rows == 40


async def test_source_that_goes_in_circles_is_stopped(desk: Desk, open_at: OpenAt) -> None:
    polygon = open_at("polygon")

    class Circling:
        terms = polygon.terms
        series = polygon.series
        start = polygon.start
        fetch = polygon.fetch
        describe = polygon.describe
        recall = polygon.recall
        close = polygon.close

        async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
            return Parsed(rows=[], next="5" if cursor != "5" else "6" if cursor != "6" else "5")

    (series,) = polygon.series(["AAPL"])
    with pytest.raises(Transient, match="tells to go on at '5' again"):
        await asyncio.wait_for(crawl(Circling(), series, _DAYS, desk), 20)
