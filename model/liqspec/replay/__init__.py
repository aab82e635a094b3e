"""Runs of scenarios: the run itself, the order book beside it, its timeline and its trace."""
