"""Driving a foreign engine in lock-step with the model, over the protocol or in this process."""
