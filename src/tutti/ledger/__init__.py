"""The append-only, hash-chained journal: what was decided, why, and what came of it."""
