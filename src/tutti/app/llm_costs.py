"""What was asked of language models, and what it cost, by their records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from tutti.adapters.stores.llm_calls import FILE, SqliteCallRecords
from tutti.agents.llm.recorded import ANSWER, LATE
from tutti.kernel.clock import DAY, iso
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tutti.agents.llm.recorded import RecordedCall

Part = Literal["agent", "model", "day"]
PARTS: Final[tuple[Part, ...]] = ("agent", "model", "day")
"""What costs may be told apart by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What calls took, together.

    Parameters
    ----------
    agent, model, day : str
        Whose and when; empty where it is not told apart. The model is who answered, or who was
        asked where nobody did.
    n_calls : int
        All but those that were answered from the record, which are ``n_reused``.
    n_answers, n_late : int
        Of them; the rest failed.
    n_unpriced : int
        Answers that no cost is known of.
    """

    agent: str = ""
    model: str = ""
    day: str = ""
    n_calls: int = 0
    n_answers: int = 0
    n_late: int = 0
    n_reused: int = 0
    n_unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: Decimal = Decimal(0)

    def plus(self, call: RecordedCall) -> Cost:
        """Return it with one more."""
        came = call.outcome
        if call.is_reused:
            return replace(self, n_reused=self.n_reused + 1)
        is_answer = came.kind == ANSWER
        return replace(
            self,
            n_calls=self.n_calls + 1,
            n_answers=self.n_answers + is_answer,
            n_late=self.n_late + (came.kind == LATE),
            n_unpriced=self.n_unpriced + (is_answer and not came.is_priced),
            input_tokens=self.input_tokens + came.input_tokens,
            output_tokens=self.output_tokens + came.output_tokens,
            usd=self.usd + came.cost_usd,
        )


def records_in(path: Path) -> SqliteCallRecords:
    """Return the records in a file, or of the run in a folder, to be read.

    Raises
    ------
    ConfigError
        If there are none.
    LedgerError
        If they can't be read.
    """
    found = path / FILE if path.is_dir() else path
    if not found.is_file():
        raise ConfigError(f"{found}: no records of language models here; name their file")
    return SqliteCallRecords(found, read_only=True)


def costs(calls: Iterable[RecordedCall], by: Sequence[Part]) -> list[Cost]:
    """Return what calls took, told apart by some of ``PARTS``, sorted by them."""
    told: dict[str, Callable[[RecordedCall], str]] = {
        "agent": lambda call: call.agent,
        "model": lambda call: call.outcome.model or call.asked,
        "day": lambda call: iso(call.ts - call.ts % DAY)[:10],
    }
    found: dict[tuple[str, ...], Cost] = {}
    for call in calls:
        key = tuple(told[part](call) for part in by)
        before = found.get(key)
        if before is None:
            before = Cost(**dict(zip(by, key, strict=True)))  # type: ignore[arg-type]
        found[key] = before.plus(call)
    return [found[key] for key in sorted(found)]
