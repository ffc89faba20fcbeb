"""Tutti, an orchestra of trading agents under one conductor."""

__version__ = "0.1.0"
