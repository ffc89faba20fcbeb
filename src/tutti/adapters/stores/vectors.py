"""Vectors of texts in a folder of Parquet files, searched in memory by cosine.

A file for each addition, never changed; all are read when the folder is opened. A full scan of
50,000 vectors of 384 is one product of a matrix and a vector.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tutti.agents.text.port import Near, VectorStore
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.agents.text.port import EmbeddedText, VectorArray
    from tutti.model.market import IntArray

_FEW = 4
_COLUMNS = ("id", "symbol", "known_at", "text", "vector")


class FolderOfVectors(VectorStore):
    """Vectors in a folder, made when first added to.

    Parameters
    ----------
    folder : Path
    embedder : str
        Name of what made the vectors: those of two embedders can't be compared.
    dimensions : int

    Raises
    ------
    ConfigError
        If the folder holds vectors of another embedder.
    DataError
        If a file can't be read.
    """

    def __init__(self, folder: Path, *, embedder: str, dimensions: int) -> None:
        self._folder = folder
        self._embedder = embedder
        self._dimensions = dimensions
        self._ids: list[str] = []
        self._symbols: list[str] = []
        self._texts: list[str] = []
        self._known: set[str] = set()
        self._known_at: IntArray = np.empty(0, np.int64)
        self._vectors: VectorArray = np.empty((0, dimensions), np.float32)
        self._by_symbol: dict[str, IntArray] = {}
        parts = [self._read(path) for path in sorted(folder.glob("*.parquet"))]
        if parts:
            self._take(pl.concat(parts))

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, text_id: str) -> bool:
        return text_id in self._known

    def add(self, texts: Sequence[EmbeddedText]) -> int:
        """Keep texts; see the port.

        Raises
        ------
        ValueError
            If a vector has another length than the others.
        """
        new = {each.id: each for each in reversed(texts) if each.id not in self._known}
        kept = [each for each in texts if new.get(each.id) is each]
        if not kept:
            return 0
        vectors = np.stack([each.vector for each in kept])
        if vectors.shape[1] != self._dimensions:
            raise ValueError(f"vectors must be of {self._dimensions}, were of {vectors.shape[1]}")
        frame = pl.DataFrame(
            {
                "id": [each.id for each in kept],
                "symbol": [each.symbol for each in kept],
                "known_at": [each.known_at for each in kept],
                "text": [each.text for each in kept],
                "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, self._dimensions)),
            },
            schema_overrides={"known_at": pl.Int64},
        )
        self._write(frame)
        self._take(frame)
        return len(kept)

    def nearest(
        self, vector: VectorArray, until: int, k: int, symbol: str | None = None
    ) -> tuple[Near, ...]:
        """Return the texts nearest to a vector; see the port."""
        rows = np.arange(len(self)) if symbol is None else self._rows(symbol)
        rows = rows[self._known_at[rows] <= until]
        if not len(rows) or k < 1:
            return ()
        # one product with all is quicker than to pick out most of them
        few = _FEW * len(rows) < len(self)
        likeness = self._vectors[rows] @ vector if few else (self._vectors @ vector)[rows]
        count = min(k, len(rows))
        bound = np.partition(likeness, len(rows) - count)[len(rows) - count]
        best = np.flatnonzero(likeness >= bound)
        order = np.lexsort((rows[best], self._known_at[rows[best]], -likeness[best]))[:count]
        return tuple(self._near(int(rows[place]), float(likeness[place])) for place in best[order])

    def _near(self, row: int, likeness: float) -> Near:
        return Near(
            id=self._ids[row],
            symbol=self._symbols[row],
            known_at=int(self._known_at[row]),
            text=self._texts[row],
            likeness=likeness,
        )

    def _rows(self, symbol: str) -> IntArray:
        if symbol not in self._by_symbol:
            here = [row for row, each in enumerate(self._symbols) if each == symbol]
            self._by_symbol[symbol] = np.array(here, np.int64)
        return self._by_symbol[symbol]

    def _take(self, frame: pl.DataFrame) -> None:
        frame = frame.unique(subset="id", keep="first", maintain_order=True)
        self._ids += frame["id"].to_list()
        self._symbols += frame["symbol"].to_list()
        self._texts += frame["text"].to_list()
        self._known.update(frame["id"])
        self._known_at = np.concatenate([self._known_at, frame["known_at"].to_numpy()])
        self._vectors = np.concatenate([self._vectors, frame["vector"].to_numpy()])
        self._by_symbol.clear()

    def _read(self, path: Path) -> pl.DataFrame:
        try:
            made_by = pl.read_parquet_metadata(path).get("embedder", "")
            frame = pl.read_parquet(path, columns=list(_COLUMNS))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{path}: can't be read as vectors ({error}); remove it") from error
        if made_by != self._embedder:
            raise ConfigError(
                f"{path}: its vectors are of {made_by or 'an unknown embedder'}, not of "
                f"{self._embedder}; name another folder"
            )
        return frame

    def _write(self, frame: pl.DataFrame) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256("\n".join(frame["id"]).encode()).hexdigest()[:16]
        path = self._folder / f"{len(self):09d}-{digest}.parquet"
        draft = path.with_suffix(".new")
        frame.write_parquet(draft, compression="zstd", metadata={"embedder": self._embedder})
        draft.replace(path)
