"""Errors in one line: those that a user can fix, and what this tool itself got wrong; never a traceback."""

import json
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from liqspec.edge.texts import one_line


class InvalidInput(ValueError):
    """A file, a value or a set-up that a command cannot work with; the command line prints it and exits with 2."""


class InvalidField(InvalidInput):
    """A value that is not valid where it is: the path of its field ("" for the whole), and what is wrong with it."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(one_line(f"{path}: {message}" if path else message))
        self.path = path
        self.message = message


class MissingExtra(InvalidInput):
    """A library that only some uses need is not installed."""

    def __init__(self, use: str, library: str, extra: str) -> None:
        super().__init__(f"{use} needs {library}: pip install 'liqspec[{extra}]'")


@contextmanager
def needs(library: str, extra: str, use: str) -> Iterator[None]:
    """Within this, a library is imported that comes with an extra; a MissingExtra if it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != library:
            raise
        raise MissingExtra(use, library, extra) from None


class InternalFailure(Exception):
    """An exception of the model or of a generator: a defect of this tool, or of a rule that is being changed.

    `what` names the exception and its place, `where` the run, and `events` are those of the run so far.
    """

    def __init__(self, where: str, what: str, events: list[dict[str, Any]]) -> None:
        super().__init__(where, what, events)
        self.where, self.what, self.events = where, what, events

    @classmethod
    def of(cls, where: str, error: Exception, events: list[dict[str, Any]]) -> "InternalFailure":
        """The failure that an exception is, in a run of these events; one that is a failure already stays."""
        return error if isinstance(error, cls) else cls(where, named(error), list(events))

    def __str__(self) -> str:
        """The failure in one line, with the events that repeat it."""
        events = json.dumps(self.events, ensure_ascii=False)
        return f"internal failure in {self.where}: {self.what}; number of events so far: {len(self.events)}: {events}"


@contextmanager
def in_run(where: str, events: list[dict[str, Any]]) -> Iterator[None]:
    """Within this, an exception that no user can fix is a failure in a run of these events so far.

    Raises:
        InternalFailure: there was such an exception.
    """
    try:
        yield
    except InvalidInput:
        raise
    except Exception as error:
        raise InternalFailure.of(where, error, events) from error


def named(error: Exception) -> str:
    """An exception in one line: its type, its message, and the function and line that raised it."""
    remote = type(error.__cause__).__name__ == "_RemoteTraceback"  # of another process there is only a traceback's text
    text = str(error.__cause__) if remote else "".join(traceback.format_tb(error.__traceback__))
    frames = re.findall(r'File "(.+)", line (\d+), in (.+)', text)[-1:]
    place = "".join(f" in {name} ({Path(path).name}, line {line})" for path, line, name in frames)
    message = " ".join(str(error).split())
    return f"{type(error).__name__}{place}" + (f": {message}" if message else "")
