"""What trading costs, measured on recorded trades, quotes and books, beside what the model says."""
