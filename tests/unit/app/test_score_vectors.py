"""Score vectors of stored texts, computed ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from tutti.adapters.stores.point_in_time import open_readings, open_texts
from tutti.agents.text.embedding import HashedEmbedder
from tutti.agents.text.lexicon.scorer import LexiconScorer
from tutti.agents.text.score_vector import NAMES
from tutti.app.score_vectors import Wanted, nearest_texts, score_vectors, write_score_vectors
from tutti.kernel.clock import DAY, HOUR, MINUTE
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.agents.text.port import Sentiments

_START = 1_704_067_200_000_000_000
_BTC = InstrumentId("BTC-USDT-PERP", "SIM")
_LINES = (
    (0, "BTC", "Bitcoin soars to a record high as inflows into funds surge"),
    (5, "BTC", "Bitcoin soars to a record high as inflows into funds surge"),
    (20, "ETH", "Ether plunges after an exchange is hacked and coins are stolen"),
    (40, "", "Central bank warns of a recession and of losses at banks"),
    (90, "BTC", "Exchange halts withdrawals of bitcoin after it is hacked"),
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    at = [_START + minute * MINUTE for minute, _, _ in _LINES]
    path = tmp_path / "news.parquet"
    pl.DataFrame(
        {
            "ts": pl.Series(at).cast(pl.Datetime("ns", "UTC")),
            "known_at": pl.Series(at).cast(pl.Datetime("ns", "UTC")),
            "symbol": [symbol for _, symbol, _ in _LINES],
            "title": [title for _, _, title in _LINES],
            "source": ["wire", "agency", "wire", "wire", "wire"],
        }
    ).write_parquet(path)
    return str(path)


async def test_score_vectors_are_known_when_they_were_computed(file: str) -> None:
    texts = open_texts([file])
    rows = await score_vectors(
        texts, texts.symbols, LexiconScorer(), HashedEmbedder(), until=_START + DAY
    )
    of_btc = rows.filter(symbol="BTC", name="sentiment").sort("ts")
    assert of_btc["ts"].to_list() == [_START, _START + 90 * MINUTE]
    assert (rows["known_at"] == rows["ts"]).all()
    first, second = of_btc["value"].to_list()
    assert first > 0.5 > second
    assert rows.filter(symbol="ETH", name="sentiment")["value"].item() < -0.5
    assert rows.filter(symbol="", name="sentiment")["value"].item() < 0
    volume = rows.filter(symbol="BTC", name="sentiment_volume_stories").sort("ts")["value"]
    assert volume[0] == pytest.approx(1.0)


async def test_score_vectors_of_a_cut_are_the_beginning_of_the_whole(file: str) -> None:
    texts = open_texts([file])
    whole, cut = [
        await score_vectors(texts, ("BTC",), LexiconScorer(), HashedEmbedder(), until=until)
        for until in (_START + DAY, _START + HOUR)
    ]
    assert cut.equals(whole.filter(pl.col("ts") <= _START + HOUR))


async def test_score_vectors_written_are_readings_for_agents(file: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    wanted = Wanted(files=(file,), out=tmp_path / "data", keeps_embeddings=True)
    done = await write_score_vectors(
        wanted, LexiconScorer(), lambda at, total, _: told.append((at, total))
    )
    assert (done.n_texts, done.n_symbols, done.n_vectors) == (5, 3, 4)
    assert done.n_embeddings == 5
    assert told == [(1, 3), (2, 3), (3, 3)]
    readings = open_readings([str(tmp_path / "data" / "readings")])
    assert readings.readings(_BTC, _START - 1, ["sentiment"]) == ()
    found = readings.readings(_BTC, _START + HOUR, ["sentiment"])
    own = [each for each in found if each.instrument == _BTC]
    assert {each.name for each in own} == set(NAMES.values())
    assert {each.known_at for each in own} == {_START}
    again = await write_score_vectors(wanted, LexiconScorer())
    assert (again.added.rows, again.n_embeddings) == (0, 0)


async def test_score_vectors_of_texts_without_a_time_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "undated.csv"
    path.write_text("text,label\nprofit rose,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="no text with a time"):
        await write_score_vectors(Wanted(files=(str(path),), out=tmp_path), LexiconScorer())


@pytest.mark.data
async def test_score_vectors_of_recorded_posts_do_not_know_the_future(market_data: Path) -> None:
    texts = open_texts([market_data / "text" / "tweets_stocks.parquet"])
    cut = 1_420_070_400_000_000_000  # 2015-01-01
    scorer, embedder = LexiconScorer(), HashedEmbedder()
    whole = await score_vectors(texts, ("BA", "XOM"), scorer, embedder, until=cut + 100 * DAY)
    part = await score_vectors(texts, ("BA", "XOM"), scorer, embedder, until=cut)
    assert len(part) > 1000
    known = pl.col("known_at") < cut
    assert part.filter(known).equals(whole.filter(known))
    of = whole.filter(name="sentiment")["value"].to_numpy()
    assert -1.0 <= of.min() < -0.5 < 0.5 < of.max() <= 1.0


async def test_texts_are_found_by_their_vectors(file: str, tmp_path: Path) -> None:
    out = tmp_path / "data"
    with pytest.raises(ConfigError, match="no vectors are kept"):
        nearest_texts(out, "hacked", until=None, k=1)
    await write_score_vectors(
        Wanted(files=(file,), out=out, keeps_embeddings=True), LexiconScorer()
    )
    (near,) = nearest_texts(out, "exchange hacked", until=None, k=1)
    assert near.symbol in {"BTC", "ETH"}
    assert nearest_texts(out, "exchange hacked", until=_START, k=9, symbol="ETH") == ()


async def test_score_vectors_of_a_symbol_without_texts_are_refused(
    file: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="no text about SOL"):
        await write_score_vectors(
            Wanted(files=(file,), out=tmp_path, symbols=("SOL",)), LexiconScorer()
        )


async def test_score_vectors_computed_anew_take_the_place_of_the_earlier(
    file: str, tmp_path: Path
) -> None:
    wanted = Wanted(files=(file,), out=tmp_path / "store")
    await write_score_vectors(wanted, LexiconScorer())
    before = _sentiment(tmp_path)
    again = await write_score_vectors(wanted, LexiconScorer())
    assert (again.added.rows, again.added.corrections) == (0, 0)
    more = pl.read_parquet(file)
    more = more.with_columns(title=pl.lit("Bitcoin plunges after fraud, hack and heavy losses"))
    more.filter(symbol="BTC").head(1).write_parquet(tmp_path / "backfilled.parquet")
    both = Wanted(files=(file, str(tmp_path / "backfilled.parquet")), out=tmp_path / "store")
    anew = await write_score_vectors(both, LexiconScorer())
    assert anew.added.rows == 0
    assert anew.added.corrections > 0
    assert _sentiment(tmp_path) < before


def _sentiment(folder: Path) -> float:
    found = open_readings([folder / "store" / "readings"]).readings(_BTC, _START)
    (value,) = (each.value for each in found if each.name == NAMES["sentiment"])
    return value


async def test_text_that_was_worded_anew_was_known_before_as_it_was_then(tmp_path: Path) -> None:
    stamps = [_START, _START + 3 * HOUR, _START + HOUR]
    path = tmp_path / "news.parquet"
    pl.DataFrame(
        {
            "ts": pl.Series([_START, _START, _START + HOUR]).cast(pl.Datetime("ns", "UTC")),
            "known_at": pl.Series(stamps).cast(pl.Datetime("ns", "UTC")),
            "symbol": ["BTC"] * 3,
            "id": ["a", "a", "b"],
            "title": [
                "Bitcoin soars to a record high as inflows surge",
                "Correction: bitcoin plunges after exchange is hacked and coins are stolen",
                "Bitcoin gains as demand is strong",
            ],
            "source": ["wire"] * 3,
        }
    ).write_parquet(path)
    texts = open_texts([path])
    whole, cut = [
        await score_vectors(texts, ("BTC",), LexiconScorer(), HashedEmbedder(), until=until)
        for until in (2**63 - 1, _START + 2 * HOUR)
    ]
    of_btc = whole.filter(name="sentiment").sort("ts")
    assert of_btc["ts"].to_list() == [_START, _START + HOUR, _START + 3 * HOUR]
    assert whole.filter(pl.col("known_at") <= _START + 2 * HOUR).equals(cut)


class _Together(LexiconScorer):
    """Notes which texts were judged side by side, as a language model does."""

    models = ("local:m",)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, list[str]]] = []

    async def score(
        self, texts: Sequence[str], targets: Sequence[str] = (), *, as_of: int = 0
    ) -> Sentiments:
        self.asked.append((as_of, list(texts)))
        return await super().score(texts, targets, as_of=as_of)


async def test_language_model_does_not_judge_a_text_beside_a_later_one(file: str) -> None:
    scorer = _Together()
    await score_vectors(open_texts([file]), ("BTC",), scorer, HashedEmbedder(), until=2**63 - 1)
    soars, hacked = _LINES[0][2], _LINES[4][2]
    assert scorer.asked == [
        (_START, [soars]),
        (_START + 15 * MINUTE, [soars]),
        (_START + 90 * MINUTE, [hacked]),
    ]
