"""Sentiment by asking a language model, in a package of its own: it joins ``text`` and ``llm``."""
