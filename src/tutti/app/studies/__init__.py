"""Studies of a strategy: scenarios, comparisons, attribution, and the like; each from a configuration and bars."""
