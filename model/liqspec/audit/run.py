"""An audit from the first line of a log to its last, or to the first malformed one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from liqspec.audit.follow import Audit, Follower
from liqspec.audit.log import Entry, Head, InvalidLog
from liqspec.audit.sources import Format, Line, format_of, opened
from liqspec.core.parameters import InvalidConfig
from liqspec.edge import shapes
from liqspec.step.relation import Mode

Progress = Callable[[int, int], None]  # how much is read, of how much
EVERY = 500  # lines between two reports of progress


def audit(
    path: Path,
    *,
    head: Any = None,
    kind: Format | None = None,
    mode: Mode = "full",
    tolerance: dict[str, str] | None = None,
    progress: Progress = lambda _read, _size: None,
) -> Audit:
    """Follow a log; what is found before a malformed line is kept, and the line is reported as the audit's error.

    `head` is the plain data of the first line, where the log does not begin with it: a table cannot.

    Raises:
        InvalidLog: the file cannot be read, or what it says of its run is malformed.
        shapes.WrongShape: the head that is given, or a tolerance, is malformed.
    """
    kind = kind or format_of(path)
    if head is None and kind != "jsonl":
        raise InvalidLog(f"{path}: a table has no first line about its run; give it with --head FILE")
    with opened(path, kind) as source:
        lines = iter(source.lines)
        if head is not None:
            follower = Follower(Head.from_json(head, tolerance or {}), mode)
        else:
            follower = _begun(path, lines, mode, tolerance or {})
        try:
            for line in lines:
                _see(path, follower, line)
                if line.number % EVERY == 0:
                    progress(line.read, source.size)
        except InvalidLog as error:
            follower.audit.error = str(error)
    return follower.audit


def _begun(path: Path, lines: Iterator[Line], mode: Mode, tolerance: dict[str, str]) -> Follower:
    first = next(lines, None)
    if first is None:
        raise InvalidLog(f"{path}: is empty")
    try:
        return Follower(Head.from_json(first.data, tolerance), mode)
    except (shapes.WrongShape, InvalidConfig) as error:
        if error.path.startswith("tolerance"):
            raise
        raise InvalidLog(f"{path}:{first.number}: {error}") from None


def _see(path: Path, follower: Follower, line: Line) -> None:
    try:
        follower.see(line.number, Entry.from_json(line.data))
    except (shapes.WrongShape, InvalidConfig) as error:
        raise InvalidLog(f"{path}:{line.number}: {error}") from None
