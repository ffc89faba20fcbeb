"""Market data from files: bars and funding, what is wrong with them, and replay at any speed."""
