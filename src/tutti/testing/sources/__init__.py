"""Public: made-up sources of data on the loopback, with faults under control, for tests without a network."""

from tutti.testing.sources.server import FakeSources, Fault, serve

__all__ = ["FakeSources", "Fault", "serve"]
