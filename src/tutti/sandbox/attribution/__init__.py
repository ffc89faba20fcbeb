"""Where a profit came from: agents, instruments, venues, regimes, sides, and what each part of a fill cost."""
