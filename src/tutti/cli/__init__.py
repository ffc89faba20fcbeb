"""Command line: thin, over ``app``."""
