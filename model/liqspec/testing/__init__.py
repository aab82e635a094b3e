"""Tests of a Python engine against the model, in its own test suite: `check_engine`, and a machine for Hypothesis.

An engine is anything with two methods, see `PythonEngine`; one of a part of the rules says in attributes what it
supports and reports. Ten lines test it::

    from liqspec.testing import LiquidationMachine, Refused, check_engine
    from my_venue import MyEngine

    def test_my_engine_follows_the_rules():
        check_engine(MyEngine, steps=5_000)

    class Machine(LiquidationMachine):
        engine = MyEngine

    TestMyEngine = Machine.TestCase

An engine that knows only deposits and blocks, and reports only collateral::

    class MyEngine:
        events = ("deposit", "block")
        observes = ("pools.collateral",)
        ...  # reset and apply; `raise Skip("why")` for what it cannot process
"""

from liqspec.conform.answers import Accepted
from liqspec.testing.check import check_engine
from liqspec.testing.engines import Model, PythonEngine, Refused, Skip
from liqspec.testing.machine import LiquidationMachine
from liqspec.testing.strategies import configurations, events, runs

__all__ = [
    "Accepted",
    "LiquidationMachine",
    "Model",
    "PythonEngine",
    "Refused",
    "Skip",
    "check_engine",
    "configurations",
    "events",
    "runs",
]
