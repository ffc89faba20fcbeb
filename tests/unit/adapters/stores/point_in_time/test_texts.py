"""Texts as of any instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tutti.adapters.feeds.findings import Code, Severity
from tutti.adapters.stores.point_in_time import StoredTexts, open_texts
from tutti.kernel.clock import DAY, HOUR, MINUTE, parse_instant
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from pathlib import Path

_BTC = InstrumentId.parse("BTC-USDT-PERP.BINANCE_USDM")
_AAPL = InstrumentId.parse("AAPL.POLYGON")
_NOON = parse_instant("2024-03-01T12:00")
_LATER = _NOON + 1000 * DAY


def _written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_parquet(path)
    return path


def _row(minutes: float, title: str, **more: Any) -> dict[str, Any]:
    return {
        "ts": _NOON + round(minutes * MINUTE), "symbol": "BTC", "source": "wire", "title": title,
        **more,
    }  # fmt: skip


def _titles(
    texts: StoredTexts, until: int, instrument: InstrumentId = _BTC, **more: Any
) -> list[str]:
    return [each.title for each in texts.texts(instrument, 0, until, **more)]


def test_texts_are_newest_first_and_none_is_newer_than_asked(tmp_path: Path) -> None:
    path = _written(tmp_path / "news.parquet", [_row(7, "c"), _row(1, "a"), _row(3, "b")])
    texts = open_texts([path])
    assert _titles(texts, _NOON + 3 * MINUTE) == ["b", "a"]
    assert _titles(texts, _NOON + 3 * MINUTE - 1) == ["a"]
    assert _titles(texts, _LATER) == ["c", "b", "a"]


def test_window_leaves_its_start_out_and_takes_its_end_in(tmp_path: Path) -> None:
    texts = open_texts([_written(tmp_path / "news.parquet", [_row(1, "a"), _row(2, "b")])])
    found = texts.texts(_BTC, _NOON + MINUTE, _NOON + 2 * MINUTE)
    assert [each.title for each in found] == ["b"]


def test_texts_of_one_instant_are_in_the_order_of_their_ids(tmp_path: Path) -> None:
    rows = [_row(1, name, id=name) for name in "bac"] + [_row(1, "d", id="aa", kind="social")]
    rows = [{"kind": "news", **row} for row in rows]
    texts = open_texts([_written(tmp_path / "news.parquet", rows)])
    assert [each.id for each in texts.texts(_BTC, 0, _LATER)] == ["a", "aa", "b", "c"]


def test_texts_are_found_by_the_base_of_a_symbol(tmp_path: Path) -> None:
    rows = [_row(1, "coin"), _row(2, "share", symbol="AAPL"), _row(3, "all", symbol="")]
    texts = open_texts([_written(tmp_path / "news.parquet", rows)])
    assert texts.symbols == ("", "AAPL", "BTC")
    assert len(texts) == 3
    assert _titles(texts, _LATER) == ["all", "coin"]
    assert _titles(texts, _LATER, _AAPL) == ["all", "share"]
    assert [each.instruments for each in texts.texts(_AAPL, 0, _LATER)] == [(), (_AAPL,)]


def test_texts_are_chosen_by_kind(tmp_path: Path) -> None:
    _written(tmp_path / "tweets_coins.parquet", [_row(1, "shout", source="someone")])
    _written(tmp_path / "news.parquet", [_row(2, "report"), _row(3, "post", source="Reddit")])
    texts = open_texts([tmp_path])
    assert _titles(texts, _LATER, kinds=("social",)) == ["post", "shout"]
    assert _titles(texts, _LATER, kinds=("news",)) == ["report"]
    assert _titles(texts, _LATER, kinds=("filing",)) == []


def test_same_text_twice_is_one_from_when_it_was_first_known(tmp_path: Path) -> None:
    row = _row(1, "a", id="x")
    rows = [row | {"known_at": row["ts"] + HOUR}, row | {"known_at": row["ts"] + MINUTE}]
    texts = open_texts([_written(tmp_path / "news.parquet", rows)])
    assert [each.known_at for each in texts.texts(_BTC, 0, _LATER)] == [row["ts"] + MINUTE]
    assert [each.code for each in texts.findings] == [Code.REPEATED_TEXT]


def test_corrected_text_is_read_as_it_was_known_then(tmp_path: Path) -> None:
    first = _row(1, "Rate cut", id="x")
    rows = [
        first | {"known_at": first["ts"]},
        first | {"known_at": first["ts"] + HOUR, "title": "No rate cut"},
        first | {"known_at": first["ts"] + 2 * HOUR, "title": "Rate cut"},
    ]
    texts = open_texts([_written(tmp_path / "news.parquet", rows)])
    assert _titles(texts, first["ts"] + HOUR - 1) == ["Rate cut"]
    assert _titles(texts, first["ts"] + HOUR) == ["No rate cut"]
    assert _titles(texts, first["ts"] + 2 * HOUR) == ["Rate cut"]


def test_ids_are_the_same_whenever_and_wherever_a_text_is_read(tmp_path: Path) -> None:
    one = open_texts([_written(tmp_path / "a.parquet", [_row(1, "x"), _row(2, "y")])])
    two = open_texts([_written(tmp_path / "b.parquet", [_row(2, "y"), _row(1, "x")])])
    assert [e.id for e in one.texts(_BTC, 0, _LATER)] == [e.id for e in two.texts(_BTC, 0, _LATER)]
    assert len({each.id for each in one.texts(_BTC, 0, _LATER)}) == 2


def test_day_stamps_are_known_a_day_later_and_said_to_be_doubtful(tmp_path: Path) -> None:
    midnight = parse_instant("2024-03-01")
    rows = [_row(0, "a", symbol="BTC") | {"ts": midnight + day * DAY} for day in range(3)]
    texts = open_texts([_written(tmp_path / "news.parquet", rows)])
    assert _titles(texts, midnight + DAY - 1) == []
    assert _titles(texts, midnight + DAY) == ["a"]
    (finding,) = texts.findings
    assert finding.code is Code.DAY_STAMPS
    assert finding.severity is Severity.DOUBTFUL
    assert "news.parquet.yaml" in finding.message


@pytest.mark.parametrize(
    ("sidecar", "lag", "wait"),
    [
        pytest.param("lag: 2h", None, 2 * HOUR, id="sidecar"),
        pytest.param("lag: 2h", "5h", 2 * HOUR, id="sidecar before option"),
        pytest.param("", "5h", 5 * HOUR, id="option"),
        pytest.param("lag: none", None, 0, id="at once"),
    ],
)
def test_lag_is_what_somebody_says(
    tmp_path: Path, sidecar: str, lag: str | None, wait: int
) -> None:
    path = _written(tmp_path / "news.parquet", [_row(1, "a") | {"ts": parse_instant("2024-03-01")}])
    (tmp_path / "news.parquet.yaml").write_text(sidecar)
    texts = open_texts([path], lag=lag)
    assert [e.known_at for e in texts.texts(_BTC, 0, _LATER)] == [
        parse_instant("2024-03-01") + wait
    ]
    assert not texts.findings


def test_sidecar_says_kind_source_symbol_and_column(tmp_path: Path) -> None:
    rows = [{"when": _NOON, "ts": 5, "headline": "a", "symbol": "SPX"}]
    path = _written(tmp_path / "news.parquet", rows)
    (tmp_path / "news.parquet.yaml").write_text(
        "{kind: filing, source: sec, symbol: AAPL, ts: when}"
    )
    (text,) = open_texts([path]).texts(_AAPL, 0, _LATER)
    assert (text.kind, text.source, text.title, text.known_at) == ("filing", "sec", "a", _NOON)


@pytest.mark.parametrize(
    ("sidecar", "said"),
    [
        ("delay: 1d", r"news.parquet.yaml: delay: .*there are lag, kind"),
        ("lag: later", r"news.parquet.yaml: lag 'later' is not understood"),
        ("lag: [", r"news.parquet.yaml: can't be read as YAML"),
    ],
)
def test_wrong_sidecar_is_refused(tmp_path: Path, sidecar: str, said: str) -> None:
    path = _written(tmp_path / "news.parquet", [_row(1, "a")])
    (tmp_path / "news.parquet.yaml").write_text(sidecar)
    with pytest.raises(ConfigError, match=said):
        open_texts([path])


def test_known_at_is_taken_as_it_is_and_too_early_is_a_finding(tmp_path: Path) -> None:
    rows = [_row(5, "a", known_at=_NOON), _row(6, "b", known_at=_NOON + HOUR)]
    texts = open_texts([_written(tmp_path / "news.parquet", rows)])
    assert _titles(texts, _NOON) == ["a"]
    (finding,) = texts.findings
    assert (finding.code, finding.severity, finding.count) == (
        Code.KNOWN_TOO_EARLY,
        Severity.IMPOSSIBLE,
        1,
    )


def test_file_with_known_at_alone_needs_no_other_stamp(tmp_path: Path) -> None:
    path = _written(tmp_path / "news.parquet", [{"known_at": _NOON, "title": "a", "symbol": ""}])
    assert _titles(open_texts([path]), _NOON) == ["a"]


def test_rows_without_time_or_words_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [_row(1, "a"), _row(2, ""), _row(3, "c") | {"ts": None}]
    texts = open_texts([_written(tmp_path / "news.parquet", rows)])
    assert _titles(texts, _LATER) == ["a"]
    assert [(each.code, each.count) for each in texts.findings] == [(Code.ROWS_LEFT_OUT, 2)]


def test_other_tables_are_passed_over_as_findings(tmp_path: Path) -> None:
    _written(tmp_path / "counts.parquet", [{"ts": _NOON, "positive": 3}])
    _written(tmp_path / "labels.parquet", [{"text": "profit rose", "label": "positive"}])
    texts = open_texts([tmp_path])
    assert not len(texts)
    assert [each.code for each in texts.findings] == [Code.OTHER_TABLE, Code.OTHER_TABLE]
    assert not texts.files


def test_file_that_is_broken_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "news.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"news.parquet: can't be read .*; write it again"):
        open_texts([tmp_path / "news.parquet"])


def test_csv_is_read_like_parquet(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("date,ticker,headline,body\n2024-03-01T12:00:00Z,btc-usd,a,b\n")
    (text,) = open_texts([path]).texts(_BTC, 0, _LATER)
    assert (text.known_at, text.title, text.text) == (_NOON, "a", "b")


def test_files_read_are_recorded_with_their_hash(tmp_path: Path) -> None:
    path = _written(tmp_path / "news.parquet", [_row(1, "a")])
    (file,) = open_texts([path]).files
    assert (file.path, file.rows, len(file.sha256)) == (str(path), 1, 64)


def test_no_paths_hold_no_texts() -> None:
    assert open_texts([]).texts(_BTC, 0, _LATER) == ()


@pytest.mark.data
def test_recorded_news_of_a_day_is_known_the_next_day(market_data: Path) -> None:
    texts = open_texts([market_data / "text" / "news_crypto_2023.parquet"])
    stamps = pl.read_parquet(market_data / "text" / "news_crypto_2023.parquet")
    first = int(stamps.get_column("ts").min().timestamp()) * 10**9  # type: ignore[union-attr]
    assert not texts.texts(_BTC, 0, first + DAY - 1)
    assert texts.texts(_BTC, 0, first + DAY)


def test_text_under_anothers_id_does_not_replace_it(tmp_path: Path) -> None:
    rows = [_row(1, "told", id="7"), _row(2, "forged", id="7", source="other")]
    texts = open_texts([_written(tmp_path / "news.parquet", rows)])
    assert _titles(texts, _LATER) == ["forged", "told"]


def test_wordings_are_those_that_stood_and_those_that_stand(tmp_path: Path) -> None:
    rows = [_row(1, "told", id="7"), _row(2, "other"), _row(3, "corrected", id="7")]
    texts = open_texts([_written(tmp_path / "news.parquet", rows)])
    assert _titles(texts, _LATER) == ["corrected", "other"]
    for until in (_LATER, 2**63 - 1):
        found = texts.wordings(_BTC, 0, until)
        assert [each.title for each in found] == ["corrected", "other", "told"]
    assert [each.title for each in texts.wordings(_BTC, 0, _NOON + MINUTE)] == ["told"]
