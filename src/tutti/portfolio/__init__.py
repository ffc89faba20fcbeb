"""Fills to positions, cash, equity and profit, in arrays for the kernels and in decimals."""
