"""Which instruments trade, at which venues and on what terms, and what changed in that."""
