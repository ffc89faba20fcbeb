"""Providers by plain HTTP: one small file a dialect, one client for all."""
