"""Texts as of any instant, by symbol and kind."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from tutti.adapters.feeds.findings import Code, Finding
from tutti.adapters.feeds.series import NO_TIME
from tutti.adapters.feeds.table import OtherTable
from tutti.adapters.stores.point_in_time.rows import (
    TEXT,
    RowFile,
    Table,
    base_of,
    content_id,
    read_rows,
    stamps,
    whole,
)
from tutti.model.instrument import InstrumentId
from tutti.model.market import TextEvent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


_NEVER = 2**63 - 1
_ONE = ("symbol", "source", "id")
_SOCIAL = ("twitter", "reddit", "stocktwits", "telegram", "discord", "x")
_SOCIAL_NAMES = ("tweet", "reddit", "social", "posts")


@dataclass(slots=True)
class _Shelf:
    """Texts of one symbol and kind, oldest first; ``replaced_at`` is None where none ever was."""

    known_at: list[int]
    replaced_at: list[int] | None
    rows: pl.DataFrame
    events: dict[InstrumentId | None, list[TextEvent]] = field(default_factory=dict)

    def between(
        self, instrument: InstrumentId | None, since: int, until: int, *, is_over: bool = False
    ) -> list[TextEvent]:
        """Return what became known in ``(since, until]``, oldest first.

        Parameters
        ----------
        is_over : bool
            True keeps what was worded anew by ``until``.
        """
        start = bisect_right(self.known_at, since)
        stop = bisect_right(self.known_at, until)
        if start >= stop:
            return []
        events = self.events.get(instrument)
        if events is None:
            events = self.events[instrument] = self._made(instrument)
        found = events[start:stop]
        if self.replaced_at is not None and not is_over:
            replaced = self.replaced_at[start:stop]
            found = [each for each, at in zip(found, replaced, strict=True) if at > until]
        return found

    def _made(self, instrument: InstrumentId | None) -> list[TextEvent]:
        about = () if instrument is None else (instrument,)
        names = ("known_at", "source", "text", "kind", "id", "title", "url")
        columns = [self.rows.get_column(name).to_list() for name in names]
        return [
            TextEvent(
                known_at=known_at, source=source, text=text, instruments=about, kind=kind, id=name,
                title=title, url=url,
            )
            for known_at, source, text, kind, name, title, url in zip(*columns, strict=True)
        ]  # fmt: skip


class StoredTexts:
    """Texts of many files, each with the time it became known; a `TextSource`.

    Parameters
    ----------
    frame : polars.DataFrame
        The store's columns of texts, in any order. Rows of one symbol, source and id are one text:
        the same again is dropped, another wording replaces the earlier from when it was known. Who
        gives a text another publisher's id does not replace that publisher's.
    files : tuple of RowFile
        What was read, for the record of a run.
    findings : tuple of Finding
        What is doubtful in it.
    """

    def __init__(
        self,
        frame: pl.DataFrame,
        files: tuple[RowFile, ...] = (),
        findings: tuple[Finding, ...] = (),
    ) -> None:
        self.files = files
        self.findings = findings
        kept = _once(frame)
        self._rows = len(kept)
        self._shelves: dict[str, dict[str, _Shelf]] = {}
        for (symbol, kind), part in kept.partition_by(
            "symbol", "kind", as_dict=True, maintain_order=True
        ).items():
            replaced = part.get_column("replaced_at")
            ever = bool((replaced != _NEVER).any())
            self._shelves.setdefault(str(symbol), {})[str(kind)] = _Shelf(
                known_at=part.get_column("known_at").to_list(),
                replaced_at=replaced.to_list() if ever else None,
                rows=part,
            )

    def __len__(self) -> int:
        return self._rows

    @property
    def symbols(self) -> tuple[str, ...]:
        """What the texts are about, as ``BTC``; empty text is the market as a whole."""
        return tuple(sorted(self._shelves))

    def texts(
        self, instrument: InstrumentId, since: int, until: int, kinds: Sequence[str] = ()
    ) -> tuple[TextEvent, ...]:
        """Return what became known in ``(since, until]`` about an instrument or about all.

        See `TextSource`.
        """
        return self._between(instrument, since, until, kinds)

    def wordings(
        self, instrument: InstrumentId, since: int, until: int, kinds: Sequence[str] = ()
    ) -> tuple[TextEvent, ...]:
        """Return what became known in ``(since, until]``, what was worded anew later among it.

        For who goes through time in one pass: at ``until`` an earlier wording stands no more, but
        before the later one came it did.
        """
        return self._between(instrument, since, until, kinds, is_over=True)

    def _between(
        self,
        instrument: InstrumentId,
        since: int,
        until: int,
        kinds: Sequence[str],
        *,
        is_over: bool = False,
    ) -> tuple[TextEvent, ...]:
        own = self._shelves.get(base_of(instrument.symbol))
        market = self._shelves.get("")
        found: list[TextEvent] = []
        parts = 0
        for shelves, about in ((own, instrument), (market, None)):
            for kind, shelf in (shelves or {}).items():
                if kinds and kind not in kinds:
                    continue
                part = shelf.between(about, since, until, is_over=is_over)
                if part:
                    found = found + part if found else part
                    parts += 1
        found = found[::-1]
        if parts > 1:
            found.sort(key=_newest_first)
        return tuple(found)


def open_texts(paths: Sequence[str | Path], *, lag: str | None = None) -> StoredTexts:
    """Open files of texts: what ``tutti data sync`` wrote, or any with a time and a title or text.

    Parameters
    ----------
    paths : sequence of str or Path
        Files, folders or globs.
    lag : str, optional
        How long after its stamp a row became known (``15m``, ``1 business day``), for files that
        neither have a column ``known_at`` nor a sidecar that says so. Without any of these a row
        is known at its stamp, or a day later where the stamps name days only.

    Raises
    ------
    ConfigError
        If a pattern matches nothing, or a sidecar is wrong.
    DataError
        If a file can't be read.
    """
    rows = read_rows(paths, TEXT, _read, lag)
    return StoredTexts(rows.frame, rows.files, rows.findings)


def _newest_first(event: TextEvent) -> tuple[int, str]:
    return -event.known_at, event.id


def _read(table: Table) -> tuple[pl.DataFrame, list[Finding]]:
    if table.column("text", "body", "summary", "title", "headline") is None:
        raise OtherTable(f"{table.path}: holds no text (title, text), so no text of it is used")
    ts, known, findings = stamps(table)
    said = table.sidecar
    source = table.text(said.source, "source", "publisher")
    frame = pl.DataFrame(
        {
            "symbol": _symbols(table),
            "source": source
            if said.source is None
            else pl.repeat(said.source, len(ts), eager=True),
            "title": table.text(None, "title", "headline"),
            "text": table.text(None, "text", "body", "summary"),
            "url": table.text(None, "url", "link"),
            "ts": ts,
            "known_at": known,
        }
    )
    frame = frame.with_columns(_kinds(table, frame).alias("kind"), _ids(table, frame).alias("id"))
    kept = frame.filter(
        pl.col("known_at") != NO_TIME,
        (pl.col("title") != "") | (pl.col("text") != ""),
    )
    if lost := len(frame) - len(kept):
        message = f"{lost} rows without a time or without words were left out"
        findings.append(whole(table.path, Code.ROWS_LEFT_OUT, lost, message))
    twice = len(kept) - kept.select(*_ONE, "title", "text").n_unique()
    if twice:
        message = f"{twice} rows repeat another of the same id and words; each is used once"
        findings.append(whole(table.path, Code.REPEATED_TEXT, twice, message))
    return kept, findings


def _symbols(table: Table) -> pl.Series:
    if table.sidecar.symbol is not None:
        return pl.Series([base_of(table.sidecar.symbol)] * len(table.frame), dtype=pl.String)
    symbols = table.text("", "symbol", "ticker", "instrument")
    return symbols.str.split("-").list.first().fill_null("").str.to_uppercase()


def _kinds(table: Table, frame: pl.DataFrame) -> pl.Series:
    if table.sidecar.kind is not None:
        return pl.repeat(table.sidecar.kind, len(frame), eager=True)
    given = table.column("kind")
    if given is not None:
        return given.cast(pl.String).fill_null("news")
    name = table.path.name.lower()
    default = "social" if any(word in name for word in _SOCIAL_NAMES) else "news"
    social = frame.get_column("source").str.to_lowercase().is_in(_SOCIAL)
    return pl.select(pl.when(social).then(pl.lit("social")).otherwise(pl.lit(default))).to_series()


def _ids(table: Table, frame: pl.DataFrame) -> pl.Series:
    given = table.column("id")
    if given is not None:
        return given.cast(pl.String).fill_null("")
    rows = zip(*(frame.get_column(each) for each in ("source", "ts", "title", "text")), strict=True)
    made = [content_id(source, str(ts), title, text) for source, ts, title, text in rows]
    return pl.Series(made, dtype=pl.String)


def _once(frame: pl.DataFrame) -> pl.DataFrame:
    """Return each wording of each text once, oldest first, with when the next replaced it."""
    # ids fall, so that they rise where the newest comes first
    columns = ["known_at", "id", "ts", "title", "text", "source", "url", "kind"]
    ordered = frame.sort(columns, descending=[name == "id" for name in columns])
    same = pl.all_horizontal(
        pl.col(name).eq(pl.col(name).shift(1).over(_ONE)) for name in ("title", "text")
    )
    kept = ordered.filter(~same.fill_null(value=False))
    replaced = pl.col("known_at").shift(-1).over(_ONE).fill_null(_NEVER)
    return kept.with_columns(replaced.alias("replaced_at"))
