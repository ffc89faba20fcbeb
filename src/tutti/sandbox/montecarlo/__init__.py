"""Monte Carlo: what else could have happened to a strategy, by four ways of resampling."""
