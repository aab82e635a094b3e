"""The corpus of vectors: how its cases are found, written, checked, and played to an engine (spec/vectors.md)."""
