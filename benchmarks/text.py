"""Measure sentiment on labelled text, what texts cost to put together, and how quick memory is.

    python benchmarks/text.py [--data ../shared/data/text] [--only sentiment vectors memory]

Times are CPU time of this process. Sentiment is held against VADER and the majority class on the
rows that nothing was chosen on (the odd ones). Prints rows of ``{name, value, unit, bar, ok}``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tutti.adapters.stores.point_in_time import open_texts
from tutti.adapters.stores.vectors import FolderOfVectors
from tutti.agents.memory.past import PastSituations
from tutti.agents.text.embedding import HashedEmbedder
from tutti.app.score_vectors import score_vectors
from tutti.app.scorers import local_scorer
from tutti.app.sentiment import evaluate, read_labelled
from tutti.kernel.clock import HOUR
from tutti.model.instrument import InstrumentId
from tutti.model.market import Situation

ROOT = Path(__file__).resolve().parent.parent
SETS = ("phrasebank", "fiqa_posts", "semeval_headlines")
US_A_TEXT, MS_A_SEARCH, SITUATIONS, FEATURES = 50.0, 5.0, 100_000, 30


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    groups = ("sentiment", "vectors", "memory")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "text")
    parser.add_argument("--only", nargs="+", choices=groups, default=groups)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if "sentiment" in options.only:
        rows += asyncio.run(sentiment(options.data))
    if "vectors" in options.only:
        rows += asyncio.run(vectors(options.data))
    if "memory" in options.only:
        rows += memory()
    for row in rows:
        print(json.dumps(row))
    if options.out:
        options.out.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


async def sentiment(data: Path) -> list[dict[str, Any]]:
    """Return macro F1 of the lexicon beside the better of VADER and the majority, and its cost."""
    rows = []
    scorer = local_scorer("lexicon")
    for name in SETS:
        held_out = read_labelled(data / f"sentiment_{name}.parquet", start=1, step=2)
        done = await evaluate(scorer, held_out, time.process_time)
        assert done.vader is not None
        bar = max(done.vader.macro_f1, done.quality.majority_macro_f1)
        rows.append(
            _row(f"sentiment {name}, macro F1", done.quality.macro_f1, "", bar, more_is_better=True)
        )
        rows.append(_row(f"sentiment {name}, CPU a text", done.us_per_text, "us", US_A_TEXT))
    return rows


async def vectors(data: Path) -> list[dict[str, Any]]:
    """Return what a text costs on its way into score vectors, and whether they come out the same."""
    texts = open_texts([data / "tweets_stocks.parquet"])
    seconds, found = [], []
    for _ in range(2):
        started = time.process_time()
        made = await score_vectors(
            texts, texts.symbols, local_scorer("lexicon"), HashedEmbedder(), until=2**62
        )
        seconds.append(time.process_time() - started)
        found.append(made)
    us = 1e6 * min(seconds) / len(texts)
    same = float(found[0].equals(found[1]))
    return [
        _row(f"score vectors of {len(texts)} posts, CPU a text", us, "us", None),
        _row("score vectors made twice are equal", same, "", 1.0, more_is_better=True),
    ]


def memory() -> list[dict[str, Any]]:
    """Return what a search for past situations costs, and one for vectors of texts."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(SITUATIONS, FEATURES))
    names = [f"f{k}" for k in range(FEATURES)]
    about = InstrumentId("BTC-USDT", "SIM")
    past = PastSituations(
        Situation(
            instrument=about, as_of=k * HOUR, features=dict(zip(names, row, strict=True)),
            bias=None, confidence=None, decision="", outcome=0.0, known_at=(k + 24) * HOUR,
        )
        for k, row in enumerate(table.tolist())
    )  # fmt: skip
    asked = dict(zip(names, table[7].tolist(), strict=True))
    took = _milliseconds(lambda: past.nearest(about, asked, 2**62, 5))
    return [
        _row(f"memory, nearest of {SITUATIONS} situations", took, "ms", MS_A_SEARCH),
        _row("vectors, nearest of 50000 of 384", _vector_search(rng), "ms", None),
    ]


def _vector_search(rng: np.random.Generator) -> float:
    import tempfile

    from tutti.agents.text.port import EmbeddedText

    vectors_ = rng.normal(size=(50_000, 384)).astype(np.float32)
    vectors_ /= np.linalg.norm(vectors_, axis=1)[:, None]
    with tempfile.TemporaryDirectory() as folder:
        store = FolderOfVectors(Path(folder), embedder="test", dimensions=384)
        store.add([EmbeddedText(str(k), "", k, "", each) for k, each in enumerate(vectors_)])
        return _milliseconds(lambda: store.nearest(vectors_[7], 2**62, 10))


def _milliseconds(search: Any, times: int = 20) -> float:
    search()
    taken = []
    for _ in range(times):
        started = time.process_time()
        search()
        taken.append(time.process_time() - started)
    return 1e3 * float(np.median(taken))


def _row(
    name: str, value: float, unit: str, bar: float | None, *, more_is_better: bool = False
) -> dict[str, Any]:
    ok = None if bar is None else bool(value >= bar if more_is_better else value <= bar)
    return {"name": name, "value": round(value, 4), "unit": unit, "bar": bar, "ok": ok}


if __name__ == "__main__":
    sys.exit(main())
