"""The version of the rules, read without the rules themselves (VER-1)."""

import re
from functools import cache

from liqspec.edge import files

_VERSION = re.compile(r"^Rules version: \*\*([0-9]+\.[0-9]+\.[0-9]+)\*\*", re.MULTILINE)


@cache
def rules_version() -> str:
    """The version that `spec/rules.md` states (VER-1)."""
    match = _VERSION.search(files.read_text(files.ROOT / "rules.md"))
    if match is None:
        raise ValueError("rules.md: the version of the rules is missing")
    return match[1]
