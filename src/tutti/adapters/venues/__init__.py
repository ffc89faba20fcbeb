"""Real exchanges behind the venue port."""
