"""Families of rules: off by default, found by name, and imported where they act."""
