"""Where the specification's files are, and how any file is read at the edge: bounded, whole, one line per error."""

import datetime
import json
import math
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from liqspec.edge import limits
from liqspec.edge.errors import InvalidField, InvalidInput
from liqspec.edge.texts import did_you_mean, one_line, placed

_HERE = Path(__file__).resolve()
# An installed wheel carries spec/ inside the package, under another name; a checkout has it at its root.
_PLACES = (_HERE.parents[1] / "specification", _HERE.parents[3] / "spec")
ROOT = next((root for root in _PLACES if (root / "machine.toml").is_file()), _PLACES[-1])


class UnreadableFile(InvalidInput):
    """A file that cannot be read or parsed: its name, and why."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}")


def shipped(folder: str) -> list[str]:
    """The names of the TOML files in a folder of the specification."""
    return sorted(path.stem for path in (ROOT / folder).glob("*.toml"))


def shipped_or_path(folder: str, name_or_path: str, no_such: str) -> Path:
    """The file of a shipped name, or the file at a path.

    Raises:
        UnreadableFile: it is neither; `no_such` says so, and what to write instead.
    """
    path = Path(name_or_path)
    if name_or_path in shipped(folder):
        return ROOT / folder / f"{name_or_path}.toml"
    if path.suffix != ".toml" and not path.exists():
        raise UnreadableFile(path, no_such + did_you_mean(name_or_path, shipped(folder)))
    return path


def read_text(path: Path, stream: BinaryIO | None = None) -> str:
    """The text of a file, or of a stream that errors call `path`.

    Raises:
        UnreadableFile: it is missing, a directory, unreadable, too large, empty or no UTF-8.
    """
    try:
        if not stream and path.is_dir():
            raise UnreadableFile(path, "is a directory, not a file")
        with nullcontext(stream) if stream else path.open("rb") as file:
            data = file.read(limits.FILE_BYTES + 1)
    except OSError as error:
        raise UnreadableFile(path, (error.strerror or str(error)).lower()) from None
    if len(data) > limits.FILE_BYTES:
        most = limits.FILE_BYTES // limits.MEBIBYTE
        raise UnreadableFile(path, f"is larger than {most} MiB, the most that is read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableFile(path, f"is not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        raise UnreadableFile(path, "is empty")
    return text


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; an UnreadableFile is raised if it cannot be read or parsed."""
    text = read_text(path)
    try:
        return parse_toml(text, path)
    except InvalidField as error:
        raise UnreadableFile(path, placed(error.path, error.message)) from None


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """The content of a TOML text that came from `path`, in values that JSON has too.

    Raises:
        UnreadableFile: it is too large, malformed (the message names the line), or nested too deeply.
        InvalidField: a field of it is a date or a time, infinite, or nan.
    """
    if len(text) > limits.TOML_BYTES:
        raise UnreadableFile(path, f"is larger than {limits.TOML_BYTES // limits.MEBIBYTE} MiB, the most of TOML")
    try:
        if _LONG_KEY.search(text):  # the library would need time by the square of its parts
            raise RecursionError
        data = tomllib.loads(text)
        _check_nesting(data)
    except RecursionError:
        raise UnreadableFile(path, "malformed TOML: nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise UnreadableFile(path, f"malformed TOML: {one_line(str(error))}") from None
    except ValueError:  # Python's own bound on the digits of an integer
        raise UnreadableFile(path, "malformed TOML: a number has too many digits") from None
    for field, message in _not_in_json("", data):
        raise InvalidField(field, message)
    return data


def read_json(path: Path, stream: BinaryIO | None = None) -> Any:
    """The content of a JSON file, or of a stream (see `read_text`); an UnreadableFile if `parse_json` refuses it."""
    text = read_text(path, stream)
    try:
        return parse_json(text)
    except ValueError as error:
        raise UnreadableFile(path, f"malformed JSON: {error}") from None


def parse_json(text: str) -> Any:
    """The content of a JSON text.

    Duplicate keys, unpaired surrogates, NaN, too many values, what is infinite or nested too deeply are a ValueError
    too. `-0` is read as a float, because it is spelt as no integer (EVT-4).
    """
    try:
        if len(text) > limits.JSON_VALUES and sum(map(text.count, ",[{:::")) > limits.JSON_VALUES:
            raise ValueError(f"more than {limits.JSON_VALUES:,} values")
        if "\\" in text:
            for escape in _ESCAPE.finditer(text):
                if escape[1]:
                    raise ValueError(f"\\{escape[1]} is an unpaired surrogate")
        data = (_JSON if "-0" in text else _JSON_WITHOUT_MINUS_ZERO).decode(text)
        if text.count("{") + text.count("[") > limits.NESTING:
            _check_nesting(data)
        return data
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        message = "a number has too many digits" if "int_max_str_digits" in str(error) else one_line(str(error))
        raise ValueError(message) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        for key, _ in pairs:
            if key not in table:
                raise ValueError(f"the key {key[:40]!r} is repeated in one object")
            del table[key]
    return table


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    if math.isfinite(number := float(text)):
        return number
    raise ValueError(f"{one_line(text, 40)} is too large for a number")


_NESTED = (dict, list)  # a tuple, which is looked at much faster than a union


def _check_nesting(data: Any) -> None:
    """Raise a RecursionError if plain data is nested too deeply: what works on it may recurse."""
    inside, depth = [data], 0
    while inside := [
        entry
        for outer in inside
        for entry in (outer.values() if isinstance(outer, dict) else outer)
        if isinstance(entry, _NESTED)
    ]:
        depth += 1
        if depth >= limits.NESTING:
            raise RecursionError


def _not_in_json(path: str, data: Any) -> Iterator[tuple[str, str]]:
    """The fields of what TOML gives that JSON does not have, each with what is wrong; it is not nested too deeply."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _not_in_json(f"{path}.{name}" if path else name, value)
    elif isinstance(data, list):
        for number, value in enumerate(data, start=1):
            yield from _not_in_json(f"{path}[{number}]", value)
    elif isinstance(data, datetime.date | datetime.time):
        yield path, f"expected a text or a number, got the date or time {data.isoformat()}: write it in quotes"
    elif isinstance(data, float) and not math.isfinite(data):
        yield path, f"expected a finite number or a string, got {data}"


# A text that was UTF-8 has surrogates only as escapes. Two of them may be one character; a backslash may be escaped.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)

_JSON = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_no_constant,
    parse_float=_finite,
    parse_int=lambda text: -0.0 if text == "-0" else int(text),
)
# Twice as fast.
_JSON_WITHOUT_MINUS_ZERO = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)

# All of them possessive, so that a line is read once, whatever is in it.
_HEADER = re.compile(r"\s*+(\[\[?)([^\[\]]++)\]")
_NAME = r"""(?:"[^"\n]*+"|'[^'\n]*+'|[A-Za-z0-9_-]++)"""
_KEY = re.compile(rf"\s*+({_NAME}(?:\s*+\.\s*+{_NAME})*+)\s*+=")
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-]){_NAME}(?:[ \t]*+\.[ \t]*+{_NAME}){{{limits.NESTING},}}+")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_/-]+)""")


def line_of(text: str, path: str) -> int | None:
    """The line (from 1) of the field at a path such as `step[3].event.price`, or of the nearest table around it.

    None if nothing of the path is found. Best effort: the inside of an inline table counts as the line it starts on.
    """
    wanted = _parts(path)
    nearest: int | None = None
    most_shared = -1
    section: list[str] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            section = _parts(header[2])
            if header[1] == "[[":
                name = ".".join(section)
                counts[name] = counts.get(name, 0) + 1
            found = section = _inside_arrays(section, counts)
        elif key := _KEY.match(line):
            found = [*section, *_parts(key[1])]
        else:
            continue
        # A header such as [end.pools.X] is deeper than the field end.pools, and still where that field is.
        shared = min(len(found), len(wanted))
        if found and shared > most_shared and found[:shared] == wanted[:shared]:
            most_shared, nearest = shared, number
    return nearest


@contextmanager
def located(text: str, path: Path, refused: type[InvalidInput]) -> Iterator[None]:
    """Raise an InvalidField of the TOML text of `path` as `refused`: the file, the line if it is found, the field."""
    try:
        yield
    except InvalidField as error:
        raise refused(place_of(text, path, error)[1]) from None


def place_of(text: str, path: Path, error: InvalidField) -> tuple[int, str]:
    """The line of an InvalidField of the TOML text of `path` (0 if it is not found), and the error with its place."""
    line = line_of(text, error.path)
    place = f"{path}:{line}" if line else path
    return line or 0, f"{place}: {placed(error.path, error.message)}"


def _parts(path: str) -> list[str]:
    return ["".join(groups) for groups in _PART.findall(path)]


def _inside_arrays(section: list[str], counts: dict[str, int]) -> list[str]:
    """An entry of an array of tables, or a table below it, belongs to the array's latest entry."""
    for length in range(len(section), 0, -1):
        name = ".".join(section[:length])
        if name in counts:
            return [*section[:length], str(counts[name]), *section[length:]]
    return section


_VERSION = re.compile(r"^Rules version: \*\*([0-9]+\.[0-9]+\.[0-9]+)\*\*", re.MULTILINE)


@cache
def rules_version() -> str:
    """The version that `spec/rules.md` states (VER-1)."""
    match = _VERSION.search(read_text(ROOT / "rules.md"))
    if match is None:
        raise ValueError("rules.md: the version of the rules is missing")
    return match[1]
