"""The errors that a user can fix: each is one line that says what is wrong, where, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class InvalidInput(ValueError):
    """A file, a value or a set-up that a command cannot work with; the command line prints it and exits with 2."""


class MissingExtra(InvalidInput):
    """A library that only some uses need is not installed."""

    def __init__(self, use: str, library: str, extra: str) -> None:
        super().__init__(f"{use} needs {library}: pip install 'liqspec[{extra}]'")


@contextmanager
def needs(library: str, extra: str, use: str) -> Iterator[None]:
    """Within this, a library is imported that comes with an extra.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise
        raise MissingExtra(use, library, extra) from None
