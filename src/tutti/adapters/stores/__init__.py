"""Where things are kept: stores behind the ports of `ledger` and others."""
