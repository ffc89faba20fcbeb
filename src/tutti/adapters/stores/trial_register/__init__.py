"""Register of trials in one SQLite file, append-only and chained by hashes."""

from tutti.adapters.stores.trial_register.register import SqliteTrialRegister
from tutti.adapters.stores.trial_register.uncounted import OFF, UncountedTrials, usual_place

__all__ = ["OFF", "SqliteTrialRegister", "UncountedTrials", "usual_place"]
