"""Files of the largest size that is read, which cost most to read: each is refused in time, in little memory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from liqspec.edge import limits
from support.forked import Commands

SECONDS, BYTES = 10, 300_000_000  # of the processor, and of memory, of which the libraries have about 115 million


def repeated(text: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """What makes a text of a size: the same again and again."""
    return lambda size: before + text * ((size - len(before) - len(after)) // len(text)) + after


def numbered(text: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """What makes a text of a size: the same with a number in the place of its N."""

    def made(size: int) -> str:
        count = (size - len(before) - len(after)) // (len(text) + 6)
        return before + "".join(text.replace("N", str(number)) for number in range(count)) + after

    return made


TOML = {
    "tables": numbered("[aN]\n"),
    "tables in tables": numbered("[b.b.b.b.b.b.b.b.b.b.cN]\n"),
    "entries of an array of tables": repeated("[[a]]\n"),
    "steps": repeated("[[step]]\nevent={}\n"),
    "dotted keys": numbered("aN.b.c.d.e.f.g=1\n"),
    "keys": numbered("aN=1\n"),
    "an inline table": numbered("kN.l=1,", "a={", "z=1}"),
    "a long name": repeated("a", after="=1"),
    "a number": repeated("9", "a="),
    "a hexadecimal number": repeated("f", "a=0x"),
    "an exponent": repeated("9", "a=1e"),
    "a text of escapes": repeated("\\\\", 'a="', '"'),
    "lists": repeated("[],", "a=[", "]"),
    "tables of a list": repeated("{},", "a=[", "]"),
    "deep lists": repeated("[", "a="),
    "comments": repeated("#\n"),
    "no-break spaces": lambda size: "\xa0" * (size // 2),
}
JSON = {
    "lists": repeated("[],", "[", "0]"),
    "objects": repeated("{},", "[", "0]"),
    "texts": repeated('"ab",', "[", "0]"),
    "floats": repeated("1.5,", "[", "0]"),
    "numbers": repeated("999,", "[", "0]"),
    "keys": numbered('"N":1,', "{", '"":0}'),
    "the same key": repeated('"a":1,', "{", '"a":0}'),
    "pairs of surrogates": repeated("\\ud83d\\ude00", '"', '"'),
    "digits": repeated("9"),
    "deep lists": repeated("["),
    "deep objects": repeated('{"a":'),
    "a zero": repeated("\0"),
}
EACH = [
    *(pytest.param(TOML[name], limits.TOML_BYTES, "x.toml", ("simulate",), id=f"TOML {name}") for name in TOML),
    *(pytest.param(JSON[name], limits.FILE_BYTES, "x.json", ("step",), id=f"JSON {name}") for name in JSON),
    *(
        pytest.param(JSON[name], limits.FILE_BYTES, "x.json", ("verify", "--quick", "--resume"), id=f"kept {name}")
        for name in JSON
    ),
    *(pytest.param(JSON[name], limits.LOG_LINE_BYTES, "x.jsonl", ("audit",), id=f"a line of {name}") for name in JSON),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("make", "size", "file", "command"), EACH)
def test_a_file_of_the_largest_size_is_refused_in_time(
    make: Callable[[int], str], size: int, file: str, command: tuple[str, ...], tmp_path: Path, commands: Commands
) -> None:
    text = make(size)
    assert len(text.encode()) <= size
    (tmp_path / file).write_text(text, encoding="utf-8")
    ended = commands.run(tmp_path, *command, file)
    assert ended.status == 2, ended
    assert ended.err.startswith("liqspec: ") and ended.err.count("\n") == 1, ended
    assert ended.seconds < SECONDS
    assert ended.peak < BYTES
