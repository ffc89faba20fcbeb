"""A thread that asks a model, so that nobody has to wait for longer than was agreed.

Python can't stop a thread: one that hangs goes on in the background, and until it comes back no
further question is put. Whoever may be slow for good reasons declares itself ``awaited``.
"""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_HANGS = 10.0
"""A call that takes so many times its time is not waited for, even where many ticks are to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """No answer in time; ``told`` says why."""

    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broke:
    """The question raised."""

    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call, which answers for ``n`` bars and may take so many times as long."""

    call: Callable[[], Any]
    n: int = 1


class _Round:
    # questions put together; the thread writes, the asker reads
    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        self.answers: list[object] = []
        self.begun: tuple[Question, float] | None = None
        self.is_over = threading.Event()
        self.is_given_up = False


class ModelThread:
    """Asks one question after another, each to be answered within ``timeout_s``.

    The thread starts with the first question and ends with this object.

    Parameters
    ----------
    name : str
        Of the thread.
    timeout_s : float
        For each bar that a question is about.
    """

    def __init__(self, name: str, timeout_s: float) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._rounds: queue.SimpleQueue[_Round | None] = queue.SimpleQueue()
        self._is_started = False
        self._stuck: _Round | None = None

    def ask(self, questions: Sequence[Question], n_ticks: int = 1) -> list[object]:
        """Return an answer, :class:`Late` or :class:`Broke` for each question.

        Parameters
        ----------
        questions : sequence of Question
        n_ticks : int
            Ticks that the questions belong to: nobody waits for longer than the timeout a tick, nor
            ten times its time for a single answer.
        """
        if not questions:
            return []
        if self._stuck is not None:
            if not self._stuck.is_over.is_set():
                return [Late(told="still busy with an earlier call")] * len(questions)
            self._stuck = None
        asked = _Round(questions)
        self._start()
        self._rounds.put(asked)
        if not self._is_answered(asked, n_ticks):
            asked.is_given_up = True
            self._stuck = asked
        return self._collected(asked)

    def _start(self) -> None:
        if self._is_started:
            return
        self._is_started = True
        arguments = (self._rounds, self._timeout_s)
        threading.Thread(target=_work, args=arguments, name=self._name, daemon=True).start()
        weakref.finalize(self, self._rounds.put, None)

    def _is_answered(self, asked: _Round, n_ticks: int) -> bool:
        until = time.perf_counter() + self._timeout_s * max(n_ticks, 1)
        while not asked.is_over.wait(max(min(self._timeout_s, until - time.perf_counter()), 0.0)):
            now, begun = time.perf_counter(), asked.begun
            hangs = begun is not None and now - begun[1] > _HANGS * self._timeout_s * begun[0].n
            if now >= until or hangs:
                return False
        return True

    def _collected(self, asked: _Round) -> list[object]:
        answers = asked.answers[:]
        n_left = len(asked.questions) - len(answers)
        late = Late(told=_late(self._timeout_s))
        waiting = Late(told="not asked: an earlier call took too long")
        return answers + [late][:n_left] + [waiting] * (n_left - 1)


def _late(timeout_s: float) -> str:
    return f"no answer in {timeout_s:g} s"


def _work(rounds: queue.SimpleQueue[_Round | None], timeout_s: float) -> None:
    while (asked := rounds.get()) is not None:
        for question in asked.questions:
            if asked.is_given_up:
                break
            begun = time.perf_counter()
            asked.begun = question, begun
            answer = _answered(question)
            if time.perf_counter() - begun > timeout_s * question.n:
                answer = Late(told=_late(timeout_s))
            asked.answers.append(answer)
        asked.is_over.set()


def _answered(question: Question) -> object:
    try:
        return question.call()
    except Exception as error:  # noqa: BLE001 (the named boundary to models' code)
        return Broke(error=error)
