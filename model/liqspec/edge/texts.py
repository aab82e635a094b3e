"""Short texts on one line, for messages about values that may be anything."""

import json
import re
from collections.abc import Iterable
from difflib import get_close_matches

MAX_SHOWN = 60

_ENTRY = re.compile(r"\[([0-9]+)\](\.?)")


def counted(number: int, noun: str) -> str:
    """A count with its noun, such as "1 event" or "2,600 events"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def thousands(text: str) -> str:
    """A decimal string with thousands separators before its point."""
    whole, point, places = text.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    grouped = ",".join(re.findall(".{1,3}", digits[::-1]))[::-1]
    return sign + grouped + point + places


def time_text(milliseconds: int) -> str:
    """A time for people: in seconds where it is at least one, else in milliseconds."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds:,}" + (f".{rest:03d}".rstrip("0") if rest else "") + " s"


def snake_case(name: str) -> str:
    """The name of a class as it is written outside: `MarkPrice` is `mark_price`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def words(name: str) -> str:
    """A name of the specification in words: underscores become spaces."""
    return name.replace("_", " ")


def slug(text: str) -> str:
    """The text as a part of a file's name: small letters and digits, joined by hyphens."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")


def placed(path: str, message: str) -> str:
    """A message after its place in words: `step[4].event.price` is "step 4, event.price"; entries count from 1."""
    place = _ENTRY.sub(lambda found: f" {found[1]}" + (", " if found[2] else ""), path)
    return one_line(f"{place}: {message}" if path else message)


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """The question after what is unknown, such as "; did you mean deficit?"; empty if nothing known is close."""
    close = get_close_matches(wrong, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def visible(text: str, kept: str = "") -> str:
    """The text with all that is not printable escaped, except what is `kept`, so that it cannot act on a terminal.

    Not printable are control characters (terminal escapes, line ends), marks of direction, and unpaired surrogates.
    """
    return "".join(one if one.isprintable() or one in kept else repr(one)[1:-1] for one in text)


def one_line(text: str, most: int = 2_000) -> str:
    """The text with what is not printable escaped, and its end left out where it is longer than `most`."""
    plain = visible(text[: most * 2])
    return plain if len(plain) <= most else f"{plain[: most * 2 // 3]}… ({len(text)} characters)"


def show(value: object) -> str:
    """A short picture of a value of plain data, as JSON would write it."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, str):
        return one_line(f'"{value}"', MAX_SHOWN)
    try:
        return one_line(json.dumps(value, ensure_ascii=False, default=str), MAX_SHOWN)
    except (
        TypeError,
        ValueError,
        RecursionError,
    ):  # a key of another type, an integer inside it is too long to print, or it is nested too deeply
        return f"a {type(value).__name__} too large to show"
