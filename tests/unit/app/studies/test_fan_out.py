"""Work in this process, in several, and on a cluster: the same parts, the same answers."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import pytest

from tutti.app.studies.fan_out import cut, fan_out
from tutti.app.studies.montecarlo import Draw, run_montecarlo
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.app.backtest import Source
    from tutti.app.config import Config


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Return the address of a Dask scheduler on the loopback, with one worker."""
    dask = pytest.importorskip("distributed", reason="the extra cluster is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = dask.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://",
            host="127.0.0.1", dashboard_address=None,
        )  # fmt: skip
        yield cluster.scheduler_address
        cluster.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_answer_for_every_part(workers: int) -> None:
    assert sorted(fan_out(math.factorial, [3, 1, 4], workers=workers)) == [1, 6, 24]


def test_pieces_cover_everything_once_and_are_no_longer_than_asked() -> None:
    pieces = cut(1000, 2, 64)
    assert [number for piece in pieces for number in piece] == list(range(1000))
    assert max(map(len, pieces)) <= 64
    assert len(cut(3, 2, 64)) == 3


def test_cluster_finds_what_this_machine_finds(
    config: Config, source: Source, scheduler: str
) -> None:
    draw = Draw(n_paths=4, block=30.0)
    here = run_montecarlo(config, source.block, draw, lambda *_: None, workers=1)
    there = run_montecarlo(config, source.block, draw, lambda *_: None, cluster=scheduler)
    assert there.spreads == here.spreads


def test_cluster_that_does_not_answer_is_told() -> None:
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    with pytest.raises(ConfigError, match="no Dask scheduler answers there"):
        list(fan_out(math.factorial, [1], cluster="tcp://127.0.0.1:9"))
