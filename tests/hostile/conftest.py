"""What the tests of this folder share: commands in forked processes."""

from collections.abc import Iterator

import pytest

from support.forked import Commands


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """The server of commands, whose start takes some seconds."""
    with Commands() as started:
        yield started
