"""Driving a foreign engine beside the model: over the protocol or in this process, to the first difference."""
