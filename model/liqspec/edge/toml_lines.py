"""Finding the line of a field in a TOML text, for error messages; the parser itself keeps no positions."""

import re
from pathlib import Path

_HEADER = re.compile(r"^\s*(\[\[|\[)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_/-]+)""")


def line_of(text: str, path: str) -> int | None:
    """The line (from 1) of the field at a path such as `step[3].event.price`, or of the nearest table around it.

    None if nothing of the path is found. Best effort: the inside of an inline table counts as the line it starts on.
    """
    wanted = _parts(path)
    best: tuple[int, int] | None = None
    section: list[str] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        found: list[str] | None = None
        if header := _HEADER.match(line):
            section = _parts(header[2])
            if header[1] == "[[":
                name = ".".join(section)
                counts[name] = counts.get(name, -1) + 1
                section = [*section, str(counts[name])]
            else:
                section = _inside_arrays(section, counts)
            found = section
        elif key := _KEY.match(line):
            found = [*section, *_parts(key[1])]
        if found and (found[: len(wanted)] == wanted or wanted[: len(found)] == found):
            # A header such as [end.pools.X] is deeper than the field end.pools, and still where that field is.
            shared = min(len(found), len(wanted))
            if best is None or shared > best[0]:
                best = (shared, number)
    return best[1] if best else None


def place(text: str, path: Path, field: str) -> str:
    """Where a field is, as file:line, or the file alone where the line is not found."""
    line = line_of(text, field)
    return f"{path}:{line}" if line else str(path)


def _parts(path: str) -> list[str]:
    return ["".join(groups) for groups in _PART.findall(path)]


def _inside_arrays(section: list[str], counts: dict[str, int]) -> list[str]:
    """A table below an array of tables belongs to the array's latest entry."""
    for length in range(len(section), 0, -1):
        name = ".".join(section[:length])
        if name in counts:
            return [*section[:length], str(counts[name]), *section[length:]]
    return section
