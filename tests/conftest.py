"""What all tests share: how wide outputs are, and how Hypothesis is run."""

import os

from hypothesis import settings

os.environ.pop("COLUMNS", None)  # outputs are compared at the width of a pipe; the test runner's workers set it

# `make rules`: the same few examples each time, for the inner loop.
settings.register_profile("rules", derandomize=True, database=None, deadline=None, max_examples=30)
