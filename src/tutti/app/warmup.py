"""Compiles every kernel once, so that the first command a person gives does not wait for it."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tutti.app.backtest import Source, run_source
from tutti.app.config import override
from tutti.app.feed import made_up
from tutti.app.settings import Config
from tutti.kernel.clock import DAY, HOUR

_BARS = 400


def main() -> None:
    """Run a small backtest on made-up bars in both tiers."""
    began = time.perf_counter()
    config = override(Config(), {"feed.tick_s": HOUR / 1e9})
    block = made_up(config, 19_000 * DAY).history(19_000 * DAY + _BARS * HOUR)
    if block is None:
        raise RuntimeError("the simulated market made no bars")
    source = Source(block=block, files=(), findings=())
    with tempfile.TemporaryDirectory(prefix="tutti-warm-up-") as folder:
        run_source(config, source, "both", Path(folder), lambda *_: None)
    print(f"kernels compiled in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; what was compiled is kept")
