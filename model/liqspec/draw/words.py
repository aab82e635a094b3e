"""Short texts on pictures: times, events and names that must fit."""

import textwrap

from liqspec.core.events import EventData
from liqspec.report.amounts import thousands


def time_text(milliseconds: int) -> str:
    """A time for people: in seconds where it is at least one, else in milliseconds."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds, rest = divmod(milliseconds, 1000)
    return thousands(str(seconds)) + (f".{rest:03d}".rstrip("0") if rest else "") + " s"


def short(text: str, most: int) -> str:
    """The text, without its middle where it is longer than `most` characters: both ends of a key say the most."""
    plain = "".join(character if character.isprintable() else "�" for character in text)
    if len(plain) <= most:
        return plain
    end = most // 3
    return f"{plain[: most - end - 1]}…{plain[-end:]}"


def words(name: str) -> str:
    """A name of the specification in words: underscores become spaces."""
    return name.replace("_", " ")


def event_label(event: EventData, width: int = 11) -> str:
    """What kind of event it is and what it is about, in at most three short lines."""
    kind = words(str(event.get("type")))
    about = event.get("market") or event.get("account")
    if isinstance(event.get("prices"), dict):
        about = ", ".join(event["prices"])
    lines = textwrap.wrap(kind, width, max_lines=2, placeholder="…") or ["?"]
    return "\n".join([*lines, short(str(about), width)] if about else lines)
