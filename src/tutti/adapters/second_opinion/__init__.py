"""Another engine's opinion of a run: its orders and bars replayed, and every difference named."""
