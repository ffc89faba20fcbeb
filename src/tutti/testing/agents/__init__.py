"""An agent that plays a script, and a made-up world to ask agents about.

The suites that agents pass are in ``tutti.testing.conformance.agents``, which needs pytest.
"""

from tutti.testing.agents.scripted import Line, ScriptedAgent
from tutti.testing.agents.world import World, wild_features

__all__ = ["Line", "ScriptedAgent", "World", "wild_features"]
