"""Looks for violations, exhaustively or at random, and makes what it finds short and plain."""
