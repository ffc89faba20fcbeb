"""Where a measured process writes, and how much memory it took."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that goes away after use."""
    # where it is run: the system's folder for such things may be memory, not a disk
    return tempfile.TemporaryDirectory(dir=Path(), prefix="bench-")


def peak_mb() -> float:
    """Return the most memory that this process held so far, MiB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
