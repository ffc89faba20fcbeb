"""Simulated venue and market, the fast tier, and the reports of what was tried there."""
