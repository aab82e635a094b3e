"""What all tests share: how wide outputs are, and how Hypothesis is run."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# Outputs are compared at the width of a pipe. The test runner's workers set it, and the line editor of the test runner
# sets it unseen by `os.environ`, for the processes that are started.
os.environ.pop("COLUMNS", None)
os.unsetenv("COLUMNS")

# Nothing is kept in the user's cache, nor read from it, but by tests of just that.
os.environ["LIQSPEC_FRESH"] = "1"

# `make rules`: the same few examples each time, for the inner loop.
settings.register_profile("rules", derandomize=True, database=None, deadline=None, max_examples=30)


@pytest.fixture(autouse=True)
def no_shared_byte_is_changed() -> Iterator[None]:
    """Python has each single byte once. The compiled Fraction writes into that of zero if it is given a short text."""
    yield
    shared = "\x00".encode()  # noqa: UP012 (a literal would be a copy)
    assert shared == bytes(1), "a test gave the compiled Fraction a text: use `number` of properties/checker"


@pytest.fixture
def without_the_protocols_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lines of the suite are sent: they take fourteen starts of an engine. Their own tests send them."""
    monkeypatch.setattr("liqspec.conform.protocol.suite.ProtocolSuite.findings", lambda *_: iter(()))


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that the model plays from now on, in comparisons with an engine."""
    from liqspec.conform.ahead import Ahead  # noqa: PLC0415 - few tests need it

    runs: list[str] = []
    play = Ahead.play

    def noted(self: Ahead, *given: Any, **more: Any) -> Any:
        runs.append(given[4])
        return play(self, *given, **more)

    monkeypatch.setattr(Ahead, "play", noted)
    return runs
