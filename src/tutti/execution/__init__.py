"""Orders: their life cycle, the venue port, submission, reconciliation, and what a fill costs."""
