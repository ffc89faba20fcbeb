"""Agents that ask a language model, and what stands between them and it."""
