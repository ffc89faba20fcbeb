"""What a model remembers of past prices and headlines, against what chance would give."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from tutti.adapters.feeds.bars import read_bars
from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.quiz import direction_question, headline_question, price_question
from tutti.agents.llm.sight import Sight, Unblinded
from tutti.app.knowledge import cutoffs_of
from tutti.model.errors import AgentError, ConfigError, DataError
from tutti.stats.scoring import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tutti.agents.llm.knowledge import Cutoffs
    from tutti.agents.llm.port import LanguageModel
    from tutti.agents.llm.quiz import Question
    from tutti.app.asked_model import AskedModel
    from tutti.app.settings import Config
    from tutti.model.market import MarketBlock

_TEXTS = ("title", "headline", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """How a model did in one test.

    Parameters
    ----------
    knowledge : str
        ``contaminated`` for questions from before the model's training ended (or where that is
        not known), ``clean`` for those from after it.
    asked, answered, right : int
        What is not answered counts neither way.
    low, high : float
        Interval that holds the true rate in 95 of 100 cases (Wilson).
    chance : float
        Rate of one who guesses.
    p_value : float
        How likely one who guesses is to do as well (binomial, one-sided).
    """

    test: str
    knowledge: str
    asked: int
    answered: int
    right: int
    low: float
    high: float
    chance: float
    p_value: float

    @property
    def rate(self) -> float:
        """Share of the answers that is right; NaN for none."""
        return self.right / self.answered if self.answered else math.nan

    @property
    def remembers(self) -> bool:
        """True where guessing is ruled out."""
        return self.low > self.chance


def questions_of_bars(
    block: MarketBlock, n: int, sight: Sight, generator: np.random.Generator
) -> list[Question]:
    """Return up to ``n`` questions about prices and as many about directions, half of them rises."""
    cells = np.argwhere(np.isfinite(block.close))
    prices: list[Question] = []
    rises: list[Question] = []
    falls: list[Question] = []
    for t, i in generator.permutation(cells):
        if len(prices) >= n and len(rises) >= n // 2 and len(falls) >= n // 2:
            break
        known_at, closes = int(block.known_at[t]), block.close[:, i]
        instrument = block.instruments[i]
        if len(prices) < n:
            asked = price_question(instrument, known_at, closes, int(t), sight, generator)
            prices += [asked] if asked is not None else []
        turn = direction_question(instrument, known_at, closes, int(t), sight)
        if turn is not None:
            side = falls if turn.right else rises
            side += [turn] if len(side) < n // 2 else []
    even = min(len(rises), len(falls))
    return [*prices, *rises[:even], *falls[:even]]


def questions_of_headlines(
    file: Path, n: int, sight: Sight, generator: np.random.Generator
) -> list[Question]:
    """Return up to ``n`` questions about when headlines of a file were published.

    Raises
    ------
    ConfigError, DataError
        If the file can't be read, or lacks ``ts`` or a text.
    """
    stamps, headlines = _headlines(file)
    asked: list[Question] = []
    for row in generator.permutation(len(headlines)):
        if len(asked) >= n:
            break
        question = headline_question(int(stamps[row]), headlines[row], sight, generator)
        asked += [question] if question is not None else []
    return asked


def probe_model(  # noqa: PLR0913 - what is asked, of whom, how
    asked: AskedModel,
    name: str,
    config: Config,
    bars: Sequence[str],
    headlines: Path | None,
    n: int,
    *,
    blind: bool,
    seed: int,
) -> list[Remembered]:
    """Return how a model does in the tests that files of bars and of headlines give.

    Parameters
    ----------
    n : int
        Questions of each test.
    blind : bool
        True asks as a blinded run would.

    Raises
    ------
    AgentError
        If it answers nothing.
    ConfigError
        If there is nothing to ask about.
    """
    block = read_bars(list(bars)).block if bars else None
    instruments = () if block is None else block.instruments
    sight: Sight = Blinding(config.seed, instruments) if blind else Unblinded()
    questions = probe_questions(block, headlines, n, sight, np.random.default_rng(seed))
    cutoffs = cutoffs_of(config)
    return asked.run(lambda model: probe(model, name, questions, cutoffs=cutoffs, sight=sight))


def probe_questions(
    block: MarketBlock | None,
    headlines: Path | None,
    n: int,
    sight: Sight,
    generator: np.random.Generator,
) -> list[Question]:
    """Return the questions that bars and a file of headlines give.

    Raises
    ------
    ConfigError
        If they give none.
    """
    asked: list[Question] = []
    if block is not None:
        asked += questions_of_bars(block, n, sight, generator)
    if headlines is not None:
        asked += questions_of_headlines(headlines, n, sight, generator)
    if not asked:
        raise ConfigError(
            "nothing to ask about: too few bars or headlines; name more with --bars or --headlines"
        )
    return asked


async def probe(
    model: LanguageModel,
    name: str,
    questions: Sequence[Question],
    *,
    cutoffs: Cutoffs,
    sight: Sight,
    in_flight: int = 8,
) -> list[Remembered]:
    """Ask a model all questions and return how it did, by test and by what it may know.

    Raises
    ------
    AgentError
        If it answers none of them, with its words.
    """
    slots = asyncio.Semaphore(in_flight)
    faults: Counter[str] = Counter()

    async def ask(question: Question) -> _Given:
        who = name
        async with slots:
            try:
                answer = await model.answer(question.call(name, sight.clock(question.as_of)))
                who = answer.model
                return _Given(is_right=question.is_right(answer.text), model=who)
            except (AgentError, DataError) as error:
                faults[str(error)] += 1
                return _Given(is_right=None, model=who)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(question)) for question in questions]
    answers = [task.result() for task in tasks]
    if all(answer.is_right is None for answer in answers):
        fault, _ = faults.most_common(1)[0]
        raise AgentError(f"{name} answered none of {len(questions)} questions: {fault}")
    return list(_scored(questions, answers, cutoffs))


class _Given(NamedTuple):
    # None for no answer; and who gave it, or was asked
    is_right: bool | None
    model: str


def _scored(
    questions: Sequence[Question], answers: Sequence[_Given], cutoffs: Cutoffs
) -> Iterator[Remembered]:
    groups: dict[tuple[str, str], list[tuple[Question, bool | None]]] = {}
    for question, answer in zip(questions, answers, strict=True):
        key = question.test, cutoffs.stamp(answer.model, question.as_of)
        groups.setdefault(key, []).append((question, answer.is_right))
    for (test, knowledge), cases in sorted(groups.items()):
        given = [answer for _, answer in cases if answer is not None]
        chance = 1.0 / len(cases[0][0].options)
        right = sum(given)
        low, high = wilson(right / len(given) if given else 0.0, len(given))
        yield Remembered(
            test=test,
            knowledge=knowledge,
            asked=len(cases),
            answered=len(given),
            right=right,
            low=low,
            high=high,
            chance=chance,
            p_value=at_least(right, len(given), chance),
        )


def at_least(right: int, n: int, chance: float) -> float:
    """Return how likely ``right`` or more of ``n`` are, each by chance; 1 for none."""
    return min(
        1.0,
        math.fsum(
            math.comb(n, k) * chance**k * (1.0 - chance) ** (n - k) for k in range(right, n + 1)
        ),
    )


def _headlines(file: Path) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], list[str]]:
    try:
        frame = (
            pl.read_csv(file, try_parse_dates=True)
            if file.suffix.casefold() == ".csv"
            else pl.read_parquet(file)
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{file}: can't be read: {error}") from error
    words = next((name for name in _TEXTS if name in frame.columns), None)
    stamp = next((name for name in ("known_at", "ts") if name in frame.columns), None)
    if words is None or stamp is None:
        raise ConfigError(f"{file}: must have a column ts and one of {', '.join(_TEXTS)}")
    frame = frame.drop_nulls([words, stamp]).unique([words], keep="first", maintain_order=True)
    column = frame[stamp]
    if column.dtype != pl.Int64:
        column = column.cast(pl.Datetime("ns", "UTC")).dt.timestamp("ns")
    return column.to_numpy().astype(np.int64), [str(text) for text in frame[words]]
