"""Markets gone wrong: crashes, thin books, outages and the like, laid over bars that were recorded."""
