"""What to hold, and how much of it: the policy port, hybrid and EMA cross, sizing, targets."""
