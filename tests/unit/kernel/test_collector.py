"""The collector looks less often during a run, and as before after it."""

from __future__ import annotations

import gc

import pytest

from tutti.kernel.collector import unhurried_collector


def test_collector_is_as_before_when_the_run_is_over() -> None:
    before = gc.get_threshold()
    with unhurried_collector():
        assert gc.get_threshold() > before
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_collector_is_as_before_when_the_run_fails() -> None:
    before = gc.get_threshold()
    with pytest.raises(RuntimeError, match="midway"), unhurried_collector():
        raise RuntimeError("midway")
    assert gc.get_threshold() == before
