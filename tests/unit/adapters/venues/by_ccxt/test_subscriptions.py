"""Which stream is of which symbols, as symbols join and leave."""

from __future__ import annotations

import asyncio

from tutti.adapters.venues.by_ccxt.subscriptions import Subscriptions
from tutti.adapters.venues.by_ccxt.tasks import Tasks


async def _for_ever() -> None:
    await asyncio.Event().wait()


def test_symbols_are_grouped_as_one_subscription_may_hold() -> None:
    subscriptions = Subscriptions(Tasks("binance"), 2)
    assert subscriptions.groups(["A", "B", "C"]) == [["A", "B"], ["C"]]
    assert subscriptions.groups([]) == []


async def test_streams_of_what_leaves_end_and_say_what_is_left_of_their_groups() -> None:
    tasks = Tasks("binance")
    subscriptions = Subscriptions(tasks, 2)
    for group in (["A", "B"], ["A", "B"], ["C"], ["D"]):
        subscriptions.run(group, _for_ever())
    assert subscriptions.hold({"B", "X"})
    assert not subscriptions.hold({"X"})
    assert subscriptions.leave({"B", "C"}) == [["A"]]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(tasks) == 1
    assert subscriptions.hold({"D"})
    assert not subscriptions.hold({"A", "B", "C"})
    await tasks.close()
