"""Worlds whose truth is known: nothing can be foreseen in them, or just so much."""
