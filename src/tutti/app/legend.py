"""What the codes of a blinded run stand for, told to people afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.adapters.stores.point_in_time import open_texts
from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.agents.llm.blinding import Blinding
from tutti.ledger.kinds import Started, Told
from tutti.ledger.records import decode
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CODE = re.compile(r"\b[A-Z][a-z]+-(?:[B-Z][2-9])+\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """What codes stand for.

    Parameters
    ----------
    instruments : dict of str to str
        Code to instrument, of all that the run trades.
    names : dict of str to str
        Code to name, of those that agents used.
    texts : dict of str to str
        Code of a source to the id and title of the text, of those that agents named.
    """

    instruments: dict[str, str]
    names: dict[str, str]
    texts: dict[str, str]


def legend_of(run: Path, texts: Sequence[str] = ()) -> Legend:
    """Return what the codes of a run stand for.

    Parameters
    ----------
    texts : sequence of str
        Files or patterns of the texts that its agents read.

    Raises
    ------
    ConfigError
        If the run never began.
    DataError
        If a file of texts can't be used.
    """
    with SqliteLedgerReader(run) as ledger:
        starts = [decode(row, Started) for row in ledger.rows(kinds=("started",))]
        said = [decode(row, Told) for row in ledger.rows(kinds=("opinion",))]
    if not starts:
        raise ConfigError(f"{run}: this run never began; name another")
    traded = dict.fromkeys(name for start in starts for name in start.instruments)
    instruments = [InstrumentId.parse(name) for name in traded]
    blind = Blinding(starts[0].seed, instruments)
    used = {code for told in said for code in _CODE.findall(told.rationale)}
    return Legend(
        instruments=blind.legend(),
        names={code: name for code, name in blind.known_names().items() if code in used},
        texts=_texts(blind, instruments, said, texts) if texts else {},
    )


def _texts(
    blind: Blinding, instruments: list[InstrumentId], said: list[Told], files: Sequence[str]
) -> dict[str, str]:
    kept = open_texts(list(files))
    wanted = {source for told in said for source in told.sources}
    last = max((told.as_of for told in said), default=0)
    found: dict[str, str] = {}
    for instrument in instruments:
        for text in kept.texts(instrument, 0, last):
            code = blind.source(text.id or f"{text.source}:{text.known_at}")
            if code in wanted:
                found[code] = f"{text.id} {text.title}".strip()
    return found
