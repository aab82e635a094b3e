"""Lemmas about the arithmetic, proved for all whole numbers by running the model's own functions on symbols."""
