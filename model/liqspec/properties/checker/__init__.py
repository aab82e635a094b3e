"""The naive checker: the rules once more, in Fractions, written from `spec/` alone; it imports nothing of the model."""
