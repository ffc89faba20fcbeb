"""Memory: situations that were seen before, and what came of them."""
