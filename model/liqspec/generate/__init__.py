"""Random events that go where liquidations happen: breaches on purpose, exact boundaries, working orders, windows.

All choices come from a `random.Random`: a seed repeats a run, and Hypothesis' `randoms()` can shrink one.
"""

from liqspec.generate.guide import Guide

__all__ = ["Guide"]
