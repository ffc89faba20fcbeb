"""What stored texts say together, computed ahead: readings for agents, and vectors to be searched."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from tutti.adapters.stores.point_in_time import open_texts
from tutti.adapters.stores.point_in_time.writing import READING_ROWS, Added, PointInTimeStore
from tutti.adapters.stores.vectors import FolderOfVectors
from tutti.agents.text.embedding import HashedEmbedder
from tutti.agents.text.port import EmbeddedText
from tutti.agents.text.score_vector import KIND, NAMES, SOURCE, source_of
from tutti.agents.text.synthesis import over_time, scored_texts
from tutti.kernel.clock import MINUTE
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tutti.adapters.stores.point_in_time import StoredTexts
    from tutti.agents.text.port import Embedder, Near, SentimentScorer, VectorStore
    from tutti.agents.text.score_vector import ScoreVector
    from tutti.agents.text.synthesis import ScoredText
    from tutti.model.market import TextEvent

    Progress = Callable[[int, int, str], None]

EVERY: Final = 15 * MINUTE
"""How often a score vector is due, nanoseconds."""
EMBEDDINGS: Final = "embeddings"
"""Folder of the texts' vectors, in the folder of a store."""

_EVER = 2**63 - 1
_BEFORE = -(2**62)
_ANYWHERE = "TEXT"
_KEPT = 300  # characters of each text


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be computed.

    Parameters
    ----------
    files : tuple of str
        Files of texts, folders or patterns.
    out : Path
        Folder of a store, as `tutti data sync` keeps it.
    symbols : tuple of str
        Empty for all in the files.
    every : int
        Nanoseconds between instants at which a vector is due.
    """

    files: tuple[str, ...]
    out: Path
    symbols: tuple[str, ...] = ()
    every: int = EVERY
    keeps_embeddings: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was computed, and how much of it was new to the store."""

    n_texts: int
    n_symbols: int
    n_vectors: int
    n_embeddings: int
    added: Added


async def write_score_vectors(
    wanted: Wanted, scorer: SentimentScorer, report: Progress | None = None
) -> Written:
    """Compute score vectors of files of texts, and keep them as readings.

    Raises
    ------
    ConfigError, DataError
        If the files can't be used, or there is no text about a symbol.
    AgentError
        If the scorer can't answer.
    """
    texts = open_texts(list(wanted.files))
    if not len(texts):
        raise DataError(f"{', '.join(wanted.files)}: no text with a time; a column ts is needed")
    symbols = wanted.symbols or texts.symbols
    for symbol in symbols:
        if symbol not in texts.symbols:
            raise ConfigError(
                f"there is no text about {symbol}; there are {', '.join(texts.symbols)}"
            )
    embedder = HashedEmbedder()
    store = _vectors(wanted.out, embedder) if wanted.keeps_embeddings else None
    before = 0 if store is None else len(store)
    rows = await score_vectors(
        texts, symbols, scorer, embedder, until=_EVER, every=wanted.every, store=store,
        report=report,
    )  # fmt: skip
    return Written(
        n_texts=sum(len(_about(texts, symbol, _EVER)) for symbol in symbols),
        n_symbols=len(symbols),
        n_vectors=len(rows) // len(NAMES),
        n_embeddings=0 if store is None else len(store) - before,
        added=PointInTimeStore(wanted.out).add_readings(SOURCE, rows, is_computed=True),
    )


def nearest_texts(
    folder: Path, text: str, *, until: int | None, k: int, symbol: str | None = None
) -> tuple[Near, ...]:
    """Return the kept texts that are most like one; nothing that was known after ``until``.

    Raises
    ------
    ConfigError
        If no vectors are kept in the folder of the store.
    """
    embedder = HashedEmbedder()
    store = _vectors(folder, embedder)
    if not len(store):
        raise ConfigError(
            f"{folder}: no vectors are kept there; write some with tutti sentiment vectors "
            "--embeddings"
        )
    (vector,) = embedder.embed([text])
    return store.nearest(vector, _EVER if until is None else until, k, symbol)


async def score_vectors(  # noqa: PLR0913 - what it needs
    texts: StoredTexts,
    symbols: Sequence[str],
    scorer: SentimentScorer,
    embedder: Embedder,
    *,
    until: int,
    every: int = EVERY,
    store: VectorStore | None = None,
    report: Progress | None = None,
) -> pl.DataFrame:
    """Return the score vectors of symbols over time, as rows of readings.

    Parameters
    ----------
    symbols : sequence of str
        As ``BTC``; empty text is the market as a whole.
    until : int
        Nothing that became known later is read, ns UTC.
    every : int
        Nanoseconds between instants at which a vector is due.
    store : VectorStore, optional
        Keeps the texts' vectors.
    report : callable, optional
        Is told how many symbols are done, and of how many.

    Raises
    ------
    AgentError
        If the scorer can't answer.
    """
    parts = []
    for done, symbol in enumerate(symbols):
        scored = await _scored(_about(texts, symbol, until), symbol, scorer, embedder, every)
        if store is not None and scored:
            _keep(store, symbol, scored)
        parts.append(_rows(symbol, source_of(scorer.models), over_time(scored, every)))
        if report is not None:
            report(done + 1, len(symbols), "symbols")
    return pl.concat(parts) if parts else pl.DataFrame(schema=READING_ROWS)


async def _scored(
    found: Sequence[TextEvent], symbol: str, scorer: SentimentScorer, embedder: Embedder, every: int
) -> list[ScoredText]:
    # a language model sees several texts at once: those only that are in one vector first
    parts = [list(found)] if not scorer.models else _by_instant(found, every)
    scored: list[ScoredText] = []
    for part in parts:
        due = _due(part[-1], every) if part else 0
        scored += await scored_texts(part, scorer, embedder, target=symbol, as_of=due)
    return scored


def _by_instant(found: Sequence[TextEvent], every: int) -> list[list[TextEvent]]:
    return [list(part) for _, part in groupby(found, lambda event: _due(event, every))]


def _due(event: TextEvent, every: int) -> int:
    return -(-event.known_at // every) * every


def _about(texts: StoredTexts, symbol: str, until: int) -> list[TextEvent]:
    # oldest first; those about the market as a whole are a matter of their own
    about = InstrumentId(symbol or _ANYWHERE, _ANYWHERE)
    return [
        event
        for event in texts.wordings(about, _BEFORE, until)[::-1]
        if bool(event.instruments) == bool(symbol)
    ]


def _vectors(folder: Path, embedder: HashedEmbedder) -> FolderOfVectors:
    return FolderOfVectors(
        folder / EMBEDDINGS, embedder=embedder.name, dimensions=embedder.dimensions
    )


def _keep(store: VectorStore, symbol: str, scored: Sequence[ScoredText]) -> None:
    store.add(
        [
            EmbeddedText(
                id=f"{symbol}:{each.event.id}",
                symbol=symbol,
                known_at=each.event.known_at,
                text=each.wording[:_KEPT],
                vector=each.vector,
            )
            for each in scored
        ]
    )


def _rows(symbol: str, source: str, vectors: Iterable[ScoreVector]) -> pl.DataFrame:
    found = list(vectors)
    at = [each.as_of for each in found]
    return pl.concat(
        [
            pl.DataFrame(
                {
                    "symbol": [symbol] * len(found),
                    "kind": [KIND] * len(found),
                    "source": [source] * len(found),
                    "name": [name] * len(found),
                    "value": [getattr(each, field) for each in found],
                    "ts": at,
                    "known_at": at,
                    "published_at": at,
                    "received_at": at,
                },
                schema={key: READING_ROWS[key] for key in _ORDER},
            ).select(*READING_ROWS)
            for field, name in NAMES.items()
        ]
    )


_ORDER = (
    "symbol", "kind", "source", "name", "value", "ts", "known_at", "published_at", "received_at",
)  # fmt: skip
