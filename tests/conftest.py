"""What every test may ask for: the recorded market data, and how hard Hypothesis tries."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_ROOT = Path(__file__).resolve().parent.parent

# Tests run backtests by the hundred, and none of them is a trial of anybody's.
os.environ["TUTTI_TRIALS"] = "off"

# Compiled kernels make the first example of a property slow and the rest fast, hence no deadline.
settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=200,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Return the folder of recorded market data, or skip where it is absent."""
    folder = Path(os.environ.get("TUTTI_TEST_DATA") or _ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        reason = f"no recorded market data in {folder}; name its folder in TUTTI_TEST_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
