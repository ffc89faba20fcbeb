"""Configuration to running objects: the only place that knows every adapter."""
