"""Questions that only a model can answer better than by chance which has seen the answer before.

All are choices, so that chance is known: a quarter for four options, a half for two. Nothing in
a question helps: the options of a price are other prices of the same instrument, a headline has
lost its dates, and there are as many rises as falls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from tutti.agents.llm.blinding.dates import without_dates
from tutti.agents.llm.port import Call
from tutti.agents.llm.quoting import clean
from tutti.agents.llm.schema import object_schema, read_object
from tutti.kernel.clock import SECOND
from tutti.model.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from tutti.agents.llm.sight import Sight
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import FloatArray

LETTERS = "ABCD"

_SYSTEM = """\
You are asked what you remember of markets. Each question has one right option. Choose the one that \
you remember, or guess where you remember none; a guess costs nothing. Answer with one JSON object \
and nothing else: {"choice": "A"}."""
_PROMPT = "quiz@1"
_TOKENS = 64
_NEAREST, _FARTHEST = 20, 250
_APART = 0.02
_AHEAD = 5
_LONGEST = 200
_FEWEST_WORDS = 6
_FEWEST_MONTHS, _MOST_MONTHS = 3, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One choice.

    Parameters
    ----------
    test : str
        ``price``, ``direction`` or ``headline``.
    as_of : int
        Instant that the answer is about, ns UTC.
    options : tuple of str
        Two or four.
    right : int
        Which of them is.
    """

    test: str
    as_of: int
    asked: str
    options: tuple[str, ...]
    right: int

    def call(self, model: str, as_of: int) -> Call:
        """Return the question as it is put to a model, said to be about ``as_of`` (ns)."""
        letters = LETTERS[: len(self.options)]
        lines = "\n".join(f"{letter}. {o}" for letter, o in zip(letters, self.options, strict=True))
        choice = {"choice": {"type": "string", "enum": list(letters)}}
        return Call(
            agent="probe",
            as_of=as_of,
            model=model,
            system=_SYSTEM,
            user=f"{self.asked}\n{lines}",
            prompt=_PROMPT,
            schema=object_schema(choice),
            max_output_tokens=_TOKENS,
        )

    def is_right(self, text: str) -> bool:
        """Return whether a model's answer is the right one.

        Raises
        ------
        DataError
            If it is no choice.
        """
        try:
            said = msgspec.convert(read_object(text), _Said)
        except msgspec.ValidationError as error:
            raise DataError(f"the answer does not fit: {error}") from error
        return said.choice == LETTERS[self.right]


class _Said(msgspec.Struct, frozen=True):
    choice: Literal["A", "B", "C", "D"]


def price_question(
    instrument: InstrumentId,
    ts: int,
    closes: FloatArray,
    t: int,
    sight: Sight,
    generator: np.random.Generator,
) -> Question | None:
    """Return what the close at row ``t`` was, among closes of other rows; None if these are few.

    Parameters
    ----------
    ts : int
        When that close was known, ns UTC.
    closes : ndarray of float64, shape (t,)
        Of the instrument; NaN where it has none.
    """
    truth = float(closes[t])
    others = [
        float(closes[row])
        for row in range(max(0, t - _FARTHEST), min(len(closes), t + _FARTHEST + 1))
        if abs(row - t) >= _NEAREST and math.isfinite(closes[row])
    ]
    options = [truth]
    for price in generator.permutation(others):
        if all(abs(price / known - 1) >= _APART for known in options):
            options.append(float(price))
        if len(options) == len(LETTERS):
            break
    if len(options) < len(LETTERS):
        return None
    # in a blinded run prices are told about their middle, as they are about the close elsewhere
    unit = 100.0 / sorted(options)[1] if sight.is_blind else 1.0
    order = generator.permutation(len(options))
    at = sight.instant(ts)
    return Question(
        test="price",
        as_of=ts,
        asked=f"At which price did the bar of {sight.asset(instrument)} close that ended at {at}?",
        options=tuple(f"{options[k] * unit:.6g}" for k in order),
        right=int(list(order).index(0)),
    )


def direction_question(
    instrument: InstrumentId, ts: int, closes: FloatArray, t: int, sight: Sight
) -> Question | None:
    """Return whether the close was higher five bars after row ``t``; None where it is not known."""
    if t + _AHEAD >= len(closes):
        return None
    change = float(closes[t + _AHEAD] / closes[t] - 1.0)
    if not abs(change) > 0.0:
        return None
    return Question(
        test="direction",
        as_of=ts,
        asked=(
            f"Did {sight.asset(instrument)} close higher or lower {_AHEAD} bars after "
            f"{sight.instant(ts)} than at that time?"
        ),
        options=("higher", "lower"),
        right=0 if change > 0 else 1,
    )


def headline_question(
    ts: int, headline: str, sight: Sight, generator: np.random.Generator
) -> Question | None:
    """Return in which month a headline was published, of four; None where it is too short.

    Dates are taken out of it, so that only what one remembers of the time can help.
    """
    today = datetime.fromtimestamp(ts // SECOND, UTC).date()
    shown = sight.text(without_dates(clean(headline, _LONGEST), today), as_of=ts)
    if len(shown.split()) < _FEWEST_WORDS:
        return None
    apart = int(generator.integers(_FEWEST_MONTHS, _MOST_MONTHS + 1))
    right = int(generator.integers(len(LETTERS)))
    months = [_month(today, (place - right) * apart) for place in range(len(LETTERS))]
    return Question(
        test="headline",
        as_of=ts,
        asked=f"When was this headline published? {shown}",
        options=tuple(_told(month, sight) for month in months),
        right=right,
    )


def _month(today: date, apart: int) -> date:
    year, month = divmod(12 * today.year + today.month - 1 + apart, 12)
    return date(year, month + 1, 15)


def _told(month: date, sight: Sight) -> str:
    if not sight.is_blind:
        return f"{month:%B %Y}"
    middle = datetime(month.year, month.month, month.day, tzinfo=UTC)
    return sight.instant(int(middle.timestamp()) * SECOND)
