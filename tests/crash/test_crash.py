"""A live account is killed at random steps of the order path; `make crash-test` does it longer."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]


@pytest.mark.parametrize("dialect", ["binance", "hyperliquid"])
def test_killed_account_loses_and_doubles_nothing(dialect: str) -> None:
    command = [sys.executable, "-m", "tests.crash.run", "--kills", "15", "--dialect", dialect]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout.splitlines()[-1])
    assert {key: told[key] for key in ("kills", "lost", "doubled", "wrong_positions")} == {
        "kills": 15, "lost": 0, "doubled": 0, "wrong_positions": 0,
    }, done.stderr  # fmt: skip
    assert told["orders"] > 10
    assert done.returncode == 0
