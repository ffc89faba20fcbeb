"""Sentiment by words and rules, aware of finance: offline, fast, the same everywhere."""
