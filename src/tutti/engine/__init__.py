"""The one loop: market in, decisions, orders and ledger rows out; the same for every kind of run."""
