"""Events reach every subscriber in order; a full queue does what it was told to."""

from __future__ import annotations

import asyncio

import pytest

from tutti.kernel.bus import Overflow, Topic
from tutti.model.errors import InvariantBroken


def test_handlers_are_called_in_the_order_in_which_they_came() -> None:
    topic: Topic[int] = Topic("ticks")
    calls: list[tuple[str, int]] = []
    topic.subscribe(lambda event: calls.append(("first", event)))
    topic.subscribe(lambda event: calls.append(("second", event)))
    topic.publish(7)
    assert calls == [("first", 7), ("second", 7)]


def test_handler_that_left_hears_nothing_more() -> None:
    topic: Topic[int] = Topic("ticks")
    heard: list[int] = []
    leave = topic.subscribe(heard.append)
    topic.publish(1)
    leave()
    leave()
    topic.publish(2)
    assert heard == [1]


def test_handler_that_comes_during_a_delivery_hears_the_next_event() -> None:
    topic: Topic[int] = Topic("ticks")
    heard: list[int] = []

    def invite(event: int) -> None:
        if event == 1:
            topic.subscribe(heard.append)

    topic.subscribe(invite)
    topic.publish(1)
    topic.publish(2)
    assert heard == [2]


def test_error_of_a_handler_passes_to_the_publisher() -> None:
    topic: Topic[int] = Topic("ticks")
    topic.subscribe(lambda event: [][event])
    with pytest.raises(IndexError):
        topic.publish(0)


async def test_queue_gives_events_in_order_and_ends_when_closed() -> None:
    topic: Topic[int] = Topic("ticks")
    queue = topic.queue(10, Overflow.REFUSE)
    for event in range(3):
        topic.publish(event)
    assert len(queue) == 3
    queue.close()
    topic.publish(99)
    assert [event async for event in queue] == [0, 1, 2]


async def test_queue_wakes_its_reader_when_an_event_comes() -> None:
    topic: Topic[str] = Topic("words")
    queue = topic.queue(10, Overflow.REFUSE)

    async def read_all() -> list[str]:
        return [event async for event in queue]

    async with asyncio.TaskGroup() as group:
        reader = group.create_task(read_all())
        for word in ("one", "two"):
            await asyncio.sleep(0)
            topic.publish(word)
        await asyncio.sleep(0)
        queue.close()
    assert reader.result() == ["one", "two"]


async def test_full_queue_that_may_drop_forgets_the_oldest_and_counts() -> None:
    topic: Topic[int] = Topic("ticks")
    queue = topic.queue(2, Overflow.DROP_OLDEST)
    for event in range(5):
        topic.publish(event)
    queue.close()
    assert queue.dropped == 3
    assert [event async for event in queue] == [3, 4]


async def test_full_queue_that_may_not_drop_stops_the_publisher() -> None:
    topic: Topic[int] = Topic("fills")
    queue = topic.queue(1, Overflow.REFUSE)
    topic.publish(1)
    with pytest.raises(InvariantBroken, match="fills: 1 events wait"):
        topic.publish(2)
    queue.close()
    assert [event async for event in queue] == [1]


def test_queue_without_room_is_refused() -> None:
    topic: Topic[int] = Topic("ticks")
    with pytest.raises(ValueError, match="ticks: a queue holds at least 1 event"):
        topic.queue(0, Overflow.REFUSE)
