"""Windows of bars, a model that is shown them, and what its answers are held to, one by one."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.models.answer import RANGE, SHAPE, Fault, Prediction, instant, judged, sided
from tutti.agents.models.frames import BarHistory, frame_of, index_of
from tutti.agents.models.port import ModelSource
from tutti.agents.models.tables import fault_of, foreseen, futures
from tutti.agents.models.told import Misshapen, Table, parts_of
from tutti.kernel.clock import iso
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.models.port import Declared, TradeModel
    from tutti.model.market import FloatArray, IntArray

LOOK_AHEAD, NONDETERMINISTIC, SLOW, IMPORT_ERROR = (
    "look_ahead",
    "nondeterministic",
    "slow",
    "import_error",
)
CODES = (IMPORT_ERROR, SHAPE, RANGE, LOOK_AHEAD, NONDETERMINISTIC, SLOW)
"""Everything that can be found, worst first."""

WINDOWS = 40
"""Windows that a model is shown in a row."""

FEWEST = 2
"""Windows after which a model that takes far too long is shown no more of them."""

_FEW = 5
_HOPELESS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a model does wrong; ``code`` is one of `CODES`."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A model with the bars that it is tried on.

    Parameters
    ----------
    config : mapping
        What the model is made with.
    bars : MarketBlock
        Of one instrument and of the model's timeframe.
    budget_s : float
        For one prediction.
    making, predicting : callable
        What the making of a model and each prediction (told whether it is the first) happen in.
    """

    source: ModelSource
    config: Mapping[str, Any]
    bars: MarketBlock
    budget_s: float
    making: Callable[[], AbstractContextManager[None]]
    predicting: Callable[[bool], AbstractContextManager[None]]


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was found: of each code and subject only the first, with how often it came again."""

    told: dict[tuple[str, str], str] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, code: str, subject: str, message: str) -> None:
        """Note something."""
        key = code, subject
        self.told.setdefault(key, message)
        self.counts[key] = self.counts.get(key, 0) + 1

    def listed(self) -> tuple[Finding, ...]:
        """Return everything, worst first."""
        return tuple(
            Finding(code=key[0], message=self._message(key))
            for key in sorted(self.told, key=lambda key: CODES.index(key[0]))
        )

    def _message(self, key: tuple[str, str]) -> str:
        again = self.counts[key] - 1
        return self.told[key] + (f" (and {again} times more)" if again else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What came of one window, which ends with the bar of number ``end``, and in which time."""

    end: int
    answer: object
    error: BaseException | None
    seconds: float

    @property
    def is_table(self) -> bool:
        """True where the answer is about several bars."""
        return self.error is None and isinstance(parts_of(self.answer), Table)


class Rows:
    """The bars of a trial with features; models are shown windows of them.

    Parameters
    ----------
    trial : Trial
    said : Declared
        By the model.
    found : Findings
        What is wrong with the answers goes there.
    """

    def __init__(self, trial: Trial, said: Declared, found: Findings) -> None:
        history = BarHistory(said.needs, 0, 1)
        history.take(trial.bars)
        self.ts, self.values = history.series(0)
        self.columns = history.columns
        self.lookback = said.lookback
        self.count = len(self.ts) - self.lookback + 1
        self.ends = range(self.lookback - 1, len(self.ts))[-WINDOWS:]
        self.absent: list[str] = []
        self._trial = trial
        self._found = found

    def frame(
        self, start: int, stop: int, values: FloatArray | None = None, shifted: int = 0
    ) -> Any:
        """Return bars ``start`` to ``stop`` as a model is shown them, at times moved by ns."""
        chosen = self.values if values is None else values
        return frame_of(index_of(self.ts[start:stop] + shifted), chosen[start:stop], self.columns)

    def shown(self, model: TradeModel, n: int | None = None, shifted: int = 0) -> list[Shown]:
        """Show a model the first ``n`` windows or all; a few where each takes too long."""
        shown: list[Shown] = []
        for end in self.ends[:n]:
            frame = self.frame(end - self.lookback + 1, end + 1, shifted=shifted)
            shown.append(self.asked(model, frame, end, is_first=not shown))
            budget = self._trial.budget_s
            hopeless = all(each.seconds > _HOPELESS * budget for each in shown)
            enough = FEWEST if hopeless else _FEW
            if len(shown) == enough and all(each.seconds > budget for each in shown):
                break
        return shown

    def asked(self, model: TradeModel, frame: Any, end: int, *, is_first: bool) -> Shown:
        """Ask a model about one window and return what came of it, whatever it did."""
        answer: object = None
        error: BaseException | None = None
        began = time.perf_counter()
        try:
            with self._trial.predicting(is_first):
                answer = _answer(model, frame)
        except (Exception, SystemExit) as raised:  # noqa: BLE001 (the boundary to models' code)
            error = raised
        return Shown(end=end, answer=answer, error=error, seconds=time.perf_counter() - began)

    def judged(self, shown: Sequence[Shown]) -> list[Prediction | None]:
        """Return the predictions, None for a wrong answer, and note each fault."""
        answers: list[Prediction | None] = []
        earlier: list[tuple[Fault, str]] = []
        for each in shown:
            found = self._one(each, 0)
            if isinstance(found, Fault) and each.is_table:
                if self._of_table(each, 0) is None:
                    self.absent.append(found.told)
                else:
                    self._found.add(found.kind, found.told[:11], found.told)
            elif isinstance(found, Fault):
                row = self._earlier(each)
                if row is None:
                    self._found.add(found.kind, found.told.split(",")[0][:24], found.told)
                else:
                    earlier.append((found, self._changed(each, row)))
            answers.append(found if isinstance(found, Prediction) else None)
        # that some windows' sides stay the same though later rows change, proves nothing
        peeks = [peek for _, peek in earlier if peek]
        for stale, _ in [] if peeks else earlier:
            self._found.add(SHAPE, "stale", stale.told)
        for peek in peeks:
            self._found.add(LOOK_AHEAD, "early", peek)
        return answers

    def unjudged(self, shown: Sequence[Shown], shifted: int = 0) -> list[Prediction | None]:
        """Return the predictions, None for a wrong answer."""
        made = [self._one(each, shifted) for each in shown]
        return [each if isinstance(each, Prediction) else None for each in made]

    def _one(self, each: Shown, shifted: int) -> Prediction | Fault:
        if each.error is not None:
            said = " ".join(str(each.error).split())
            return Fault(kind=SHAPE, told=f"predict raised {type(each.error).__name__}: {said}")
        return self._of_table(each, shifted) or judged(
            each.answer, int(self.ts[each.end]) + shifted
        )

    def _of_table(self, each: Shown, shifted: int) -> Fault | None:
        said = parts_of(each.answer)
        return fault_of(said, self.window(each) + shifted) if isinstance(said, Table) else None

    def window(self, each: Shown) -> IntArray:
        """Return the starts of the bars that were shown, ns UTC."""
        return self.ts[each.end - self.lookback + 1 : each.end + 1]

    def peek(self, each: Shown) -> str:
        """Return how an answer about several bars hangs on later ones; empty where not."""
        start = each.end - self.lookback + 1

        def ask(values: FloatArray) -> object:
            shown = self.values.copy()
            shown[start : each.end + 1] = values
            frame = self.frame(start, each.end + 1, shown)
            model = self._trial.source.made(self._trial.config)
            return self.asked(model, frame, each.end, is_first=True).answer

        return foreseen(ask, self.window(each), self.values[start : each.end + 1])

    def _earlier(self, each: Shown) -> int | None:
        # the row before the last one that an answer is about
        answer = parts_of(each.answer)
        if isinstance(answer, Table | Misshapen):
            return None
        stamp = instant(answer["timestamp"])
        if stamp is None:
            return None
        row = int(np.searchsorted(self.ts, stamp))
        within = each.end - self.lookback < row < each.end
        return row if within and self.ts[row] == stamp else None

    def _changed(self, each: Shown, row: int) -> str:
        # what it says of a row must not change with the rows that follow it
        for values in futures(self.values, row + 1):
            frame = self.frame(each.end - self.lookback + 1, each.end + 1, values)
            model = self._trial.source.made(self._trial.config)
            other = self.asked(model, frame, each.end, is_first=True).answer
            if _pair(other) not in (None, _pair(each.answer)):
                return (
                    f"answers about {iso(int(self.ts[row]))}, {each.end - row} rows before the "
                    "last one, and says something else when the rows after it change"
                )
        return ""


def _answer(model: TradeModel, frame: Any) -> object:
    answer = model.predict(frame)
    if inspect.isawaitable(answer):
        return asyncio.run(_awaited(answer))
    return answer


async def _awaited(answer: Any) -> object:
    return await answer


def _pair(answer: object) -> Prediction | Fault | None:
    parts = parts_of(answer)
    if isinstance(parts, Table | Misshapen):
        return None
    return sided(parts["signal"], parts["confidence"])
