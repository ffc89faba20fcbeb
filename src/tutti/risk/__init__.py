"""Intents to approvals or refusals: limits, caps, care of positions, breakers, portfolio risk."""
