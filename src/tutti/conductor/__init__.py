"""The state of the market, by rules, and how much each agent weighs in it."""
