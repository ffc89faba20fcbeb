"""What an opinion rests on, in a line each, so that the ledger alone tells what an agent read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tutti.agents.llm.material import LONGEST_NAME, LONGEST_TITLE
from tutti.agents.llm.quoting import clean
from tutti.agents.llm.sight import Unblinded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.agents.llm.sight import Sight
    from tutti.model.market import Reading, Snapshot, TextEvent
    from tutti.model.opinion import Opinion

MOST = 5
"""Sources that are quoted; an opinion may name more."""


class Quotes:
    """Adds to an opinion what the sources that it names said.

    Parameters
    ----------
    sight : Sight or None
        Hides names, dates and prices where a run is blinded.
    """

    def __init__(self, sight: Sight | None = None) -> None:
        self._sight: Sight = Unblinded() if sight is None else sight

    def __call__(self, opinion: Opinion, context: Snapshot) -> Opinion:
        """Return ``opinion`` with a quote of each source, of the first few, found in ``context``."""
        if not opinion.sources or opinion.quotes:
            return opinion
        lines = dict(self._lines(context, frozenset(opinion.sources[:MOST])))
        quotes = tuple(lines[each] for each in opinion.sources[:MOST] if each in lines)
        return msgspec.structs.replace(opinion, quotes=quotes) if quotes else opinion

    def _lines(self, context: Snapshot, wanted: frozenset[str]) -> Iterator[tuple[str, str]]:
        for text in context.texts:
            name = text.id or f"{text.source}:{text.known_at}"
            for source in {name, self._sight.source(name)} & wanted:
                yield source, self._of_text(text, context)
        for reading in context.readings:
            for source in {reading.id, self._sight.source(reading.id)} & wanted:
                yield source, self._of_reading(reading, context)

    def _of_text(self, text: TextEvent, context: Snapshot) -> str:
        words = clean(text.title or text.text, 4 * LONGEST_TITLE)
        said = self._sight.text(words, as_of=context.as_of, close=context.close)
        return f"{self._publisher(text.source)}: {clean(said, LONGEST_TITLE)}"

    def _of_reading(self, reading: Reading, context: Snapshot) -> str:
        name = self._sight.text(clean(reading.name, LONGEST_NAME), as_of=context.as_of)
        value = self._sight.value(reading.name, reading.value)
        return f"{self._publisher(reading.source)}: {name} {value:.6g}"

    def _publisher(self, name: str) -> str:
        return clean(self._sight.publisher(name), LONGEST_NAME)
