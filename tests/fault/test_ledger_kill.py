"""A writer that is killed at any instant loses no committed row and leaves a chain that holds."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.ledger.fold import fold
from tutti.ledger.journal import Journal
from tutti.ledger.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

_KILLS = 10

# Says what is committed, and nothing else, until it is killed.
_WRITER = """
import sys
from pathlib import Path
import numpy as np
from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import Command

journal = Journal(SqliteLedger(Path(sys.argv[1]), Durability(sys.argv[2])), "run-1")
while True:
    for n in range(int(sys.argv[3])):
        ts = journal.head().seq
        journal.append("command", ts, Command(name="pause", by="me", detail="x" * (n % 50)))
    if ts % 7 == 0:
        journal.segment(np.arange(ts, ts + 3), {"bias": np.zeros((3, 2))})
    journal.commit()
    print(*journal.head(), flush=True)
"""


def _last_committed(folder: Path, durability: Durability, n_lines: int) -> tuple[int, str]:
    """Let a writer commit, kill it after ``n_lines``, return the last that it said."""
    command = [sys.executable, "-c", _WRITER, str(folder), durability.value, "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(n_lines)]
        writer.kill()
        said += writer.stdout  # what it said before it died counts, too
        assert writer.wait() == -signal.SIGKILL
    seq, digest = [line for line in said if line.endswith("\n")][-1].split()
    return int(seq), digest


def test_writer_killed_ten_times_loses_no_committed_row(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    folder = tmp_path / "ledger"
    rows = 0
    for _ in range(_KILLS):
        seq, digest = _last_committed(folder, Durability.EACH_COMMIT, int(random.integers(1, 60)))
        with SqliteLedgerReader(folder) as reader:
            found = verify(reader)
            assert (found.ok, found.problem) == (True, "")
            assert found.rows >= seq > rows
            assert next(r for r in reader.rows() if r.seq == seq).hash.hex() == digest
        rows = found.rows
    with SqliteLedger(folder, Durability.EACH_COMMIT) as store:
        journal = Journal(store, "run-1")
        assert journal.head().seq == rows
        assert fold(store).counts["command"] > 0


def test_backtest_that_is_killed_leaves_whole_batches_or_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    _last_committed(folder, Durability.BATCHED, 900)
    with SqliteLedgerReader(folder) as reader:
        found = verify(reader)
    assert (found.ok, found.problem) == (True, "")
    assert found.rows >= 8192
    journal = Journal(SqliteLedger(folder, Durability.BATCHED), "run-1")
    assert journal.head().seq == found.rows
    journal.close()
