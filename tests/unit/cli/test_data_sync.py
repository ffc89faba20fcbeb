"""``tutti data sync``, ``list`` and ``check``, as a person would call them."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tutti.kernel.clock import parse_instant
from tutti.testing.sources import FakeSources, Fault, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti

_NOW = parse_instant("2024-03-05T12:30")


@pytest.fixture
def sources() -> Iterator[FakeSources]:
    """Serve made-up sources from another thread: the command has a loop of its own."""
    ready, done = threading.Event(), threading.Event()
    served: list[FakeSources] = []

    async def run() -> None:
        async with serve(_NOW) as fake:
            served.append(fake)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(10)
    yield served[0]
    done.set()
    thread.join(10)


def test_sync_stores_what_backtests_read_and_list_shows_it(
    tutti: Tutti, sources: FakeSources, tmp_path: Path
) -> None:
    period = ("--since", "2024-01-01", "--until", "2024-03-01", "--url", sources.address)
    answer = tutti("data", "sync", "yfinance", "--symbols", "aapl", "msft", *period)
    assert answer.code == 0, answer.err
    assert "AAPL 1d: 60 rows added" in answer.out
    assert "yfinance, 2024-01-01T00:00 to 2024-03-01T00:00: 120 added" in answer.out
    again = tutti("data", "sync", "yfinance", "--symbols", "AAPL,MSFT", *period)
    assert "yfinance, 2024-01-01T00:00 to 2024-03-01T00:00: 0 added" in again.out
    listed = tutti("data", "list", "data", "--json")
    rows = json.loads(listed.out)["stored"]
    assert [(each["source"], each["symbol"], each["rows"]) for each in rows] == [
        ("yahoo", "AAPL 1d", 60),
        ("yahoo", "MSFT 1d", 60),
    ]
    assert "AAPL 1d" in tutti("data", "list").out
    (tmp_path / "t.yaml").write_text("agents: []\npolicy: {name: ema_cross, fast: 5, slow: 20}\n")
    run = tutti("backtest", "--bars", "data/ohlcv", "--config", "t.yaml", "--json")
    assert run.code == 0, run.err


def test_sync_says_in_one_line_what_failed(tutti: Tutti, sources: FakeSources) -> None:
    sources.fail([Fault.MISSING])
    answer = tutti("data", "sync", "fear_greed", "--url", sources.address)
    assert answer.code == 1
    assert answer.err.splitlines()[-1].startswith("fear_greed: answered 404 Not Found at http://")
    assert "1 without an answer" in answer.out
    as_json = json.loads(
        tutti("data", "sync", "fear_greed", "--url", sources.address, "--json").out
    )
    assert (as_json["source"], as_json["failures"]) == ("fear_greed", {})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "no source is called 'nowhere'"),
        (["fred"], "fred: needs a key; set TUTTI_FRED_API_KEY"),
        (["rss"], "rss: say what of it with --symbols"),
        (["fear_greed", "--since", "soon"], "--since must be a date"),
        (["polygon", "--timeframe", "x"], "timeframe 'x' is not understood"),
    ],
)
def test_sync_that_can_not_begin_is_a_line_and_exit_code_2(
    tutti: Tutti, arguments: list[str], said: str
) -> None:
    answer = tutti("data", "sync", *arguments)
    assert answer.code == 2
    assert answer.err.startswith(said)
    assert answer.err.count("\n") == 1


def test_kept_answers_are_read_again_with_nobody_there(
    tutti: Tutti, sources: FakeSources, tmp_path: Path
) -> None:
    tutti("data", "sync", "fear_greed", "--url", sources.address)
    for each in tmp_path.rglob("*.parquet"):
        each.unlink()
    answer = tutti("data", "sync", "fear_greed", "--from-raw", "--url", "http://127.0.0.1:9")
    assert answer.code == 0
    assert "added" in answer.out
    assert list(tmp_path.rglob("*.parquet"))


def test_watch_goes_on_until_it_is_interrupted(sources: FakeSources, tmp_path: Path) -> None:
    sources.fail([Fault.DOWN])
    # a job in the background of a shell is told to ignore interrupts
    heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heeds}; from tutti.cli.main import main; main()"
    arguments = ("data", "sync", "yahoo_news", "--symbols", "AAPL", "--url", sources.address)
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments, "--since", "2024-01-01", "--watch",
         "--every", "1"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "AAPL: 20 rows added\n"
    assert process.stdout.readline().startswith("yahoo_news, 2024-01-01T00:00 to ")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "answered 503" in err
    assert "asks again" in err
    assert "Traceback" not in err


def test_texts_and_readings_are_checked_beside_bars(
    tutti: Tutti, sources: FakeSources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTTI_ALPHA_VANTAGE_API_KEY", "a-key")
    period = ("--since", "2024-02-01", "--until", "2024-03-01", "--url", sources.address)
    for name in (
        ("fear_greed",),
        ("alpha_vantage", "--symbols", "BTC=CRYPTO:BTC"),
        ("yfinance", "--symbols", "A"),
    ):
        assert tutti("data", "sync", *name, *period).code == 0
    found = json.loads(tutti("data", "check", "data", "--json").out)
    assert found["verdict"] == "good"
    assert [(each["kind"], each["rows"]) for each in found["tables"]] == [
        ("readings", 29),
        ("texts", 1128),
    ]
    assert len(found["files"]) == 1
    loose = tmp_path / "loose"
    loose.mkdir()
    (loose / "news.csv").write_text("date,title\n2024-03-01,a\n2024-03-02,b\n")
    (loose / "other.csv").write_text("a,b\n1,2\n")
    answer = tutti("data", "check", "loose")
    assert answer.code == 0
    assert "news.csv: 2 texts, 2024-03-01 to 2024-03-02" in answer.out
    assert "day_stamps" in answer.out
    assert "1 hold no bars and were passed over" in answer.out


def test_sources_are_shown_with_what_they_tell(tutti: Tutti) -> None:
    told = json.loads(tutti("data", "sources", "--json").out)["sources"]
    assert {"source": "fred", "tells": "readings"}.items() <= {
        each["source"]: each for each in told
    }["fred"].items()
    assert tutti("data", "list", "--json").out.strip().endswith('"stored": []}')
    assert "nothing is stored in data yet" in tutti("data", "list").out
