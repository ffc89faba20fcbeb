"""Register of trials in one SQLite file, append-only and chained by hashes."""

from tutti.adapters.stores.trial_register.register import SqliteTrialRegister

__all__ = ["SqliteTrialRegister"]
