"""How JSON is written for other programs and for people: strict, and without what could act on a terminal."""

import json
from typing import Any


def json_text(
    data: Any, *, indent: int | None = None, escaped: bool = False, separators: tuple[str, str] | None = None
) -> str:
    """Data as JSON, with all that is not printable escaped, or all that is not ASCII.

    Raises:
        ValueError: it has NaN or an infinity, which JSON does not have.
    """
    text = json.dumps(data, ensure_ascii=escaped, indent=indent, separators=separators, allow_nan=False)
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)
