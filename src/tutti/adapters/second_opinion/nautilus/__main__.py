"""Starts the program: ``python nautilus FOLDER``."""

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    # a package by itself: the Python that runs it need not have Tutti
    sys.path[0] = str(here.parent)
    import_module(f"{here.name}.replay").main(Path(sys.argv[1]))
