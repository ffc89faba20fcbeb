"""Venues by ccxt: one adapter for every exchange, and a small file for what differs at each."""
