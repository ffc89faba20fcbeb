"""The thread that asks models: who is late is not waited for, who breaks breaks alone."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

from tutti.agents.models.worker import Broke, Late, ModelThread, Question

if TYPE_CHECKING:
    from collections.abc import Callable


def questions(*calls: Callable[[], object]) -> list[Question]:
    return [Question(call=call) for call in calls]


def test_answers_come_in_order() -> None:
    thread = ModelThread("test", 5.0)
    assert thread.ask(questions(lambda: 1, lambda: 2)) == [1, 2]
    assert thread.ask([]) == []


def test_question_that_raises_breaks_alone() -> None:
    broken, answered = ModelThread("test", 5.0).ask(questions(lambda: 1 // 0, lambda: 2))
    assert isinstance(broken, Broke)
    assert isinstance(broken.error, ZeroDivisionError)
    assert answered == 2


def test_late_answer_is_not_waited_for_nor_anything_behind_it() -> None:
    thread = ModelThread("test", 0.05)
    release = threading.Event()
    late = thread.ask(questions(lambda: 1, release.wait, lambda: 3))
    assert late[0] == 1
    assert late[1:] == [
        Late(told="no answer in 0.05 s"),
        Late(told="not asked: an earlier call took too long"),
    ]
    assert thread.ask(questions(lambda: 4)) == [Late(told="still busy with an earlier call")]
    release.set()
    while thread.ask(questions(lambda: 5)) != [5]:
        pass


def test_slow_answer_is_late_though_more_ticks_would_wait() -> None:
    thread = ModelThread("test", 0.05)
    pause = threading.Event()
    slow = thread.ask(questions(lambda: pause.wait(0.1), lambda: 2), n_ticks=100)
    assert slow == [Late(told="no answer in 0.05 s"), 2]


def test_call_that_hangs_is_given_up_however_many_ticks_are_to_come() -> None:
    release = threading.Event()
    hung = ModelThread("test", 0.02).ask(questions(release.wait), n_ticks=10_000)
    release.set()
    assert hung == [Late(told="no answer in 0.02 s")]


def test_question_about_many_bars_has_the_time_of_all() -> None:
    thread = ModelThread("test", 0.05)
    pause = threading.Event()
    whole = Question(call=lambda: pause.wait(0.1), n=100)
    assert thread.ask([whole], n_ticks=100) == [False]


def test_thread_ends_with_its_owner() -> None:
    before = threading.active_count()
    thread = ModelThread("test of its end", 5.0)
    thread.ask(questions(lambda: 1))
    (mine,) = [each for each in threading.enumerate() if each.name == "test of its end"]
    del thread
    gc.collect()
    mine.join(5)
    assert threading.active_count() <= before
