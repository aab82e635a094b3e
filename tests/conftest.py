"""What all tests share: how Hypothesis is run."""

from hypothesis import settings

# `make rules`: the same few examples each time, for the inner loop.
settings.register_profile("rules", derandomize=True, database=None, deadline=None, max_examples=30)
