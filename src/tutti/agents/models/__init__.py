"""Plug-in models: what they promise, their bars and frames, and the agents that ask them."""
