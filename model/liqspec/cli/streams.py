"""The standard streams of a command: there even if they were closed, and with all that is printed made visible.

Every text passes here, so no caller can forget it. What `rich` styles comes already cleaned from a `VisibleConsole`,
and passes as it is, because the styles are escapes that must act.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, TextIO, cast

from liqspec.edge.texts import visible


class VisibleStream:
    """A stream of text that escapes what is not printable in all that it is given, except line feeds and tabs."""

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream  # where the library writes, in place of this

    def write(self, text: str) -> int:
        """Write a text visibly; a TypeError is raised if it is not one."""
        if not isinstance(text, str):
            raise TypeError(f"expected a text, got {type(text).__name__}")
        self.rich_proxied_file.write(text if text.isascii() and text.isprintable() else visible(text, kept="\n\t"))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """What is not of writing is that of the stream."""
        return getattr(self.rich_proxied_file, name)


def open_closed() -> None:
    """Let each standard stream that is closed lead nowhere: else the next file that is opened would take its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number, which is this
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


@contextmanager
def all_visible() -> Iterator[None]:
    """Within this, what is written to standard output and error is made visible."""
    streams = sys.stdout, sys.stderr
    for stream in streams:
        if isinstance(stream, TextIOWrapper):  # what its encoding does not have is written as an escape
            stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = (cast(TextIO, VisibleStream(stream)) for stream in streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
