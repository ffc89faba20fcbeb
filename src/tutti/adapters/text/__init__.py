"""Other people's sentiment scorers and embedders, behind the ports of ``tutti.agents.text``."""
