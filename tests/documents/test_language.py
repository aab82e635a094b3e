"""Plain English: the phrases and names of `language.toml` are nowhere in code, messages and pages."""

import io
import re
import subprocess
import token
import tokenize
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from typing import Any

import pytest

from support.paths import ROOT

LIST = "tests/documents/language.toml"
LANGUAGE: dict[str, list[dict[str, Any]]] = tomllib.loads((ROOT / LIST).read_text(encoding="utf-8"))
PROSE = (".py", ".md", ".toml", ".js", ".mjs", ".c", ".h", ".yml", "Makefile")
STRINGS = {token.STRING, getattr(token, "FSTRING_MIDDLE", token.STRING)}


def read() -> Iterator[str]:
    """The paths of the pages and the code, as git lists them; not the list itself, nor this test of it."""
    roots = ("README.md", "docs", "ARCHITECTURE.md", "Makefile", "pyproject.toml", ".github", "model", "spec", "tests")
    done = subprocess.run(["git", "ls-files", *roots], cwd=ROOT, capture_output=True, text=True, check=True)
    for path in done.stdout.splitlines():
        if path.endswith(PROSE) and path not in (LIST, "tests/documents/test_language.py") and (ROOT / path).exists():
            yield path


def tokens(text: str) -> list[tokenize.TokenInfo]:
    """The tokens of Python code."""
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


def prose(path: str, text: str) -> Iterator[tuple[int, str]]:
    """The lines with words for people.

    Of Python these are comments and strings, without the expressions in them, and without strings of one word: those
    are names.
    """
    if not path.endswith(".py"):
        yield from enumerate(text.splitlines(), 1)
        return
    for one in tokens(text):
        if one.type == token.COMMENT or (one.type in STRINGS and not re.fullmatch(r"""["']\w+["']""", one.string)):
            said = re.sub(r"\{[^{}]*\}", "", one.string) if re.match("[a-zA-Z]*f", one.string) else one.string
            yield from enumerate(said.splitlines(), one.start[0])


def words(name: str) -> str:
    """The words of an identifier, each between underscores: `_words_of_it_`."""
    return "_" + re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_") + "_"


def allowed(path: str, phrase: str) -> bool:
    """Whether the list lets this file have this phrase, for a reason."""
    return any(fnmatch(path, entry["files"]) and phrase.lower() in entry["phrases"] for entry in LANGUAGE["allowed"])


@cache
def instead_of(name: str) -> tuple[str, ...]:
    """What to write instead of an identifier that has words of the list."""
    return tuple(
        entry["instead"] for entry in LANGUAGE["names"] if any(f"_{word}_" in words(name) for word in entry["words"])
    )


def found_in(path: str, text: str) -> list[str]:
    """What a file should say otherwise: each with its line, the phrase, and what to write instead."""
    found = []
    # Most patterns are nowhere in a file: only the others are looked for line by line.
    here = [entry for entry in LANGUAGE["phrases"] if re.search(entry["pattern"], text, re.MULTILINE)]
    for number, line in prose(path, text) if here else ():
        for entry in here:
            for phrase in {match.group(0).strip() for match in re.finditer(entry["pattern"], line)}:
                if not allowed(path, phrase):
                    found.append(f"{path}:{number}: {phrase!r}: write {entry['instead']}")
    if path.endswith(".py") and any(map(instead_of, re.findall(r"\w+", text))):
        for one in tokens(text):
            for instead in instead_of(one.string) if one.type == token.NAME else ():
                if not allowed(path, one.string):
                    found.append(f"{path}:{one.start[0]}: the name {one.string}: write {instead}")
    return found


def test_pages_and_code_use_plain_english() -> None:
    found = [line for path in read() for line in found_in(path, (ROOT / path).read_text(encoding="utf-8"))]
    assert found == [], "\n".join(["", *found])


@pytest.mark.parametrize(
    ("path", "text", "finding"),
    [
        ("a.md", "one\nThe key stands twice.", "a.md:2: 'stands twice': write is repeated"),
        ("a.py", '"""First.\n\nWhat is told."""\n', "a.py:3: 'told': write reported"),
        ("a.py", "x = 1  # of its own\n", "a.py:1: 'of its own': write its own"),
        ("a.py", 'raise ValueError(f"{told} is no name")\n', "a.py:1: 'is no': write is not a"),
        ("a.py", "def _spoilt_by(): ...\n", "a.py:1: the name _spoilt_by: write malformed"),
        ("a.py", "class LeftOver: ...\n", "a.py:1: the name LeftOver: write failed"),
        ("a.py", "told = 1\n", "a.py:1: the name told: write reported"),
        ("a.py", "class World: ...\n", "a.py:1: the name World: write setting"),
    ],
)
def test_a_banned_phrase_is_found(path: str, text: str, finding: str) -> None:
    assert any(line.startswith(finding) for line in found_in(path, text))


@pytest.mark.parametrize("text", ["# there is no mark, and the size is no larger\n", 'x = f"{lest}"\n', "shown = 1\n"])
def test_plain_english_passes(text: str) -> None:
    assert found_in("a.py", text) == []


def test_each_exception_has_a_reason_and_is_needed() -> None:
    listed = [(path, (ROOT / path).read_text(encoding="utf-8").lower()) for path in read()]
    for entry in LANGUAGE["allowed"]:
        assert len(entry["reason"]) > 20, entry
        text = "".join(text for path, text in listed if fnmatch(path, entry["files"]))
        assert [phrase for phrase in entry["phrases"] if phrase not in text] == [], entry
