"""Runs of scenarios: the run itself, its order book, its timeline and its trace."""
