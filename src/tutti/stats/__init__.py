"""Performance figures, one definition each: arrays in, numbers out, nothing kept.

Equity is the account's value in quote currency at successive instants, oldest first, a value before
any trade among them. It must start positive and be finite; an account that falls to 0, or to dust,
is ruined: it counts as 0 from there on. A figure that is undefined (a ratio with nothing below the
line) is NaN; only the summary, `tutti.stats.performance.performance`, says 0 instead, because JSON
has no NaN.
"""
